/**
 * The metrics of all workers as one, each by its aggregator: counts are added, what all look at is not.
 *
 * **Invariant:** what was shown once as a count does not shrink when a worker ends: its last counts stay in the sum. A
 * counter that shrinks looks to Prometheus as if all of it had been counted anew.
 */
import { AggregatorRegistry } from "prom-client";
import type { Registry } from "prom-client";
import type { MetricData } from "./messages.js";

/** Of the primary itself: what it counts, and what it costs. Its event loop has little to do, and would flatter. */
const OF_PRIMARY = /^(?:process_|collector_connections_refused_total$|collector_workers_lost_total$)/;

/** A mean would hide the worker that stands still. */
const WORST = /^nodejs_eventloop_lag_(?:seconds|mean_seconds|stddev_seconds|p\d+_seconds)$/;

const COUNTED: ReadonlySet<string> = new Set(["counter", "histogram"]);

/** One registry of the metrics of several processes. */
export function mergeMetrics(sets: readonly (readonly MetricData[])[]): Registry {
  return AggregatorRegistry.aggregate(sets.map((metrics) => metrics.map(prepare)));
}

export function ofPrimary(metrics: readonly MetricData[]): readonly MetricData[] {
  return metrics.filter(({ name }) => OF_PRIMARY.test(name));
}

/** What goes on to count when the worker has ended. */
export async function countsOf(sets: readonly (readonly MetricData[])[]): Promise<readonly MetricData[]> {
  const counted = sets.map((metrics) => metrics.filter(({ type }) => COUNTED.has(String(type))));
  return mergeMetrics(counted).getMetricsAsJSON();
}

function prepare(metric: MetricData): MetricData {
  // The channel between processes knows no number that is none.
  const values = metric.values.map((one) => ({ ...one, value: one.value ?? Number.NaN }));
  return { ...metric, values, ...(WORST.test(metric.name) && { aggregator: "max" as const }) };
}
