/**
 * Tells many random stories of a world, in a thread of its own: the test runner follows every promise of the main
 * thread, which makes it three times as slow.
 */
import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import * as fc from "fast-check";
import type { Disk } from "../disk.js";
import { act, stories } from "./world-actions.js";
import type { Action, Mishap } from "./world-actions.js";
import { World } from "./world.js";
import type { Visits, WorldOptions } from "./world.js";

/** What is taken away from the product or its disk. Each must be found out. */
export const SABOTAGES = {
  "syncs of files do nothing": (disk: Disk): Disk => ({
    ...disk,
    create: async (path) => ({ ...(await disk.create(path)), sync: async () => undefined }),
  }),
  "the sync of the directory behind a new segment does nothing": (disk: Disk): Disk => ({
    ...disk,
    syncDirectory: async (path) => (path.endsWith("segments") ? undefined : disk.syncDirectory(path)),
  }),
  "the sync behind the rename of the cursor does nothing": (disk: Disk): Disk => ({
    ...disk,
    syncDirectory: async (path) => (path.endsWith("forwarder") ? undefined : disk.syncDirectory(path)),
  }),
} as const;

export interface StoriesOptions {
  delivery: WorldOptions["delivery"];
  seed: number;
  runs: number;
  sabotage?: keyof typeof SABOTAGES;
  hasty?: boolean;
}

/** One story, told again and again, each time with a mishap at another call of the disk, until it ends before that. */
export interface MishapsOptions {
  delivery: WorldOptions["delivery"];
  mishap: Mishap;
  /** How many different outcomes of a power cut are tried at each place. */
  variants: number;
}

export interface StoriesOutcome {
  /** The story that went wrong, shrunk, and what was wrong with it. */
  failure?: string;
  stories: number;
  visits: Visits;
}

export function tellStories(options: StoriesOptions | MishapsOptions): Promise<StoriesOutcome> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: options });
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

/** Rotation by size, two writers, a batch, reading behind, pruning, closing. */
const ORDINARY: readonly Action[] = [
  { do: "append", which: 0, requests: 2, lines: 2, padding: 40 },
  { do: "forward", linesMax: 2, aborts: false },
  { do: "append", which: 0, requests: 1, lines: 3, padding: 150 },
  { do: "append", which: 1, requests: 1, lines: 1, padding: 0 },
  { do: "check", which: 0 },
  { do: "forward", linesMax: 100, aborts: false },
  { do: "advance", ms: 25 * 3_600_000 },
  { do: "check", which: 0 },
  { do: "prune" },
  { do: "append", which: 0, requests: 1, lines: 1, padding: 0 },
  { do: "close", which: 0 },
  { do: "forward", linesMax: 100, aborts: false },
];

async function tellMishaps({ delivery, mishap, variants }: MishapsOptions): Promise<StoriesOutcome> {
  let stories = 0;
  for (let after = 0; ; after++) {
    for (let variant = 0; variant < variants; variant++) {
      const world = new World({ delivery });
      const { disk } = world.spool;
      const action: Action = { do: "arm", after, mishap, seed: after * variants + variant };
      try {
        for (const each of [action, ...ORDINARY]) await act(world, each);
        const calls = disk.calls.length;
        await world.end();
        stories += 1;
        if (calls < after) return { stories, visits: world.visits };
      } catch (error) {
        const failure = `${mishap} at call ${after}, variant ${variant}: ${String((error as Error).stack)}`;
        return { failure, stories, visits: world.visits };
      }
    }
  }
}

async function tell({ delivery, seed, runs, sabotage, hasty }: StoriesOptions): Promise<StoriesOutcome> {
  const total: Record<string, number> = {};
  const options: WorldOptions = {
    delivery,
    ...(sabotage === undefined ? {} : { wrap: SABOTAGES[sabotage] }),
    ...(hasty === undefined ? {} : { hasty }),
  };
  const property = fc.asyncProperty(stories, async (story) => {
    const world = new World(options);
    for (const action of story) await act(world, action);
    await world.end();
    for (const [place, count] of Object.entries(world.visits)) total[place] = (total[place] ?? 0) + count;
  });
  // What is expected to fail need not be shrunk.
  const endOnFailure = sabotage !== undefined || hasty === true;
  const result = await fc.check(property, { seed, numRuns: runs, endOnFailure });
  const failure = result.failed
    ? `${String(result.errorInstance instanceof Error ? result.errorInstance.stack : result.errorInstance)}\n${JSON.stringify(result.counterexample?.[0], undefined, 1)}`
    : undefined;
  return {
    ...(failure === undefined ? {} : { failure }),
    stories: result.numRuns,
    visits: total as unknown as Visits,
  };
}

if (!isMainThread) {
  const options = workerData as StoriesOptions | MishapsOptions;
  parentPort?.postMessage(await ("mishap" in options ? tellMishaps(options) : tell(options)));
}
