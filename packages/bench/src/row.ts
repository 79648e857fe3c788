/** One line of the table: what was measured, beside what, and what it should be. */

/** What one side did in its turns. */
export interface Figure {
  readonly name: string;
  /** Median of the turns, in the unit of the row. */
  readonly value: number;
  /** Of each turn. */
  readonly turns: readonly number[];
  /** Microseconds of the processor for each event, where that was measured. */
  readonly cpuMicroseconds?: number;
}

export interface Row {
  /** Names the row in the JSON and on the command line. */
  readonly id: string;
  readonly work: string;
  readonly unit: string;
  readonly ours: Figure;
  readonly floor?: Figure;
  /** Of ours to the floor's, the median over the rounds: the two turns of a round stand side by side. */
  readonly ratio?: number;
  readonly target?: Target;
  /** What the reader must know to judge it. */
  readonly note?: string;
}

/** A ratio or a value to reach: at least, or at most. */
export interface Target {
  readonly of: "ratio" | "value";
  readonly least?: number;
  readonly most?: number;
}

/** Undefined where nothing was asked for. */
export function isReached({ target, ratio, ours }: Row): boolean | undefined {
  if (target === undefined) return undefined;
  const value = target.of === "ratio" ? ratio : ours.value;
  if (value === undefined || !Number.isFinite(value)) return false;
  return value >= (target.least ?? -Infinity) && value <= (target.most ?? Infinity);
}

/** A row that was measured by itself. */
export function singleRow(about: Omit<Row, "ours">, value: number, name = "ours"): Row {
  return { ...about, ours: { name, value, turns: [value] } };
}

/** The middle one; of an even number the mean of the two in the middle. NaN of nothing. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1] ?? NaN, sorted[Math.floor(middle)] ?? NaN];
  return (low + high) / 2;
}

/** The value that this share of all is not above; NaN of nothing. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
