/**
 * How far delivery is: the positions that the broker has confirmed, and who hears when they move.
 *
 * **Invariant:** a position stands here only after everything before it was confirmed.
 */
import type { Instance, Position, Positions } from "@event-collector/spool";

export interface Progress {
  positions(): Positions;
  /** These instances got further. */
  advance(positions: ReadonlyMap<Instance, Position>): void;
  /** What is committed was read back. */
  reset(positions: Positions): void;
  /** These instances are gone with all their segments. */
  forget(instances: Iterable<Instance>): void;
}

export function createProgress(start: Positions, onMove: () => void): Progress {
  let current = new Map(start);
  return {
    positions: () => current,
    advance: (positions) => {
      for (const [instance, position] of positions) current.set(instance, position);
      if (positions.size > 0) onMove();
    },
    reset: (positions) => {
      current = new Map(positions);
      onMove();
    },
    forget: (instances) => {
      for (const instance of instances) current.delete(instance);
      onMove();
    },
  };
}
