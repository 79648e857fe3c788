/** An answer written on Node's own response, whole and at once. */
import type { NodeOutgoing } from "../server/incoming.js";
import { answerInOnePiece } from "../server/one-piece.js";
import { PlainResponse } from "../server/plain-request.js";

/** `headers` are added to those that were set before. Does nothing where an answer has begun, or nobody waits for one. */
export function answerWhole(
  outgoing: NodeOutgoing | PlainResponse,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): void {
  if (outgoing instanceof PlainResponse) return outgoing.answer(status, headers, body);
  if ("stream" in outgoing) return answerInOnePiece(outgoing, status, headers, body);
  // The exchange was ended meanwhile, or its sender is gone.
  if (outgoing.headersSent || outgoing.destroyed) return;
  outgoing.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
  outgoing.end(body);
}
