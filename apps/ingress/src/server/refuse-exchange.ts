/** Says no to an exchange in the protocol of its caller, and ends exchanges that must not go on. */
import { constants } from "node:http2";
import { FAILURES } from "@event-collector/contract";
import { problemOf } from "../http/problem.js";
import type { RequestLimits, ServiceRefusal } from "../refusal.js";
import { refuseRpc } from "../rpc/refuse-rpc.js";
import type { RawAnswer } from "../rpc/refuse-rpc.js";
import type { Exchange } from "./exchange.js";
import { expectsContinue } from "./incoming.js";
import type { Incoming, Outgoing } from "./incoming.js";

/** What of a refused body is read and forgotten so that the answer arrives; beyond it the connection is cut. */
const DISCARDED_BYTES_MAX = 4 * 1024 * 1024;

/** How long a refused body may go on arriving: enough to notice the answer. */
const DISCARDED_MS = 5_000;

/** Refuses before anything of the body was read. */
export function refuseExchange(
  incoming: Incoming,
  outgoing: Outgoing,
  exchange: Exchange,
  refusal: ServiceRefusal,
  limits: RequestLimits,
): void {
  // Whoever asked before sending and hears no may send all the same: only a new connection is unambiguous.
  if (expectsContinue(incoming)) outgoing.setHeader("connection", "close");
  answer(incoming, outgoing, exchange, refusal, limits);
  forgetBody(incoming, outgoing);
}

/**
 * Ends an exchange that is under way: with an answer where none has begun and, when it is asked again and the
 * exchange is still there, without.
 */
export function endExchange(
  incoming: Incoming,
  outgoing: Outgoing,
  exchange: Exchange,
  refusal: ServiceRefusal,
  limits: RequestLimits,
): void {
  if (outgoing.headersSent || isGone(incoming)) return cut(incoming);
  if ("stream" in incoming) {
    const { stream } = incoming;
    outgoing.once("finish", () => stream.close(constants.NGHTTP2_NO_ERROR));
  } else {
    // An HTTP/1.1 connection cannot skip the rest of a body.
    outgoing.setHeader("connection", "close");
  }
  answer(incoming, outgoing, exchange, refusal, limits);
}

function answer(
  incoming: Incoming,
  outgoing: Outgoing,
  exchange: Exchange,
  refusal: ServiceRefusal,
  limits: RequestLimits,
): void {
  const isRest = exchange.protocol === "rest";
  if (!isRest) exchange.code = FAILURES[refusal.code].connect;
  const { status, headers, body }: RawAnswer = isRest
    ? problemOf(refusal, exchange.id, limits)
    : refuseRpc(refusal, incoming.headers["content-type"] ?? "");
  outgoing.writeHead(status, { ...headers });
  outgoing.end(body);
}

/** Frees what a body that nobody reads still holds. */
function forgetBody(incoming: Incoming, outgoing: Outgoing): void {
  if ("stream" in incoming) {
    const { stream } = incoming;
    outgoing.once("finish", () => stream.close(constants.NGHTTP2_NO_ERROR));
    return;
  }
  if (incoming.complete) return;
  const { socket } = incoming;
  const deadline = setTimeout(() => socket.destroy(), DISCARDED_MS);
  deadline.unref();
  for (const event of ["end", "close"]) incoming.once(event, () => clearTimeout(deadline));
  let bytes = 0;
  incoming.on("data", (chunk: Buffer) => {
    bytes += chunk.byteLength;
    if (bytes > DISCARDED_BYTES_MAX) socket.destroy();
  });
}

function isGone(incoming: Incoming): boolean {
  return "stream" in incoming ? incoming.stream.destroyed : incoming.socket.destroyed;
}

/** Ends an exchange without a word. */
function cut(incoming: Incoming): void {
  if ("stream" in incoming) incoming.stream.close(constants.NGHTTP2_CANCEL);
  else incoming.socket.destroy();
}
