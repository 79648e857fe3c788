/** What a long run of crashes counts for each of its scenarios. */
import { countMoment, keepFaults, momentLines, type Moments, type Tally } from "../tally.js";
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
  moments: Moments;
  /** The first things that were wrong. */
  faults: string[];
}

export function tallyOf(tally: Tally<ScenarioTally>, name: string): ScenarioTally {
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
  countMoment(one.moments, report.moment, report.diedAtPlace);
  keepFaults(one.faults, report.faults);
}

/** The summary as a table for people. */
export function summaryOf(tally: Tally<ScenarioTally>): string {
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
  const moments = momentLines(Object.values(tally).map((one) => one.moments));
  return [...[head, ...rows].map(line), "", "moments", ...moments].join("\n");
}
