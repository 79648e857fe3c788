/** Cost against size: the same work at several sizes, and where it begins to cost more than its share. */

export interface SweepPoint {
  readonly size: number;
  /** In the unit of the sweep; more is better. */
  readonly value: number;
}

export interface Sweep {
  readonly id: string;
  readonly work: string;
  /** What the sizes are. */
  readonly size: string;
  readonly unit: string;
  readonly points: readonly SweepPoint[];
}

/** Below this share of the best before it, a point is a bend; what is above may be the noise of the machine. */
const BEND_SHARE = 0.7;

/** The first size at which less is done than at a smaller one, and how much less; undefined if there is none. */
export function firstBend({ points }: Sweep): { size: number; share: number } | undefined {
  let best = 0;
  for (const { size, value } of points) {
    if (value < BEND_SHARE * best) return { size, share: value / best };
    best = Math.max(best, value);
  }
  return undefined;
}

/** Says where it bends. */
export function explainBend(sweep: Sweep): string {
  const bend = firstBend(sweep);
  if (bend === undefined)
    return `${sweep.work}: does not bend up to ${sweep.points.at(-1)?.size ?? 0} ${sweep.size}`;
  return `${sweep.work}: bends at ${bend.size} ${sweep.size}, to ${Math.round(bend.share * 100)} % of the best before`;
}

/** Of several sweeps, the bend that costs most; undefined if there is none. */
export function worstBend(sweeps: readonly Sweep[]): Sweep | undefined {
  const bent = sweeps.filter((sweep) => firstBend(sweep) !== undefined);
  return bent.toSorted((a, b) => (firstBend(a)?.share ?? 1) - (firstBend(b)?.share ?? 1))[0];
}
