/**
 * The series of one metric by the values of their labels, found without making anything: prom-client puts the labels
 * of each observation together anew, which costs several times what the counting does.
 */
export class SeriesTable<Series> {
  /** In the order in which they came up, which is the one they are shown in. */
  readonly all: Series[] = [];
  readonly #make: (values: readonly string[]) => Series;
  readonly #series = new Map<string, Map<string, Map<string, Series>>>();

  /** `make` is given as many values as `find` was. */
  constructor(make: (values: readonly string[]) => Series) {
    this.#make = make;
  }

  /** Made when it is asked for the first time. Three labels are the most that a metric has. */
  find(first: string = "", second: string = "", third: string = ""): Series {
    return this.#series.get(first)?.get(second)?.get(third) ?? this.#add(first, second, third);
  }

  #add(first: string, second: string, third: string): Series {
    const series = this.#make([first, second, third]);
    const bySecond = this.#series.get(first) ?? new Map<string, Map<string, Series>>();
    const byThird = bySecond.get(second) ?? new Map<string, Series>();
    byThird.set(third, series);
    bySecond.set(second, byThird);
    this.#series.set(first, bySecond);
    this.all.push(series);
    return series;
  }
}

/** Names and values side by side, as prom-client has them. */
export function labelsOf<Label extends string>(
  names: readonly Label[],
  values: readonly string[],
): Partial<Record<Label, string>> {
  const labels: Partial<Record<Label, string>> = {};
  for (const [index, name] of names.entries()) labels[name] = values[index] ?? "";
  return labels;
}
