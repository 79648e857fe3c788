/**
 * Calls answered without the library, whose way through async iterables and abort signals costs many times what storing
 * an event does: those of one message over every protocol, and streams over gRPC.
 *
 * **Invariant:** nobody can tell from outside which way a call went. Whatever is not the plain case (compressed or
 * damaged messages, deadlines, unusual content types) goes the library's way, which knows what to say of it; a test
 * puts the same calls to both ways.
 * **Invariant:** what the gate has judged is not judged again here, and what it has begun ends as every exchange does.
 */
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import type { Compression } from "@connectrpc/connect/protocol";
import { EventCollectorService, readWireBatch, readWireEvent } from "@event-collector/contract";
import type { SourceEvent } from "@event-collector/contract";
import type { IncomingHttpHeaders } from "node:http";
import type { OutgoingHttpHeaders, ServerHttp2Stream } from "node:http2";
import type { Logger } from "pino";
import type { Ingest, Receipt } from "../ingest.js";
import type { Exchange } from "../server/exchange.js";
import type { Incoming, Outgoing } from "../server/incoming.js";
import type { PlainHead } from "../server/plain-head.js";
import { PlainResponse } from "../server/plain-request.js";
import { StreamRequest, StreamResponse } from "../server/stream-request.js";
import { failCall } from "./call-failure.js";
import { refusalError } from "./connect-error.js";
import { encodeBatchAnswer, encodeEventAnswer, printBatchAnswer, printEventAnswer } from "./lean-answer.js";
import { CONNECT_JSON, CONNECT_PROTO, GRPC, GRPC_WEB } from "./lean-protocol.js";
import type { LeanAnswer, LeanProtocol } from "./lean-protocol.js";
import { answerLeanStream, respondWithTrailers } from "./lean-stream.js";
import type { LeanStreamOptions } from "./lean-stream.js";
import { readJsonBatch, readJsonEvent } from "./proto-json.js";
import { readWholeMessage } from "./whole-message.js";

export interface LeanCalls {
  /** True for calls that may be answered here, as far as their heads tell. */
  takes(incoming: Incoming, exchange: Exchange): boolean;
  /** The same of a call over HTTP/1.1 whose body has a length. */
  takesPlain(path: string, head: PlainHead): boolean;
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
  read(message: Buffer): readonly SourceEvent[] | undefined;
  /** Throws a ConnectError if the receipt means that the call has failed. */
  write(receipt: Receipt): Uint8Array;
}

function single(read: (message: Buffer) => SourceEvent | undefined): Method["read"] {
  return (message) => {
    const event = read(message);
    return event && [event];
  };
}

const SERVICE = `/${EventCollectorService.typeName}`;

const METHODS: ReadonlyMap<string, Readonly<Record<LeanProtocol["codec"], Method>>> = new Map([
  [
    `${SERVICE}/CollectEvent`,
    {
      proto: { read: single(readWireEvent), write: encodeEventAnswer },
      json: { read: single(readJsonEvent), write: printEventAnswer },
    },
  ],
  [
    `${SERVICE}/CollectEvents`,
    {
      proto: { read: readWireBatch, write: encodeBatchAnswer },
      json: { read: readJsonBatch, write: printBatchAnswer },
    },
  ],
]);

const STREAM = `${SERVICE}/StreamEvents`;

const PROTOCOLS: ReadonlyMap<string | undefined, LeanProtocol> = new Map([
  ["application/grpc", GRPC],
  ["application/grpc+proto", GRPC],
  ["application/grpc-web", GRPC_WEB],
  ["application/grpc-web+proto", GRPC_WEB],
  ["application/proto", CONNECT_PROTO],
  ["application/json", CONNECT_JSON],
  ["application/json; charset=utf-8", CONNECT_JSON],
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
    outgoing: Outgoing,
    exchange: Exchange,
    protocol: LeanProtocol,
    compression: Compression | undefined,
    method: Method,
    events: readonly SourceEvent[],
  ): Promise<void> {
    let made: LeanAnswer;
    try {
      const message = method.write(await store(ingest, exchange, events));
      made = await protocol.succeed(message, compression);
      exchange.code = "ok";
    } catch (reason) {
      made = await protocol.fail(failCall(logger, exchange, reason), compression);
    }
    send(outgoing, made);
  }

  return {
    // gRPC needs the trailers of HTTP/2, which Node's own object would send by itself.
    takes: (incoming, { route }) =>
      incoming.method === "POST" && isLean(route, incoming.headers, incoming instanceof StreamRequest),
    takesPlain: (path, { headers }) => isLean(path, headers, false),
    enter: (incoming, outgoing, exchange, handOver) => {
      const protocol = PROTOCOLS.get(incoming.headers["content-type"]);
      if (protocol === undefined) throw new Error("no lean call");
      const compression = acceptedCompression(incoming.headers[protocol.acceptEncoding]);
      const method = METHODS.get(exchange.route)?.[protocol.codec];
      if (method === undefined) {
        if (!(outgoing instanceof StreamResponse)) throw new Error("no stream of its own");
        return void answerLeanStream(streamParts, outgoing, exchange, compression, options);
      }
      const shape = { isFramed: protocol.isFramed, bytesMax: options.messageBytesMax };
      readWholeMessage(incoming, exchange.hold, shape, {
        message: (message, body) => {
          const events = method.read(message);
          if (events !== undefined) {
            return void answer(outgoing, exchange, protocol, compression, method, events);
          }
          exchange.hold.release();
          handOver(body());
        },
        other: handOver,
      });
    },
  };
}

function isLean(route: string, headers: IncomingHttpHeaders, isStream: boolean): boolean {
  const protocol = PROTOCOLS.get(headers["content-type"]);
  return (
    protocol !== undefined &&
    (METHODS.has(route) || (route === STREAM && protocol === GRPC)) &&
    (protocol !== GRPC || isStream) &&
    headers[protocol.timeout] === undefined &&
    (headers[protocol.encoding] ?? "identity") === "identity"
  );
}

/** Says nothing where the exchange was ended meanwhile, or its caller is gone. */
function send(outgoing: Outgoing, answer: LeanAnswer): void {
  if ("stream" in outgoing) return respond(outgoing.stream, outgoing.getHeaders(), answer);
  const { status, headers, body } = answer;
  if (outgoing instanceof PlainResponse)
    return outgoing.answer(status, headers, body === undefined ? [] : [body]);
  if (outgoing.headersSent || outgoing.destroyed) return;
  outgoing.writeHead(status, headers);
  if (body === undefined) outgoing.end();
  // Text of one character a byte leaves with the head in one piece, where bytes would be a piece of their own.
  else outgoing.end(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("latin1"), "latin1");
}

function respond(
  stream: ServerHttp2Stream,
  begun: OutgoingHttpHeaders,
  { status, headers, body, trailers }: LeanAnswer,
): void {
  if (stream.headersSent || stream.destroyed || stream.closed) return;
  const head = Object.assign(begun, headers, { ":status": status });
  if (trailers === undefined) stream.respond(head);
  else respondWithTrailers(stream, head, () => trailers);
  if (body === undefined) stream.end();
  else stream.end(body);
}

async function store(ingest: Ingest, exchange: Exchange, events: readonly SourceEvent[]): Promise<Receipt> {
  const { id, trace, key, protocol } = exchange;
  const result = await ingest({ events, protocol, requestId: id, trace, limits: key?.eventLimits });
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
