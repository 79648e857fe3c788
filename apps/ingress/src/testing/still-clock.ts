/** A clock whose monotonic time stands still until a test moves it: what depends on it does not depend on the machine. */
import { systemClock } from "@event-collector/spool";
import type { Clock } from "@event-collector/spool";

export interface StillClock extends Clock {
  advance(ms: number): void;
}

export function createStillClock(): StillClock {
  let time = systemClock.monotonic();
  return {
    now: () => systemClock.now(),
    monotonic: () => time,
    advance: (ms) => {
      time += ms;
    },
  };
}

/** One that nobody moves. */
export const STILL: Clock = createStillClock();
