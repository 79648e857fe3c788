/** Says no to an exchange in the protocol of its caller, and ends exchanges that must not go on. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { constants } from "node:http2";
import { FAILURES } from "@event-collector/contract";
import { problemOf } from "../http/problem.js";
import type { RequestLimits, ServiceRefusal } from "../refusal.js";
import { refuseRpc } from "../rpc/refuse-rpc.js";
import type { RawAnswer } from "../rpc/refuse-rpc.js";
import type { Exchange } from "./exchange.js";
import { expectsContinue } from "./incoming.js";
import type { Incoming, Outgoing } from "./incoming.js";
import { answerInOnePiece } from "./one-piece.js";
import { PlainRequest, PlainResponse } from "./plain-request.js";
import { forgetRest } from "./unread-body.js";

/** Refuses before anything of the body was read. */
export function refuseExchange(
  incoming: Incoming,
  outgoing: Outgoing,
  exchange: Exchange,
  refusal: ServiceRefusal,
  limits: RequestLimits,
): void {
  // Whoever asked before sending and hears no may send all the same: only a new connection is unambiguous.
  const isAsked = expectsContinue(incoming);
  if (isAsked) exchange.headers["connection"] = "close";
  answer(incoming, outgoing, exchange, refusal, limits, (http1, body) => {
    if (isAsked || !isWriting(incoming)) http1.end(body);
    else endAfterBody(incoming, http1, body);
  });
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
  // An HTTP/1.1 connection cannot skip the rest of a body.
  if (!("stream" in incoming)) exchange.headers["connection"] = "close";
  answer(incoming, outgoing, exchange, refusal, limits, (http1, body) => http1.end(body));
}

function answer(
  incoming: Incoming,
  outgoing: Outgoing,
  exchange: Exchange,
  refusal: ServiceRefusal,
  limits: RequestLimits,
  finish: (outgoing: ServerResponse, body: string | Uint8Array) => void,
): void {
  const isRest = exchange.protocol === "rest";
  if (!isRest) exchange.code = FAILURES[refusal.code].connect;
  const { status, body, ...refused }: RawAnswer = isRest
    ? problemOf(refusal, exchange.id, limits)
    : refuseRpc(refusal, incoming.headers["content-type"] ?? "");
  const headers = { ...exchange.headers, ...refused.headers };
  if (outgoing instanceof PlainResponse) {
    const length = { "content-length": String(Buffer.byteLength(body)) };
    return outgoing.answer(status, { ...headers, ...length }, [Buffer.from(body)]);
  }
  if ("stream" in outgoing) return answerInOnePiece(outgoing, status, headers, body);
  outgoing.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
  finish(outgoing, body);
}

/** True of a request as Node has it whose body is still to come. */
function isWriting(incoming: Incoming): incoming is IncomingMessage {
  return !("stream" in incoming) && !(incoming instanceof PlainRequest) && !incoming.complete;
}

/**
 * The end of an answer may be the end of its connection. A sender that is still writing would see that as a reset,
 * perhaps before the answer: so the answer goes out as a whole, and its end waits for that of the body.
 */
function endAfterBody(incoming: IncomingMessage, outgoing: ServerResponse, body: string | Uint8Array): void {
  if (body.length === 0) outgoing.flushHeaders();
  else outgoing.write(body);
  forgetRest(incoming);
  incoming.once("end", () => outgoing.end());
}

function isGone(incoming: Incoming): boolean {
  return "stream" in incoming ? incoming.stream.destroyed : incoming.socket.destroyed;
}

/** Ends an exchange without a word. */
function cut(incoming: Incoming): void {
  if ("stream" in incoming) incoming.stream.close(constants.NGHTTP2_CANCEL);
  else incoming.socket.destroy();
}
