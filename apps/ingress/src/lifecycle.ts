/**
 * The life of the process as its parts must know it. It only moves forward.
 *
 *   serving → draining   not ready any more, everything still works: load balancers look away
 *           → leaving    the ports are closed; what is under way is finished, streams are asked to end
 *           → aborted    time is up: what is still under way is ended
 */
import { setMaxListeners } from "node:events";

export type Phase = "serving" | "draining" | "leaving" | "aborted";

export interface Lifecycle {
  phase(): Phase;
  /** Aborted from "leaving" on. */
  readonly leaving: AbortSignal;
  /** Aborted from "aborted" on. */
  readonly aborted: AbortSignal;
  drain(): void;
  leave(): void;
  abort(): void;
}

export function createLifecycle(): Lifecycle {
  let phase: Phase = "serving";
  const leaving = new AbortController();
  // Every open stream listens.
  setMaxListeners(0, leaving.signal);
  const aborted = new AbortController();
  return {
    phase: () => phase,
    leaving: leaving.signal,
    aborted: aborted.signal,
    drain: () => {
      if (phase === "serving") phase = "draining";
    },
    leave: () => {
      if (phase === "leaving" || phase === "aborted") return;
      phase = "leaving";
      leaving.abort();
    },
    abort: () => {
      phase = "aborted";
      leaving.abort();
      aborted.abort();
    },
  };
}
