/** A clock that moves only when a test moves it. */
import type { Clock } from "../clock.js";

export interface ManualClock extends Clock {
  /** Both times go on by `ms`. */
  advance(ms: number): void;
  /** The wall clock alone jumps, as after a correction. */
  jump(ms: number): void;
}

export function createManualClock(epochMs: number = 1_700_000_000_000): ManualClock {
  let wall = epochMs;
  let monotonic = 0;
  return {
    now: () => wall,
    monotonic: () => monotonic,
    advance: (ms) => {
      wall += ms;
      monotonic += ms;
    },
    jump: (ms) => {
      wall += ms;
    },
  };
}
