/** The table that people read. */
import type { Machine } from "./machine.js";
import { isReached } from "./row.js";
import type { Figure, Row, Target } from "./row.js";
import { explainBend, worstBend } from "./sweep.js";
import type { Sweep } from "./sweep.js";

export interface Report {
  readonly startedAt: string;
  readonly pace: string;
  readonly machine: Machine;
  /** Which programs made the load. */
  readonly generators: string;
  readonly rows: readonly Row[];
  readonly sweeps: readonly Sweep[];
  /** What was not measured, and why. */
  readonly skipped: readonly string[];
}

const HEAD = ["work", "collector", "floor or peer", "ratio", "target", "reached", "CPU µs/event"];

/** Each of `others`, runs of the same rows by other versions of Node, gets a column. */
export function formatTable(report: Report, others: readonly Report[] = []): string {
  const { machine, pace, generators, rows, sweeps, skipped } = report;
  const { processor, cores, memoryGib, node, loadAverage } = machine;
  const about = [
    `${processor}, ${cores} cores, ${memoryGib} GiB, Node ${node}, load average ${loadAverage} at the start`,
    `${pace}; load by ${generators}; the server on one core, the load on the other, turn about`,
    ...others.map(describeOther),
  ];
  const head = [...HEAD, ...others.map((other) => `Node ${majorOf(other)}: collector, ratio`)];
  const lines = [
    head,
    ...rows.map((row) => [...cellsOf(row), ...others.map((other) => otherCell(row, other))]),
  ];
  const widths = head.map((_, column) => Math.max(...lines.map((cells) => cells[column]?.length ?? 0)));
  const format = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`;
  const [top, ...body] = lines.map(format);
  const rule = `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`;
  const notes = rows.flatMap(({ work, note }) => (note === undefined ? [] : [`${work}: ${note}`]));
  const worst = worstBend(sweeps);
  const ends = [
    ...notes,
    ...sweeps.flatMap(sweepLines),
    ...(worst === undefined ? [] : [`what bends first, and most: ${explainBend(worst)}`]),
    ...skipped.map((text) => `not measured: ${text}`),
  ];
  return `${[...about, "", top, rule, ...body, "", ...ends].join("\n")}\n`;
}

/** The first part of the version: what a run is known by. */
export function majorOf({ machine }: Report): number {
  return Number(/^v?(\d+)/.exec(machine.node)?.[1]);
}

function describeOther({ machine, pace, startedAt }: Report): string {
  const { node, loadAverage } = machine;
  return `beside it Node ${node}, ${pace}, ${startedAt.slice(0, 10)}, load average ${loadAverage} at the start`;
}

/** What the same row came to there. */
function otherCell({ id }: Row, { rows }: Report): string {
  const row = rows.find((other) => other.id === id);
  if (row === undefined) return "—";
  const value = `${formatNumber(row.ours.value)} ${row.unit}`;
  return row.ratio === undefined ? value : `${value}, ${formatRatio(row.ratio)}`;
}

function cellsOf(row: Row): string[] {
  const { work, unit, ours, floor, ratio, target } = row;
  const reached = isReached(row);
  return [
    work,
    `${formatNumber(ours.value)} ${unit}`,
    floor === undefined ? "—" : `${floor.name}: ${formatNumber(floor.value)}`,
    ratio === undefined ? "—" : formatRatio(ratio),
    target === undefined ? "—" : formatTarget(target, unit),
    reached === undefined ? "—" : reached ? "yes" : "no",
    [ours, floor]
      .map(formatCpu)
      .filter((text) => text !== "")
      .join(" / "),
  ];
}

/** A side that answered nothing in its turns makes no ratio. */
function formatRatio(ratio: number): string {
  return Number.isFinite(ratio) ? ratio.toFixed(2) : "—";
}

function formatCpu(figure: Figure | undefined): string {
  return figure?.cpuMicroseconds === undefined ? "" : figure.cpuMicroseconds.toFixed(1);
}

function formatTarget({ of, least, most }: Target, unit: string): string {
  const suffix = of === "ratio" ? "" : ` ${unit}`;
  return least === undefined ? `≤ ${most ?? ""}${suffix}` : `≥ ${least}${suffix}`;
}

/** Whole numbers with commas; what is small keeps a digit or two. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return "—";
  const digits = Math.abs(value) < 10 ? 2 : Math.abs(value) < 100 ? 1 : 0;
  return value.toLocaleString("en-US", { maximumFractionDigits: digits });
}

function sweepLines(sweep: Sweep): string[] {
  const points = sweep.points.map(({ size, value }) => `${formatNumber(size)}: ${formatNumber(value)}`);
  return [`${sweep.work}, ${sweep.unit} by ${sweep.size}: ${points.join(" · ")}`, `  ${explainBend(sweep)}`];
}
