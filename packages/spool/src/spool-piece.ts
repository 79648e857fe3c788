/** What a reader finds in a segment: lines and damage, one by one or with the lines that stand together in one piece. */
import type { Damage } from "./damage.js";
import type { LineRun } from "./line-run.js";
import type { SpoolLine } from "./spool-line.js";

export type SpoolItem = SpoolLine | Damage;

export type SpoolPiece = LineRun | SpoolItem;

/** How many items a piece is. */
export function itemsIn(piece: SpoolPiece): number {
  return piece.type === "lines" ? piece.count : 1;
}

/** The items of pieces, each by itself. */
export function itemsOf(pieces: readonly SpoolPiece[]): SpoolItem[] {
  return pieces.flatMap((piece) => (piece.type === "lines" ? piece.lines() : [piece]));
}
