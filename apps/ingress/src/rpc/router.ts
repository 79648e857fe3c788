/**
 * The RPC side of the port: the services over Connect, gRPC and gRPC-Web, and how a call meets its exchange.
 *
 * It stands where connect-node's own adapter would: that one keeps its paths to itself and reports to the console.
 */
import {
  Code,
  ConnectError,
  createConnectRouter,
  createContextKey,
  createContextValues,
} from "@connectrpc/connect";
import type { ConnectRouter, ContextKey, HandlerContext, Interceptor } from "@connectrpc/connect";
import {
  compressionBrotli,
  compressionGzip,
  universalRequestFromNodeRequest,
  universalResponseToNodeResponse,
} from "@connectrpc/connect-node";
import { createAsyncIterable } from "@connectrpc/connect/protocol";
import type {
  Compression,
  UniversalHandler,
  UniversalServerRequest,
  UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import { codeToString, errorToJsonBytes } from "@connectrpc/connect/protocol-connect";
import { BODY_DEPTH_MAX } from "@event-collector/contract";
import type { Logger } from "pino";
import type { Door } from "../server/gate.js";
import type { BodyHold } from "../server/body-budget.js";
import { putHeaders } from "../server/exchange.js";
import type { Exchange } from "../server/exchange.js";
import type { Incoming, Outgoing } from "../server/incoming.js";
import { PlainRequest, PlainResponse } from "../server/plain-request.js";
import { nodeObjectsOf } from "../server/stream-request.js";
import { isForgotten } from "../server/unread-body.js";
import type { Turnstile } from "../turnstile.js";
import { failCall } from "./call-failure.js";
import type { LeanCalls } from "./lean-calls.js";
import { answerUniversally, universalRequestOf } from "./plain-call.js";

export interface RpcOptions {
  /** Bytes of one message, before and after decompression. */
  readonly messageBytesMax: number;
  /** Messages that are decompressed at once: each may become as large as a message can be. */
  readonly decompress: Turnstile;
  /** Answers the calls that it can without the machinery of the library; undefined: none. */
  readonly lean?: LeanCalls;
}

/** The longest deadline a caller may set: within what a timer holds (24.8 days), beyond what anybody waits. */
const DEADLINE_MAX_MS = 24 * 60 * 60 * 1000;

/**
 * What decoders may recurse: a level of a Struct costs three messages. Enough that every event which REST judges
 * alone as too deep is judged alone here too.
 */
export const RECURSION_MAX: number = 3 * BODY_DEPTH_MAX;

const exchangeKey: ContextKey<Exchange | undefined> = createContextKey<Exchange | undefined>(undefined);

/** The exchange that a call came with; undefined where a test calls a service by itself. */
export function exchangeOf(context: HandlerContext): Exchange | undefined {
  return context.values.get(exchangeKey);
}

export function createRpcDoor(
  services: readonly ((router: ConnectRouter) => void)[],
  logger: Logger,
  options: RpcOptions,
): Door {
  const router = createConnectRouter({
    acceptCompression: [compressionGzip, compressionBrotli].map((one) =>
      takingTurns(one, options.decompress),
    ),
    readMaxBytes: options.messageBytesMax,
    maxTimeoutMs: DEADLINE_MAX_MS,
    binaryOptions: { recursionLimit: RECURSION_MAX },
    jsonOptions: { recursionLimit: RECURSION_MAX },
    interceptors: [createOutcomeInterceptor(logger)],
  });
  for (const register of services) register(router);
  const handlers = new Map(router.handlers.map((handler) => [handler.requestPath, handler]));
  return {
    routes: new Map(
      router.handlers.map((handler) => [handler.requestPath, { streaming: isStreaming(handler) }]),
    ),
    servesPlain: (path, head) => options.lean?.takesPlain(path, head) ?? false,
    enter: (incoming, outgoing, exchange) => {
      putHeaders(outgoing, exchange);
      if (options.lean?.takes(incoming, exchange) !== true) return handle(incoming, outgoing, exchange);
      options.lean.enter(incoming, outgoing, exchange, (body) => handle(incoming, outgoing, exchange, body));
    },
  };

  /** `given` is the body where it is not read from the request any more. */
  function handle(
    incoming: Incoming,
    outgoing: Outgoing,
    exchange: Exchange,
    given?: AsyncIterable<Uint8Array>,
  ): void {
    const handler = handlers.get(exchange.route);
    if (handler === undefined) throw new Error(`no handler for ${exchange.route}`);
    const { request, answer } = universal(incoming, outgoing);
    const contextValues = createContextValues().set(exchangeKey, exchange);
    const body = countBody(given ?? request.body, exchange.hold, incoming);
    handler({ ...request, body, contextValues })
      .then((response) => answer(settle(response, exchange)))
      // What fails here is the writing of an answer: its reader is gone.
      .catch((error: unknown) => logger.debug({ error, requestId: exchange.id }, "answer not delivered"));
  }
}

/** A request as the handlers have it, and how their answer gets out. */
interface Universal {
  readonly request: Omit<UniversalServerRequest, "contextValues">;
  readonly answer: (response: UniversalServerResponse) => Promise<void>;
}

function universal(incoming: Incoming, outgoing: Outgoing): Universal {
  if (incoming instanceof PlainRequest && outgoing instanceof PlainResponse) {
    return {
      request: universalRequestOf(incoming, outgoing),
      answer: (response) => answerUniversally(outgoing, response),
    };
  }
  const node = nodeObjectsOf(incoming, outgoing);
  return {
    request: universalRequestFromNodeRequest(node.incoming, node.outgoing, undefined, undefined),
    answer: (response) => universalResponseToNodeResponse(response, node.outgoing),
  };
}

function takingTurns(compression: Compression, turnstile: Turnstile): Compression {
  return {
    ...compression,
    decompress: (bytes, bytesMax) => turnstile(() => compression.decompress(bytes, bytesMax)),
  };
}

/** Counts the bytes of the body as they are read. One that nobody wants any more does not end as if it were whole. */
function countBody(
  body: UniversalServerRequest["body"],
  hold: BodyHold,
  incoming: Incoming,
): UniversalServerRequest["body"] {
  if (typeof body !== "object" || body === null || !(Symbol.asyncIterator in body)) return body;
  return {
    [Symbol.asyncIterator]: () => {
      const chunks = body[Symbol.asyncIterator]();
      return {
        ...chunks,
        next: async () => {
          const result = await chunks.next();
          if (result.done !== true) hold.add(result.value.byteLength);
          else if (isForgotten(incoming)) throw new ConnectError("the call was ended", Code.Canceled);
          else hold.arrived();
          return result;
        },
      };
    },
  };
}

function isStreaming(handler: UniversalHandler): boolean {
  return handler.method.methodKind !== "unary";
}

/** Gives a code to a call that failed before the interceptor saw it: its message could not be read or decoded. */
function settle(response: UniversalServerResponse, exchange: Exchange): UniversalServerResponse {
  if (exchange.code !== undefined || exchange.streaming) return response;
  exchange.code = response.status === 200 ? grpcCodeOf(response) : String(response.status);
  // The handlers call bytes that are no message an internal error. gRPC has it so, but for Connect it is the
  // caller's fault (as in its other implementations), and 5xx would ask the caller to send them again.
  if (response.status !== 500) return response;
  const error = new ConnectError("the message cannot be decoded", Code.InvalidArgument);
  exchange.code = codeToString(error.code);
  const body = errorToJsonBytes(error, undefined);
  response.header?.set("content-length", String(body.byteLength));
  return { ...response, status: 400, body: createAsyncIterable([body]) };
}

/** The code in the trailers. Where the protocol hides them in the body it stays unknown. */
function grpcCodeOf({ trailer }: UniversalServerResponse): string {
  const status = Number(trailer?.get("grpc-status") ?? Code.Unknown);
  return status in Code ? codeToString(status) : "unknown";
}

/** Notes how each call ended, and keeps what is nobody's business out of the answer and in the log. */
function createOutcomeInterceptor(logger: Logger): Interceptor {
  return (next) => async (request) => {
    const exchange = request.contextValues.get(exchangeKey);
    const fail = (reason: unknown): ConnectError => failCall(logger, exchange, reason);
    try {
      const response = await next(request);
      if (response.stream) return { ...response, message: watch(response.message, exchange, fail) };
      if (exchange !== undefined) exchange.code = "ok";
      return response;
    } catch (reason) {
      throw fail(reason);
    }
  };
}

async function* watch<Message>(
  messages: AsyncIterable<Message>,
  exchange: Exchange | undefined,
  fail: (reason: unknown) => ConnectError,
): AsyncGenerator<Message> {
  // Until it is told otherwise: a caller that goes away ends the generator without a word.
  if (exchange !== undefined) exchange.code = "canceled";
  try {
    yield* messages;
    if (exchange !== undefined) exchange.code = "ok";
  } catch (reason) {
    throw fail(reason);
  }
}
