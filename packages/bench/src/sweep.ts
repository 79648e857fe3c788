/** Cost against size: the same work at several sizes, where it begins to cost more than its share, and what is used up. */
import type { CoreUse } from "./core-use.js";

export interface SweepPoint {
  readonly size: number;
  /** In the unit of the sweep; more is better. */
  readonly value: number;
  /** Of the cores, while it was measured. */
  readonly cores?: CoreUse | undefined;
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

/** Says where it bends and what is used up there, or at the greatest size. */
export function explainBend(sweep: Sweep): string {
  const bend = firstBend(sweep);
  const limit = limitOf(sweep);
  const why = limit === undefined ? "" : `; there ${limit}`;
  if (bend === undefined) {
    return `${sweep.work}: does not bend up to ${sweep.points.at(-1)?.size ?? 0} ${sweep.size}${why}`;
  }
  const share = Math.round(bend.share * 100);
  return `${sweep.work}: bends at ${bend.size} ${sweep.size}, to ${share} % of the best before${why}`;
}

/** A core that is busier than this has nothing left. */
const BUSY_SHARE = 0.9;

/** What is used up where it bends, or at the greatest size; undefined where that was not looked at. */
export function limitOf(sweep: Sweep): string | undefined {
  const size = firstBend(sweep)?.size;
  const point = size === undefined ? sweep.points.at(-1) : sweep.points.find((one) => one.size === size);
  if (point?.cores === undefined) return undefined;
  const { server, load } = point.cores;
  if (server >= BUSY_SHARE && load >= BUSY_SHARE) return "both cores are busy";
  if (server >= BUSY_SHARE) return "the server's core is busy";
  if (load >= BUSY_SHARE) return "the load's core is busy";
  return "neither core is: answers wait for the disk";
}

/** Of several sweeps, the bend that costs most; undefined if there is none. */
export function worstBend(sweeps: readonly Sweep[]): Sweep | undefined {
  const bent = sweeps.filter((sweep) => firstBend(sweep) !== undefined);
  return bent.toSorted((a, b) => (firstBend(a)?.share ?? 1) - (firstBend(b)?.share ?? 1))[0];
}
