/** Holds work back to so many steps a second, evenly. */
import type { Clock } from "@event-collector/spool";

export interface Pace {
  /** Resolves when the next step may be taken. */
  next(): Promise<void>;
}

export type Wait = (milliseconds: number) => Promise<void>;

/** Shorter waits are not worth a timer; the steps are made up for. */
const WAIT_MS_MIN = 10;

/** `perSecond` 0: no limit. */
export function createPace(clock: Clock, wait: Wait, perSecond: number): Pace {
  if (perSecond === 0) return { next: () => Promise.resolve() };
  const startedAt = clock.monotonic();
  let steps = 0;
  return {
    next: async () => {
      const dueMs = startedAt + (steps * 1000) / perSecond - clock.monotonic();
      steps += 1;
      if (dueMs >= WAIT_MS_MIN) await wait(dueMs);
    },
  };
}
