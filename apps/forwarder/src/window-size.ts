/**
 * How much is read for the next window.
 *
 * While the broker confirms a window nothing is sent. Larger windows share that time among more events; they cost memory,
 * and a live event waits behind the window under way. So a window begins small, doubles while there is a backlog and
 * confirmations take a notable part of the time, and is small again once the backlog is gone.
 *
 * **Invariant:** never above what is configured.
 */
import type { Clock, ReadLimits } from "@event-collector/spool";

export interface WindowSize {
  limits(): ReadLimits;
  /** A window is about to be sent. */
  begun(): void;
  /** All of it is queued; only the broker's confirmation is awaited. */
  sent(): void;
  /** It is confirmed. `hasMore`: it was so large that more may wait. */
  confirmed(hasMore: boolean): void;
}

/** Part of what is configured that the first window of a backlog takes. */
const FIRST_PART = 1 / 8;
/** A window is never smaller, unless it is configured so: a commit costs as much as sending so many lines. */
const LINES_LEAST = 1_000;
const BYTES_LEAST = 256 * 1024;
/** Part of the time of a window from which on its confirmation is worth a larger one. */
const NOTABLE_PART = 1 / 5;

export function createWindowSize(clock: Pick<Clock, "monotonic">, largest: ReadLimits): WindowSize {
  let part = FIRST_PART;
  let begunAt = 0;
  let sentAt = 0;
  return {
    limits: () => ({
      ...largest,
      linesMax: Math.min(largest.linesMax, Math.max(LINES_LEAST, Math.ceil(largest.linesMax * part))),
      bytesMax: Math.min(largest.bytesMax, Math.max(BYTES_LEAST, Math.ceil(largest.bytesMax * part))),
    }),
    begun: () => {
      begunAt = clock.monotonic();
      sentAt = begunAt;
    },
    sent: () => {
      sentAt = clock.monotonic();
    },
    confirmed: (hasMore) => {
      const now = clock.monotonic();
      if (!hasMore) part = FIRST_PART;
      else if (now - sentAt >= (now - begunAt) * NOTABLE_PART) part = Math.min(1, part * 2);
    },
  };
}
