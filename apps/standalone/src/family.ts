/**
 * The processes that belong together: added one after the other, stopped one after the other the other way round.
 *
 * **Invariant:** `stop` leaves none of them running.
 */
import { startChild, type Child } from "./child.js";
import type { Screen } from "./screen.js";

export type Environment = Readonly<Record<string, string | undefined>>;

export interface Family {
  /** Starts the built file at `entry` with the environment of all and `environment` over it. */
  add(name: string, entry: URL, parameters: readonly string[], environment?: Environment): Child;
  /** Resolves with the first child that ends before `stop` was called. */
  readonly loss: Promise<"lost">;
  /** Stops all, the youngest first; true if each ended as it should. */
  stop(): Promise<boolean>;
}

// Beyond what ingress and forwarder take by default to finish what is under way.
const STOP_TIMEOUT_MS = 30_000;
// Disk, compression and the Kafka client share this pool of libuv; its default of four threads is few for that.
const THREAD_POOL = { UV_THREADPOOL_SIZE: "16" };

/** An empty family. */
export function createFamily(common: Environment, screen: Screen): Family {
  const children: Child[] = [];
  let stopping = false;
  let lose: (loss: "lost") => void;
  const loss = new Promise<"lost">((resolve) => {
    lose = resolve;
  });
  return {
    loss,
    add: (name, entry, parameters, environment) => {
      const all = { ...THREAD_POOL, ...common, ...environment };
      const child = startChild(name, entry, parameters, all, screen);
      children.push(child);
      void child.ended.then(({ description }) => {
        if (stopping) return;
        screen.print(`${name} ended by itself (${description}). Stopping the others.`);
        lose("lost");
      });
      return child;
    },
    stop: async () => {
      stopping = true;
      let isOrderly = true;
      for (const child of children.toReversed()) {
        const end = await child.stop(STOP_TIMEOUT_MS);
        if (!end.orderly) {
          isOrderly = false;
          screen.print(`${child.name}: ${end.description}`);
        }
      }
      return isOrderly;
    },
  };
}
