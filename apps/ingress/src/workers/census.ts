/**
 * Asks all workers what they know of themselves and puts it together, for whoever asks one of them.
 *
 * **Invariant:** a worker that does not answer in time is counted with what it said last.
 */
import type { Clock } from "@event-collector/spool";
import { totalsOf } from "../metrics.js";
import type { Metrics } from "../metrics.js";
import type { MetricData, Snapshot, ViewName } from "./messages.js";
import { countsOf, mergeMetrics, ofPrimary } from "./merged-metrics.js";
import { mergeStats } from "./merged-stats.js";
import { mergeStatus } from "./merged-status.js";
import type { WorkerProcess } from "./worker-process.js";

export interface Census {
  /** What the whole looks like; undefined if no worker says anything. */
  view(name: ViewName): Promise<string | undefined>;
  answered(worker: WorkerProcess, question: number, snapshot: Snapshot | undefined): void;
  /** The worker has ended; what it counted stays. */
  leave(worker: WorkerProcess): void;
}

/** Beyond a pause of a process that is busy, and below the 10 s that Prometheus waits. */
const ANSWER_MS = 3_000;

export function createCensus(
  clock: Pick<Clock, "monotonic">,
  metrics: Metrics,
  serving: () => readonly WorkerProcess[],
  workers: number,
): Census {
  const startedAt = clock.monotonic();
  const last = new Map<WorkerProcess, Snapshot>();
  const questions = new Map<number, { readonly worker: WorkerProcess; readonly settle: () => void }>();
  let asked = 0;
  /** What workers counted that have ended. */
  let departed: Promise<readonly MetricData[]> = Promise.resolve([]);

  /** Resolves when `last` holds what the worker says now, or when it took too long. */
  function ask(worker: WorkerProcess): Promise<void> {
    return new Promise((resolve) => {
      const question = (asked += 1);
      const settle = (): void => {
        clearTimeout(timer);
        questions.delete(question);
        resolve();
      };
      const timer = setTimeout(settle, ANSWER_MS);
      questions.set(question, { worker, settle });
      worker.send({ kind: "snapshot", question });
    });
  }

  async function mergeAll(snapshots: readonly Snapshot[]): Promise<ReturnType<typeof mergeMetrics>> {
    const own = ofPrimary(await metrics.registry.getMetricsAsJSON());
    return mergeMetrics([...snapshots.map((one) => one.metrics), await departed, own]);
  }

  async function status(snapshots: readonly Snapshot[]): Promise<string> {
    const merged = await (await mergeAll(snapshots)).getMetricsAsJSON();
    const failures = merged.find(({ name }) => name === "collector_spool_failed_groups_total");
    const report = mergeStatus({
      reports: snapshots.map((one) => one.status),
      totals: totalsOf(merged),
      failedGroups: failures?.values[0]?.value ?? 0,
      workers,
      uptimeSeconds: (clock.monotonic() - startedAt) / 1000,
    });
    return JSON.stringify(report);
  }

  return {
    view: async (name) => {
      await Promise.all(serving().map(ask));
      const known = serving().flatMap((worker): [number, Snapshot][] => {
        const snapshot = last.get(worker);
        return snapshot === undefined ? [] : [[worker.number, snapshot]];
      });
      const snapshots = known.map(([, snapshot]) => snapshot);
      if (snapshots.length === 0) return undefined;
      if (name === "status") return status(snapshots);
      if (name === "metrics") return (await mergeAll(snapshots)).metrics();
      return JSON.stringify(mergeStats(new Map(known.map(([number, { stats }]) => [number, stats]))));
    },
    answered: (worker, question, snapshot) => {
      if (snapshot !== undefined) last.set(worker, snapshot);
      questions.get(question)?.settle();
    },
    leave: (worker) => {
      const snapshot = last.get(worker);
      last.delete(worker);
      // Nobody waits for what will not come.
      for (const { worker: other, settle } of questions.values()) if (other === worker) settle();
      if (snapshot === undefined) return;
      departed = departed.then((counts) => countsOf([counts, snapshot.metrics]));
    },
  };
}
