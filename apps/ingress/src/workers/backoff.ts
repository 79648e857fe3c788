/** How long to wait before a worker is started again: not at all at first, and never so long that nobody notices. */

/** A worker that served that long ended for a reason of its own. */
const SETTLED_MS = 60_000;

const FIRST_MS = 100;
const LONGEST_MS = 30_000;

export interface Backoff {
  /** Milliseconds to wait, after a worker ended that had lived so long. */
  after(livedMs: number): number;
}

export function createBackoff(): Backoff {
  let losses = 0;
  return {
    after: (livedMs) => {
      losses = livedMs >= SETTLED_MS ? 1 : losses + 1;
      return losses === 1 ? 0 : Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(losses - 2, 20));
    },
  };
}
