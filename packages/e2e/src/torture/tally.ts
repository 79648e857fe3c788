/** The count of a long run, kept in a file so that it can be interrupted and taken up again. */
import { renameSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import type { CycleReport } from "./trial.js";

export interface ScenarioTally {
  cycles: number;
  /** Cycles in which something was acknowledged before the crash. */
  cyclesWithAnswers: number;
  acknowledged: number;
  unacknowledged: number;
  lost: number;
  cyclesWithLoss: number;
  duplicates: number;
  seconds: number;
  /** How often each kind of moment came, and how often the program died by itself at that place. */
  moments: Record<string, { cycles: number; died: number }>;
  /** The first things that were wrong. */
  faults: string[];
}

export type Tally = Record<string, ScenarioTally>;

const FAULTS_MAX = 20;

export async function readTally(path: string): Promise<Tally> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Tally;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return {};
    throw error;
  }
}

/** In one go, since several scenarios count at the same time. */
export function writeTally(path: string, tally: Tally): void {
  writeFileSync(`${path}.next`, `${JSON.stringify(tally, undefined, 2)}\n`);
  renameSync(`${path}.next`, path);
}

export function tallyOf(tally: Tally, name: string): ScenarioTally {
  return (tally[name] ??= {
    cycles: 0,
    cyclesWithAnswers: 0,
    acknowledged: 0,
    unacknowledged: 0,
    lost: 0,
    cyclesWithLoss: 0,
    duplicates: 0,
    seconds: 0,
    moments: {},
    faults: [],
  });
}

export function count(one: ScenarioTally, report: CycleReport, seconds: number): void {
  one.cycles += 1;
  one.cyclesWithAnswers += report.acknowledged > 0 ? 1 : 0;
  one.acknowledged += report.acknowledged;
  one.unacknowledged += report.unacknowledged;
  one.lost += report.lost;
  one.cyclesWithLoss += report.lost > 0 ? 1 : 0;
  one.duplicates += report.duplicates;
  one.seconds += seconds;
  const moment = (one.moments[report.moment] ??= { cycles: 0, died: 0 });
  moment.cycles += 1;
  moment.died += report.diedAtPlace ? 1 : 0;
  for (const fault of report.faults) if (one.faults.length < FAULTS_MAX) one.faults.push(fault);
}

/** The summary as a table for people. */
export function summaryOf(tally: Tally): string {
  const head = ["scenario", "crashes", "acknowledged", "lost", "crashes with loss", "duplicates", "s each"];
  const rows = Object.entries(tally).map(([name, one]) => [
    name,
    String(one.cycles),
    String(one.acknowledged),
    String(one.lost),
    `${one.cyclesWithLoss} of ${one.cyclesWithAnswers}`,
    String(one.duplicates),
    (one.seconds / Math.max(one.cycles, 1)).toFixed(2),
  ]);
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  const moments = new Map<string, { cycles: number; died: number }>();
  for (const one of Object.values(tally)) {
    for (const [name, { cycles, died }] of Object.entries(one.moments)) {
      const sum = moments.get(name) ?? { cycles: 0, died: 0 };
      moments.set(name, { cycles: sum.cycles + cycles, died: sum.died + died });
    }
  }
  const places = [...moments].map(([name, { cycles, died }]) => `${name}: ${cycles}, died there ${died}`);
  return [
    ...[head, ...rows].map(line),
    "",
    "moments",
    ...places.toSorted().map((place) => `  ${place}`),
  ].join("\n");
}
