/** An answer written on Node's own response, whole and at once. */
import type { NodeOutgoing } from "../server/incoming.js";
import { answerInOnePiece } from "../server/one-piece.js";

/** `headers` are added to those that were set before. Does nothing where an answer has begun, or nobody waits for one. */
export function answerWhole(
  outgoing: NodeOutgoing,
  status: number,
  headers: Readonly<Record<string, string>>,
  body: string,
): void {
  if ("stream" in outgoing) return answerInOnePiece(outgoing, status, headers, body);
  // The exchange was ended meanwhile, or its sender is gone.
  if (outgoing.headersSent || outgoing.destroyed) return;
  outgoing.writeHead(status, { ...headers, "content-length": Buffer.byteLength(body) });
  outgoing.end(body);
}
