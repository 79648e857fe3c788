/**
 * What every request passes, whatever its protocol, before a handler sees it: its name, the guard against hosts
 * that are none, origins, the API key, the announced size. Handlers behind it need not repeat any of it.
 *
 * **Invariant:** no request reaches the RPC handlers without an authority that they can build a URL from.
 * **Invariant:** the paths open to everybody are listed exactly; any other spelling of them needs the key.
 */
import { constants } from "node:http2";
import type { Http2ServerRequest, Http2ServerResponse } from "node:http2";
import type { IncomingMessage, ServerResponse } from "node:http";
import { FAILURES } from "@event-collector/contract";
import type { Refusal } from "@event-collector/contract";
import type { Clock } from "@event-collector/spool";
import type { Authenticator } from "../auth.js";
import { makeId } from "../ids.js";
import { problemOf } from "../http/problem.js";
import type { Lifecycle } from "../lifecycle.js";
import type { RequestLimits } from "../refusal.js";
import { refuseRpc } from "../rpc/refuse-rpc.js";
import type { RawAnswer } from "../rpc/refuse-rpc.js";
import { hasUsableAuthority } from "./authority.js";
import type { Cors } from "./cors.js";
import type { Exchange, Exchanges, Protocol } from "./exchange.js";
import { traceContextOf } from "./trace-context.js";

export type Incoming = IncomingMessage | Http2ServerRequest;
export type Outgoing = ServerResponse | Http2ServerResponse;

/** One way on from the gate. */
export interface Door {
  /** The paths it knows. */
  readonly routes: ReadonlyMap<string, { readonly streaming: boolean }>;
  enter(incoming: Incoming, outgoing: Outgoing, exchange: Exchange): void;
}

export interface GateParts {
  /** Takes every path that the RPC door does not know. */
  readonly rest: Door;
  readonly rpc: Door;
  readonly authenticate: Authenticator;
  readonly cors: Cors;
  readonly exchanges: Exchanges;
  readonly lifecycle: Lifecycle;
  readonly clock: Clock;
  /** Told of each exchange when it is over. */
  readonly ended: (exchange: Exchange, code: string, seconds: number) => void;
}

export interface GateOptions {
  /** Paths that need no key. */
  readonly openPaths: ReadonlySet<string>;
  /** Bytes that a request may announce. */
  readonly bodyBytesMax: number;
  readonly limits: RequestLimits;
}

export type Gate = (incoming: Incoming, outgoing: Outgoing) => void;

/** What of a refused body is read and forgotten so that the answer arrives; beyond it the connection is cut. */
const DISCARDED_BYTES_MAX = 4 * 1024 * 1024;

export function createGate(parts: GateParts, options: GateOptions): Gate {
  const { cors, exchanges, lifecycle, clock } = parts;

  return (incoming, outgoing) => {
    const path = pathOf(incoming);
    const isRpc = parts.rpc.routes.has(path);
    const door = isRpc ? parts.rpc : parts.rest;
    const exchange = createExchange(incoming, door, path, isRpc, clock);
    exchanges.begin(exchange, () => cut(incoming));
    outgoing.once("close", () => {
      exchanges.end(exchange);
      const code = exchange.code ?? (outgoing.headersSent ? String(outgoing.statusCode) : "canceled");
      parts.ended(exchange, code, (clock.monotonic() - exchange.startedAt) / 1000);
    });
    outgoing.setHeader("x-request-id", exchange.id);
    const { origin } = incoming.headers;
    for (const [name, value] of Object.entries(cors.headersFor(origin))) outgoing.setHeader(name, value);
    if (incoming.httpVersionMajor === 1 && lifecycle.leaving.aborted)
      outgoing.setHeader("connection", "close");

    const refusal = refuse(incoming, path);
    if (refusal !== undefined) {
      refuseExchange(incoming, outgoing, exchange, refusal, options.limits);
    } else if (isPreflight(incoming)) {
      outgoing.writeHead(204, { ...cors.preflightHeadersFor(origin) });
      outgoing.end();
    } else {
      if (expectsContinue(incoming)) outgoing.writeContinue();
      door.enter(incoming, outgoing, exchange);
    }
  };

  function refuse(incoming: Incoming, path: string): Refusal | undefined {
    if (!hasUsableAuthority(incoming))
      return { code: "malformed_request", message: "the host is missing or is none" };
    if (lifecycle.aborted.aborted)
      return { code: "draining", message: "send it again; another instance will answer" };
    if (isPreflight(incoming)) return undefined;
    if (!cors.allows(incoming.headers.origin, authorityOf(incoming))) {
      return { code: "origin_forbidden", message: "pages of this origin may not use the service" };
    }
    if (!options.openPaths.has(path)) {
      const verdict = parts.authenticate(incoming.headers);
      if (verdict !== "allowed") return { code: "unauthenticated", message: `the API key is ${verdict}` };
    }
    if (Number(incoming.headers["content-length"]) > options.bodyBytesMax) {
      return { code: "body_too_large", message: `the body must have at most ${options.bodyBytesMax} bytes` };
    }
    return undefined;
  }
}

/** The path of the request, without the query; what is not in origin form stays as it is and matches nothing. */
function pathOf(incoming: Incoming): string {
  const url = incoming.url ?? "";
  const query = url.indexOf("?");
  return query < 0 ? url : url.slice(0, query);
}

function createExchange(
  incoming: Incoming,
  door: Door,
  path: string,
  isRpc: boolean,
  clock: Clock,
): Exchange {
  const route = door.routes.get(path);
  return {
    id: requestIdOf(incoming),
    protocol: protocolOf(incoming, isRpc),
    route: route === undefined ? "other" : path,
    streaming: route?.streaming ?? false,
    trace: traceContextOf(incoming.headers),
    startedAt: clock.monotonic(),
    code: undefined,
  };
}

function protocolOf(incoming: Incoming, isRpc: boolean): Protocol {
  if (!isRpc) return "rest";
  const type = incoming.headers["content-type"] ?? "";
  if (type.startsWith("application/grpc-web")) return "grpc-web";
  return type.startsWith("application/grpc") ? "grpc" : "connect";
}

const REQUEST_ID = /^[\w.:-]{1,128}$/;

/** The id that the sender or a proxy gave, if it is fit for a log, else one of our own. */
function requestIdOf(incoming: Incoming): string {
  const id = incoming.headers["x-request-id"];
  return typeof id === "string" && REQUEST_ID.test(id) ? id : makeId();
}

function authorityOf(incoming: Incoming): string | undefined {
  return "authority" in incoming ? incoming.authority : incoming.headers.host;
}

/** A preflight says what it is about; any other OPTIONS is a request like others. */
function isPreflight(incoming: Incoming): boolean {
  const { headers } = incoming;
  return (
    incoming.method === "OPTIONS" &&
    headers.origin !== undefined &&
    headers["access-control-request-method"] !== undefined
  );
}

/** Over HTTP/2 Node has answered this by itself. */
function expectsContinue(incoming: Incoming): boolean {
  return incoming.httpVersion === "1.1" && incoming.headers.expect?.toLowerCase() === "100-continue";
}

function refuseExchange(
  incoming: Incoming,
  outgoing: Outgoing,
  exchange: Exchange,
  refusal: Refusal,
  limits: RequestLimits,
): void {
  const isRest = exchange.protocol === "rest";
  if (!isRest) exchange.code = FAILURES[refusal.code].connect;
  const answer: RawAnswer = isRest
    ? problemOf(refusal, exchange.id, limits)
    : refuseRpc(refusal, incoming.headers["content-type"] ?? "");
  // Whoever asked before sending and hears no may send all the same: only a new connection is unambiguous.
  if (expectsContinue(incoming)) outgoing.setHeader("connection", "close");
  outgoing.writeHead(answer.status, { ...answer.headers });
  outgoing.end(answer.body);
  forgetBody(incoming, outgoing);
}

/** Frees what a body that nobody reads still holds. */
function forgetBody(incoming: Incoming, outgoing: Outgoing): void {
  if ("stream" in incoming) {
    const { stream } = incoming;
    outgoing.once("finish", () => stream.close(constants.NGHTTP2_NO_ERROR));
    return;
  }
  let bytes = 0;
  incoming.on("data", (chunk: Buffer) => {
    bytes += chunk.byteLength;
    if (bytes > DISCARDED_BYTES_MAX) incoming.socket.destroy();
  });
}

/** Ends an exchange whose time is up. */
function cut(incoming: Incoming): void {
  if ("stream" in incoming) incoming.stream.close(constants.NGHTTP2_CANCEL);
  else incoming.socket.destroy();
}
