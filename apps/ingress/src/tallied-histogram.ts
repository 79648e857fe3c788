/**
 * A histogram that counts in plain numbers what prom-client's counts in objects, and is shown by its registry in the
 * same words.
 */
import type { Histogram, MetricValueWithName, Registry } from "prom-client";
import { labelsOf, SeriesTable } from "./series-table.js";

export interface TalliedHistogramOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly [string, string, string];
  /** Upper bounds, rising. */
  readonly buckets: readonly number[];
}

class Series {
  readonly labels: Partial<Record<string, string>>;
  /** Of each bucket alone; the last one has no upper bound. */
  readonly counts: Float64Array;
  sum = 0;

  constructor(labels: Partial<Record<string, string>>, buckets: number) {
    this.labels = labels;
    this.counts = new Float64Array(buckets);
  }
}

/** What the registry is told: the same as of a histogram of its own. */
interface Shown {
  readonly name: string;
  readonly help: string;
  readonly type: "histogram";
  readonly values: readonly MetricValueWithName<string>[];
  readonly aggregator: "sum";
}

export class TalliedHistogram {
  readonly name: string;
  readonly help: string;
  readonly type = "histogram";
  readonly labelNames: readonly string[];
  readonly #buckets: readonly number[];
  readonly #table: SeriesTable<Series>;

  constructor(registry: Registry, { name, help, labelNames, buckets }: TalliedHistogramOptions) {
    this.name = name;
    this.help = help;
    this.labelNames = labelNames ?? [];
    this.#buckets = buckets;
    this.#table = new SeriesTable(
      (values) => new Series(labelsOf(labelNames ?? [], values), buckets.length + 1),
    );
    // Without labels there is one series, from the start.
    if (labelNames === undefined) this.#table.find();
    // A registry asks its metrics for their names and for what they show, and nothing else.
    registry.registerMetric(this as unknown as Histogram);
  }

  /** The values stand in the order of the labels. */
  observe(value: number, first?: string, second?: string, third?: string): void {
    const series = this.#table.find(first, second, third);
    const buckets = this.#buckets;
    let bucket = 0;
    while (bucket < buckets.length && value > (buckets[bucket] ?? 0)) bucket += 1;
    series.counts[bucket] = (series.counts[bucket] ?? 0) + 1;
    series.sum += value;
  }

  get(): Promise<Shown> {
    return Promise.resolve({
      name: this.name,
      help: this.help,
      type: "histogram",
      values: this.#table.all.flatMap((series) => this.#valuesOf(series)),
      aggregator: "sum",
    });
  }

  #valuesOf({ labels, counts, sum }: Series): MetricValueWithName<string>[] {
    let count = 0;
    const values = Array.from(counts, (own, index): MetricValueWithName<string> => {
      count += own;
      const le = this.#buckets[index] ?? "+Inf";
      return { metricName: `${this.name}_bucket`, labels: { le, ...labels }, value: count };
    });
    return [
      ...values,
      { metricName: `${this.name}_sum`, labels: { ...labels }, value: sum },
      { metricName: `${this.name}_count`, labels: { ...labels }, value: count },
    ];
  }
}
