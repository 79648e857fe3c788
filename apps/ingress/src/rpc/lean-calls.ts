/**
 * gRPC calls, answered on the HTTP/2 stream itself. The library's way through async iterables and
 * abort signals costs many times what storing an event does.
 *
 * **Invariant:** nobody can tell from outside which way a call went. Whatever is not the plain case (compressed or
 * damaged messages, deadlines, JSON) goes the library's way, which knows what to say of it; a test
 * puts the same calls to both ways.
 * **Invariant:** what the gate has judged is not judged again here, and what it has begun ends as every exchange does.
 */
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import type { Compression } from "@connectrpc/connect/protocol";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { EventCollectorService, readWireBatch, readWireEvent } from "@event-collector/contract";
import type { SourceEvent } from "@event-collector/contract";
import type { Http2ServerResponse } from "node:http2";
import type { Logger } from "pino";
import type { Ingest, Receipt } from "../ingest.js";
import type { Exchange } from "../server/exchange.js";
import type { Incoming, Outgoing } from "../server/incoming.js";
import { failCall } from "./call-failure.js";
import { refusalError } from "./connect-error.js";
import { encodeBatchAnswer, encodeEventAnswer, frameFor } from "./lean-answer.js";
import { answerLeanStream, writeHead } from "./lean-stream.js";
import type { LeanStreamOptions } from "./lean-stream.js";
import { readSingleFrame } from "./single-frame.js";

export interface LeanCalls {
  /** True for calls that may be answered here, as far as their heads tell. */
  takes(incoming: Incoming, exchange: Exchange): boolean;
  /** Answers a call, or gives its body to `handOver`. */
  enter(
    incoming: Incoming,
    outgoing: Outgoing,
    exchange: Exchange,
    handOver: (body: AsyncIterable<Uint8Array>) => void,
  ): void;
}

/** How the message of a method is read, and its answer written. */
interface Method {
  /** Undefined if the library must read it. */
  read(message: Uint8Array): readonly SourceEvent[] | undefined;
  /** Throws a ConnectError if the receipt means that the call has failed. */
  write(receipt: Receipt): Uint8Array;
}

const SERVICE = `/${EventCollectorService.typeName}`;

const METHODS: ReadonlyMap<string, Method> = new Map<string, Method>([
  [
    `${SERVICE}/CollectEvent`,
    {
      read: (message) => {
        const event = readWireEvent(message);
        return event && [event];
      },
      write: encodeEventAnswer,
    },
  ],
  [`${SERVICE}/CollectEvents`, { read: readWireBatch, write: encodeBatchAnswer }],
]);

const STREAM = `${SERVICE}/StreamEvents`;

const CONTENT_TYPES: ReadonlySet<string | undefined> = new Set([
  "application/grpc",
  "application/grpc+proto",
]);

const COMPRESSIONS: readonly Compression[] = [compressionGzip, compressionBrotli];

export function createLeanCalls(
  ingest: Ingest,
  logger: Logger,
  leaving: AbortSignal,
  options: LeanStreamOptions,
): LeanCalls {
  const streamParts = {
    store: (exchange: Exchange, events: readonly SourceEvent[]) => store(ingest, exchange, events),
    logger,
    leaving,
  };

  async function answer(
    outgoing: Http2ServerResponse,
    exchange: Exchange,
    compression: Compression | undefined,
    method: Method,
    events: readonly SourceEvent[],
  ): Promise<void> {
    let frame: Buffer | undefined;
    let trailers: Record<string, string> = OK;
    try {
      const message = method.write(await store(ingest, exchange, events));
      frame = await frameFor(message, compression);
      exchange.code = "ok";
    } catch (reason) {
      const error = failCall(logger, exchange, reason);
      trailers = Object.fromEntries(setTrailerStatus(new Headers(), error));
    }
    // The exchange was ended meanwhile, or its caller is gone.
    if (outgoing.headersSent || outgoing.stream.destroyed) return;
    writeHead(outgoing, compression);
    outgoing.addTrailers(trailers);
    if (frame === undefined) outgoing.end();
    else outgoing.end(frame);
  }

  return {
    takes: (incoming, exchange) => {
      const { headers, method } = incoming;
      return (
        "stream" in incoming &&
        method === "POST" &&
        (METHODS.has(exchange.route) || exchange.route === STREAM) &&
        CONTENT_TYPES.has(headers["content-type"]) &&
        headers["grpc-timeout"] === undefined &&
        (headers["grpc-encoding"] ?? "identity") === "identity"
      );
    },
    enter: (incoming, outgoing, exchange, handOver) => {
      if (!("stream" in incoming) || !("stream" in outgoing)) throw new Error("a lean call over HTTP/1.1");
      const compression = acceptedCompression(incoming.headers["grpc-accept-encoding"]);
      const method = METHODS.get(exchange.route);
      if (method === undefined) {
        return void answerLeanStream(streamParts, incoming, outgoing, exchange, compression, options);
      }
      readSingleFrame(incoming.stream, exchange.hold, options.messageBytesMax, {
        message: (message, body) => {
          const events = method.read(message);
          if (events !== undefined) return void answer(outgoing, exchange, compression, method, events);
          exchange.hold.release();
          handOver(body);
        },
        other: handOver,
      });
    },
  };
}

const OK: Record<string, string> = { "grpc-status": "0" };

async function store(ingest: Ingest, exchange: Exchange, events: readonly SourceEvent[]): Promise<Receipt> {
  const { id, trace, key } = exchange;
  const result = await ingest({
    events,
    protocol: "grpc",
    requestId: id,
    trace,
    limits: key?.eventLimits,
  });
  if (!result.ok) throw refusalError(result.refusal);
  return result.receipt;
}

/** The first that the caller names and that is known here. */
function acceptedCompression(header: string | string[] | undefined): Compression | undefined {
  if (typeof header !== "string" || header === "") return undefined;
  for (const name of header.split(",")) {
    const found = COMPRESSIONS.find((compression) => compression.name === name.trim());
    if (found !== undefined) return found;
  }
  return undefined;
}
