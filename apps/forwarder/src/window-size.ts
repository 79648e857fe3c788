/**
 * How much is read for the next window.
 *
 * While the broker confirms a window nothing is sent. Larger windows share that time among more events; they cost memory,
 * and a live event waits behind the window under way. So a window begins small, doubles while there is a backlog and
 * confirmations take a notable part of the time, and is small again once the backlog is gone.
 *
 * **Invariant:** never above what is configured. What goes message by message stays at half of it.
 */
import type { Clock, ReadLimits } from "@event-collector/spool";

export interface WindowSize {
  limits(): ReadLimits;
  /** A window is about to be sent. */
  begun(): void;
  /** All of it is queued; only the broker's confirmation is awaited. */
  sent(): void;
  /** It is confirmed. */
  confirmed(window: ConfirmedWindow): void;
}

export interface ConfirmedWindow {
  /** It was so large that more may wait. */
  readonly hasMore: boolean;
  /** Most of it went message by message, which takes several times the memory of runs. */
  readonly isHeavy: boolean;
}

/** Part of what is configured that the first window of a backlog takes. */
const FIRST_PART = 1 / 8;
/** Part of what is configured that a window takes at most whose messages go one by one. */
const HEAVY_PART = 1 / 2;
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
    confirmed: ({ hasMore, isHeavy }) => {
      const now = clock.monotonic();
      if (!hasMore) part = FIRST_PART;
      else if (now - sentAt >= (now - begunAt) * NOTABLE_PART) part *= 2;
      part = Math.min(part, isHeavy ? HEAVY_PART : 1);
    },
  };
}
