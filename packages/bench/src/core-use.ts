/** How busy the two cores of the benchmark were, whoever used them: what says why more of a size does not bring more. */
import { readFile } from "node:fs/promises";
import { LOAD_CORE, SERVER_CORE } from "./pinned.js";

/** Shares of the time, from 0 to 1. */
export interface CoreUse {
  readonly server: number;
  readonly load: number;
}

/** Starts to look; the function that it resolves with ends it. Undefined where Linux does not tell. */
export async function watchCores(): Promise<() => Promise<CoreUse | undefined>> {
  const before = await readTimes();
  return async () => {
    const after = await readTimes();
    const share = (core: number): number => busyShare(before.get(core), after.get(core));
    const use = { server: share(SERVER_CORE), load: share(LOAD_CORE) };
    return Number.isNaN(use.server) || Number.isNaN(use.load) ? undefined : use;
  };
}

interface CoreTimes {
  readonly idle: number;
  readonly all: number;
}

/** By the number of the core, in ticks. */
async function readTimes(): Promise<ReadonlyMap<number, CoreTimes>> {
  const text = await readFile("/proc/stat", "utf8").catch(() => "");
  const lines = [...text.matchAll(/^cpu(\d+) (.+)$/gm)];
  return new Map(lines.map(([, core, times = ""]) => [Number(core), timesOf(times.split(" ").map(Number))]));
}

/** user, nice, system, idle, iowait, irq, softirq, steal; what follows is counted in user and nice, too. */
function timesOf(fields: readonly number[]): CoreTimes {
  const [idle = NaN, waiting = NaN] = fields.slice(3);
  return { idle: idle + waiting, all: fields.slice(0, 8).reduce((sum, field) => sum + field, 0) };
}

function busyShare(before: CoreTimes | undefined, after: CoreTimes | undefined): number {
  if (before === undefined || after === undefined || after.all === before.all) return NaN;
  return 1 - (after.idle - before.idle) / (after.all - before.all);
}
