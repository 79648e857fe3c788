/** A counter of prom-client whose series are counted in plain numbers and handed over when somebody looks. */
import { Counter } from "prom-client";
import type { Registry } from "prom-client";
import { labelsOf, SeriesTable } from "./series-table.js";

export interface TalliedCounterOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly [string] | readonly [string, string];
}

interface Series {
  readonly labels: Partial<Record<string, string>>;
  count: number;
  /** How much of it prom-client knows. */
  handedOver: number;
}

export class TalliedCounter {
  readonly #table: SeriesTable<Series>;

  constructor(registry: Registry, { name, help, labelNames }: TalliedCounterOptions) {
    this.#table = new SeriesTable((values) => ({
      labels: labelsOf(labelNames, values),
      count: 0,
      handedOver: 0,
    }));
    const { all } = this.#table;
    const counter: Counter = new Counter({
      name,
      help,
      labelNames,
      registers: [registry],
      collect: () => {
        for (const series of all) {
          counter.inc(series.labels, series.count - series.handedOver);
          series.handedOver = series.count;
        }
      },
    });
  }

  /** The values stand in the order of the labels. */
  add(count: number, first: string, second?: string): void {
    this.#table.find(first, second).count += count;
  }
}
