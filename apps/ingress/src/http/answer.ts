/** An answer written on Node's own response, whole and at once. */
import type { NodeOutgoing } from "../server/incoming.js";
import { answerInOnePiece } from "../server/one-piece.js";
import { PlainResponse } from "../server/plain-request.js";

/**
 * `common` are the headers of its exchange, behind which come its own; those that were set before come first. Does nothing
 * where an answer has begun, or nobody waits for one.
 */
export function answerWhole(
  outgoing: NodeOutgoing | PlainResponse,
  status: number,
  common: Readonly<Record<string, string>>,
  own: Readonly<Record<string, string>>,
  body: string,
): void {
  if (outgoing instanceof PlainResponse) return outgoing.answer(status, common, body, own);
  if ("stream" in outgoing) return answerInOnePiece(outgoing, status, { ...common, ...own }, body);
  // The exchange was ended meanwhile, or its sender is gone.
  if (outgoing.headersSent || outgoing.destroyed) return;
  outgoing.writeHead(status, { ...common, ...own, "content-length": Buffer.byteLength(body) });
  outgoing.end(body);
}
