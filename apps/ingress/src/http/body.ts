/**
 * Reads the body of a request into memory, never more of it than is allowed.
 *
 * **Invariant:** the cap counts what has arrived, not what was announced; at the cap nothing more is kept.
 */
import { Http2ServerRequest } from "node:http2";
import type { Readable } from "node:stream";
import type { Refusal } from "@event-collector/contract";
import type { ServiceRefusal } from "../refusal.js";
import type { BodyHold } from "../server/body-budget.js";
import { PlainRequest } from "../server/plain-request.js";
import { FORGOTTEN, isForgotten } from "../server/unread-body.js";

export type BodyReading =
  { readonly ok: true; readonly bytes: Buffer } | { readonly ok: false; readonly refusal: ServiceRefusal };

/** The sender is gone: nobody is left to read the answer. */
export const CUT_SHORT: Refusal = { code: "canceled", message: "the body did not arrive as a whole" };

export function readBody(
  source: Readable | PlainRequest,
  bytesMax: number,
  hold: BodyHold,
): BodyReading | Promise<BodyReading> {
  return source instanceof PlainRequest
    ? readPlainBody(source, bytesMax, hold)
    : readStream(source, bytesMax, hold);
}

function readPlainBody(
  source: PlainRequest,
  bytesMax: number,
  hold: BodyHold,
): BodyReading | Promise<BodyReading> {
  if (!source.complete) {
    return new Promise((resolve) => source.readWhole(hold, (bytes) => resolve(readingOf(bytes, bytesMax))));
  }
  let reading: BodyReading | undefined;
  source.readWhole(hold, (bytes) => (reading = readingOf(bytes, bytesMax)));
  return reading ?? readingOf(undefined, bytesMax);
}

function readingOf(bytes: Buffer | undefined, bytesMax: number): BodyReading {
  if (bytes === undefined) return { ok: false, refusal: CUT_SHORT };
  // What was announced as larger has not come past the gate.
  return bytes.byteLength > bytesMax ? { ok: false, refusal: tooLarge(bytesMax) } : { ok: true, bytes };
}

function readStream(source: Readable, bytesMax: number, hold: BodyHold): Promise<BodyReading> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    let isSettled = false;

    function settle(reading: BodyReading): void {
      if (isSettled) return;
      isSettled = true;
      resolve(reading);
    }

    function take(chunk: Buffer): void {
      if (isSettled) return;
      length += chunk.byteLength;
      chunks.push(chunk);
      if (length <= bytesMax) return hold.add(chunk.byteLength);
      // The server behind this forgets the rest; here it would only be kept from ending the connection.
      source.off("data", take);
      source.pause();
      settle({ ok: false, refusal: tooLarge(bytesMax) });
    }

    function finish(): void {
      if (isSettled) return;
      if (wasAborted(source)) return giveUp();
      hold.arrived();
      const [first] = chunks;
      settle({
        ok: true,
        bytes: chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, length),
      });
    }

    function giveUp(): void {
      if (!isSettled) settle({ ok: false, refusal: CUT_SHORT });
    }

    source.on("data", take);
    source.on("end", finish);
    source.on("error", giveUp);
    source.on("close", giveUp);
    source.on(FORGOTTEN, giveUp);
    if (source.destroyed) giveUp();
  });
}

/**
 * True for a request whose sender went away, or that was answered before its body was here as a whole. Over HTTP/2 Node ends the body of a stream that was reset as if it were
 * complete; but nothing else closes a stream that was not answered yet.
 */
export function wasAborted(source: Readable): boolean {
  if (isForgotten(source)) return true;
  if (source instanceof Http2ServerRequest && source.stream.closed) return true;
  return "aborted" in source && source.aborted === true;
}

export function tooLarge(bytesMax: number): ServiceRefusal {
  return {
    code: "body_too_large",
    message: `the body must have at most ${bytesMax} bytes`,
    limit: { limit: bytesMax, unit: "bytes" },
  };
}
