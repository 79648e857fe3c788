/** The counts of a long run, kept in a file so that it can be interrupted and taken up again. */
import { renameSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";

/** The counts of each part of the run, by its name. */
export type Tally<One> = Record<string, One>;

/** How often each kind of moment came, and how often the program died by itself at that place. */
export type Moments = Record<string, { cycles: number; died: number }>;

/** No more things that were wrong are kept: the first ones tell most. */
const FAULTS_MAX = 20;

/** Empty if the run begins. */
export async function readTally<One>(path: string): Promise<Tally<One>> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Tally<One>;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return {};
    throw error;
  }
}

/** In one go, since several parts may count at the same time. */
export function writeTally(path: string, tally: Tally<object>): void {
  writeFileSync(`${path}.next`, `${JSON.stringify(tally, undefined, 2)}\n`);
  renameSync(`${path}.next`, path);
}

export function countMoment(moments: Moments, name: string, died: boolean): void {
  const moment = (moments[name] ??= { cycles: 0, died: 0 });
  moment.cycles += 1;
  moment.died += died ? 1 : 0;
}

export function keepFaults(kept: string[], faults: Iterable<string>): void {
  for (const fault of faults) if (kept.length < FAULTS_MAX) kept.push(fault);
}

/** For people: one line for each kind of moment. */
export function momentLines(all: Iterable<Moments>): string[] {
  const sums: Moments = {};
  for (const moments of all) {
    for (const [name, { cycles, died }] of Object.entries(moments)) {
      const sum = (sums[name] ??= { cycles: 0, died: 0 });
      sum.cycles += cycles;
      sum.died += died;
    }
  }
  return Object.entries(sums)
    .map(([name, { cycles, died }]) => `  ${name}: ${cycles}, died there ${died}`)
    .toSorted();
}
