/**
 * The local cursor: how far delivery is, in a file beside the segments, written a little behind.
 *
 * In exactly-once mode the broker keeps the cursor that counts, and the file serves pruning tools, status and the
 * switch of modes. In at-least-once mode it is the cursor: what it lags behind is sent again after a crash.
 *
 * **Invariant:** writes never overlap, and the file never holds more than what was confirmed.
 */
import type { CursorFile, Positions } from "@event-collector/spool";

export interface CursorKeeper {
  /** The positions moved. */
  moved(): void;
  /** Writes what is not written yet, and stops. */
  close(): Promise<void>;
}

export interface CursorKeeperOptions {
  /** Positions to write. */
  readonly positions: () => Positions;
  /** How far the file may lag behind, milliseconds. */
  readonly lagMs: number;
  /** The file could not be written; it is tried again. */
  readonly onFailure: (error: unknown) => void;
}

export function createCursorKeeper(file: CursorFile, options: CursorKeeperOptions): CursorKeeper {
  let timer: NodeJS.Timeout | undefined;
  let dirty = false;
  let writing: Promise<void> = Promise.resolve();
  let busy = false;

  async function write(): Promise<void> {
    busy = true;
    dirty = false;
    try {
      await file.write(options.positions());
    } catch (error) {
      dirty = true;
      options.onFailure(error);
    }
    busy = false;
  }

  function schedule(): void {
    if (timer !== undefined || busy) return;
    timer = setTimeout(() => {
      timer = undefined;
      writing = write().then(() => {
        if (dirty) schedule();
      });
    }, options.lagMs);
  }

  return {
    moved: () => {
      dirty = true;
      schedule();
    },
    close: async () => {
      await writing;
      clearTimeout(timer);
      if (dirty) await write();
    },
  };
}
