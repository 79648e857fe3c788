/**
 * `StreamEvents` over gRPC, answered on the HTTP/2 stream itself, as `lean-calls.ts` does with calls of one message and
 * under the same rules: nobody can tell from outside which way a stream went.
 */
import type { Compression } from "@connectrpc/connect/protocol";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import type { SourceEvent } from "@event-collector/contract";
import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Logger } from "pino";
import type { Receipt } from "../ingest.js";
import type { Exchange } from "../server/exchange.js";
import type { StreamResponse } from "../server/stream-request.js";
import { failCall } from "./call-failure.js";
import { readFrames } from "./frame-source.js";
import type { FrameSourceOptions } from "./frame-source.js";
import { encodeStreamAnswer, frameFor } from "./lean-answer.js";
import { framedHeaders } from "./lean-protocol.js";
import { answerStream } from "./stream-answers.js";
import type { GroupLimits } from "./stream-groups.js";

export interface LeanStreamParts {
  readonly store: (exchange: Exchange, events: readonly SourceEvent[]) => Promise<Receipt>;
  readonly logger: Logger;
  readonly leaving: AbortSignal;
}

export interface LeanStreamOptions extends FrameSourceOptions {
  readonly groups: GroupLimits;
}

/** Ends with the answer. Never rejects. */
export async function answerLeanStream(
  { store, logger, leaving }: LeanStreamParts,
  outgoing: StreamResponse,
  exchange: Exchange,
  compression: Compression | undefined,
  options: LeanStreamOptions,
): Promise<void> {
  const { hold } = exchange;
  const { stream } = outgoing;
  // Until it is told otherwise: a caller that goes away ends it without a word.
  exchange.code = "canceled";
  const parts = {
    store: (events: readonly SourceEvent[]) => store(exchange, events),
    permit: () => exchange.permit(),
    hold,
    leaving,
  };
  let trailers: Readonly<Record<string, string>> = { "grpc-status": "0" };
  /** With the first answer: until then a stream says nothing. */
  const begin = (): void => {
    if (stream.headersSent) return;
    const headers = framedHeaders("application/grpc+proto", compression);
    respondWithTrailers(stream, { ...outgoing.getHeaders(), ...headers, ":status": 200 }, () => trailers);
  };
  try {
    const events = readFrames(stream, hold, options);
    for await (const answer of answerStream(events, (event) => event, parts, options.groups)) {
      const frame = await frameFor(encodeStreamAnswer(answer), compression);
      if (isGone(stream)) return;
      begin();
      if (!stream.write(frame)) await drained(stream);
    }
    exchange.code = "ok";
  } catch (reason) {
    if (isGone(stream)) return;
    trailers = Object.fromEntries(setTrailerStatus(new Headers(), failCall(logger, exchange, reason)));
  }
  if (isGone(stream)) return;
  begin();
  stream.end();
}

/** Begins an answer; `trailers` is asked when its body has ended. */
export function respondWithTrailers(
  stream: ServerHttp2Stream,
  head: OutgoingHttpHeaders,
  trailers: () => Readonly<Record<string, string>>,
): void {
  stream.on("wantTrailers", () => stream.sendTrailers(trailers()));
  stream.respond(head, { waitForTrailers: true });
}

function isGone(stream: ServerHttp2Stream): boolean {
  return stream.destroyed || stream.closed;
}

/** Resolves when more can be written, or nothing can be any more. */
function drained(stream: ServerHttp2Stream): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      stream.off("drain", done);
      stream.off("close", done);
      resolve();
    };
    stream.on("drain", done);
    stream.on("close", done);
  });
}
