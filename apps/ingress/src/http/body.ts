/**
 * Reads the body of a request into memory, never more of it than is allowed.
 *
 * **Invariant:** the cap counts what has arrived, not what was announced; at the cap nothing more is kept.
 */
import type { Refusal } from "@event-collector/contract";
import type { Readable } from "node:stream";

export type BodyReading =
  { readonly ok: true; readonly bytes: Buffer } | { readonly ok: false; readonly refusal: Refusal };

export function readBody(source: Readable, bytesMax: number): Promise<BodyReading> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;

    function settle(reading: BodyReading): void {
      source.off("data", take);
      source.off("end", finish);
      source.off("error", giveUp);
      source.off("close", giveUp);
      resolve(reading);
    }

    function take(chunk: Buffer): void {
      length += chunk.byteLength;
      chunks.push(chunk);
      if (length <= bytesMax) return;
      // The server behind this forgets the rest; here it would only be kept from ending the connection.
      source.pause();
      settle(refuse("body_too_large", `the body must have at most ${bytesMax} bytes`));
    }

    function finish(): void {
      const [first] = chunks;
      settle({
        ok: true,
        bytes: chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, length),
      });
    }

    /** Nobody is left to read the answer. */
    function giveUp(): void {
      settle(refuse("canceled", "the body did not arrive as a whole"));
    }

    source.on("data", take);
    source.on("end", finish);
    source.on("error", giveUp);
    source.on("close", giveUp);
    if (source.destroyed) giveUp();
  });
}

function refuse(code: Refusal["code"], message: string): BodyReading {
  return { ok: false, refusal: { code, message } };
}
