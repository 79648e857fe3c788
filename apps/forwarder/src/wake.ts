/**
 * When to look at the spool again: soon after a file in it changed, and regularly whatever happens.
 *
 * The watcher is a hint and nothing more: it loses the last event of a burst, says nothing after an overflow, and
 * sees nothing on network file systems. So each hint is followed by a second look a little later, and the timer
 * alone makes progress. **Invariant:** without the watcher events arrive later, never less.
 *
 * This is the only file that imports chokidar.
 */
import { watch } from "chokidar";

export interface WakeOptions {
  /** The directory of segments. */
  readonly directory: string;
  /** The longest time between two looks, milliseconds. */
  readonly rescanMs: number;
  readonly watch: boolean;
  /** The watcher has a problem: out of watches, no such directory. Delivery goes on by the timer. */
  readonly onError: (error: unknown) => void;
}

export interface Wake {
  /** Resolves when it is time to look: at once if something happened since the last call, or when `stop` is aborted. */
  next(stop: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** chokidar reports a file at most once in 50 ms and forgets what came meanwhile. */
const ECHO_MS = 60;

export function createWake(options: WakeOptions): Wake {
  let hinted = true;
  let resume: (() => void) | undefined;
  let echo: NodeJS.Timeout | undefined;

  function hint(): void {
    hinted = true;
    resume?.();
  }

  function onChange(): void {
    hint();
    // After the last hint, not the first: what is lost is lost in the moment after a hint that came through.
    clearTimeout(echo);
    echo = setTimeout(hint, ECHO_MS);
  }

  const watcher = options.watch ? startWatcher(options, onChange) : undefined;

  async function next(stop: AbortSignal): Promise<void> {
    if (!hinted && !stop.aborted) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(done, options.rescanMs);
        function done(): void {
          clearTimeout(timer);
          stop.removeEventListener("abort", done);
          resume = undefined;
          resolve();
        }
        resume = done;
        stop.addEventListener("abort", done, { once: true });
      });
    }
    hinted = false;
  }

  return {
    next,
    close: async () => {
      clearTimeout(echo);
      await watcher?.close();
    },
  };
}

function startWatcher({ directory, onError }: WakeOptions, onChange: () => void): ReturnType<typeof watch> {
  // No `awaitWriteFinish`: on a file that grows it never fires.
  const watcher = watch(directory, { depth: 0, ignoreInitial: true, atomic: false });
  watcher.on("add", onChange);
  watcher.on("change", onChange);
  // Without a listener an error ends the process.
  watcher.on("error", onError);
  return watcher;
}
