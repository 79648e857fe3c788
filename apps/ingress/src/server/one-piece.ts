/**
 * An answer over HTTP/2 in one piece: its head, its body and its end leave together.
 *
 * Node's own way keeps the end back for a moment, in case trailers follow. A sender that stops at the head of a refusal
 * (curl 7.88) ends its body short of what it announced, has its stream reset for that, and loses the answer.
 */
import type { Http2ServerResponse } from "node:http2";
import type { StreamResponse } from "./stream-request.js";

/** `headers` are added to those that were set before. Does nothing where an answer has begun, or nobody waits for one. */
export function answerInOnePiece(
  outgoing: Http2ServerResponse | StreamResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string | Uint8Array,
): void {
  const { stream } = outgoing;
  if (stream.headersSent || stream.destroyed || stream.closed) return;
  // Node's own object does not look at the stream for it.
  if ("writeHead" in outgoing) outgoing.statusCode = status;
  const isEmpty = body.length === 0;
  stream.respond({ ...outgoing.getHeaders(), ...headers, ":status": status }, { endStream: isEmpty });
  if (!isEmpty) stream.end(body);
}
