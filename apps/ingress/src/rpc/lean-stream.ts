/**
 * `StreamEvents` over gRPC, answered on the HTTP/2 stream itself, as `lean-calls.ts` does with calls of one message and
 * under the same rules: nobody can tell from outside which way a stream went.
 */
import type { Compression } from "@connectrpc/connect/protocol";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import type { SourceEvent } from "@event-collector/contract";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { Logger } from "pino";
import type { Receipt } from "../ingest.js";
import type { Exchange } from "../server/exchange.js";
import { failCall } from "./call-failure.js";
import { readFrames } from "./frame-source.js";
import type { FrameSourceOptions } from "./frame-source.js";
import { encodeStreamAnswer, frameFor } from "./lean-answer.js";
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
  incoming: Http2ServerRequest,
  outgoing: Http2ServerResponse,
  exchange: Exchange,
  compression: Compression | undefined,
  options: LeanStreamOptions,
): Promise<void> {
  const { hold } = exchange;
  // Until it is told otherwise: a caller that goes away ends it without a word.
  exchange.code = "canceled";
  const parts = {
    store: (events: readonly SourceEvent[]) => store(exchange, events),
    permit: () => exchange.permit(),
    hold,
    leaving,
  };
  let trailers: Record<string, string> = { "grpc-status": "0" };
  try {
    const events = readFrames(incoming.stream, hold, options);
    for await (const answer of answerStream(events, (event) => event, parts, options.groups)) {
      const frame = await frameFor(encodeStreamAnswer(answer), compression);
      if (outgoing.stream.destroyed) return;
      writeHead(outgoing, compression);
      if (!outgoing.write(frame)) await drained(outgoing);
    }
    exchange.code = "ok";
  } catch (reason) {
    if (outgoing.stream.destroyed) return;
    trailers = Object.fromEntries(setTrailerStatus(new Headers(), failCall(logger, exchange, reason)));
  }
  if (outgoing.stream.destroyed) return;
  writeHead(outgoing, compression);
  outgoing.addTrailers(trailers);
  outgoing.end();
}

/** Once, with the first answer: until then a stream says nothing. */
export function writeHead(outgoing: Http2ServerResponse, compression: Compression | undefined): void {
  if (outgoing.headersSent) return;
  outgoing.setHeader("content-type", "application/grpc+proto");
  if (compression !== undefined) outgoing.setHeader("grpc-encoding", compression.name);
  outgoing.writeHead(200);
}

/** Resolves when more can be written, or nothing can be any more. */
function drained(outgoing: Http2ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      outgoing.off("drain", done);
      outgoing.off("close", done);
      resolve();
    };
    outgoing.on("drain", done);
    outgoing.on("close", done);
  });
}
