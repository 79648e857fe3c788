/**
 * How much memory the young generation takes.
 *
 * V8 starts with 1 MiB, twice, and doubles it up to 16 MiB when enough of what was new has lived on: while modules are
 * loaded, which live for good, and sooner or later under any load. Here it stays small until it is collected often:
 * only then does a larger one save time that is worth its memory. V8 looks at the flag whenever it might grow, so that
 * it can be set while the process runs.
 *
 * **Beware:** a collection of the young generation takes everything for alive that the old one points to, dead or not,
 * and all values of a WeakMap. A Map, Set or WeakMap into which each request is put leaves tables behind that have
 * grown old and hold on to requests that are over, until the old generation is collected, too.
 */
import { constants, PerformanceObserver } from "node:perf_hooks";
import type { PerformanceEntry } from "node:perf_hooks";
import { setFlagsFromString } from "node:v8";

/** One takes about half a millisecond: below this rate they take 2 % of the time. */
const COLLECTIONS_PER_SECOND = 40;

/** Collections between two looks at their rate: a burst that ends at once is no load. */
const LOOK_COLLECTIONS = 50;

/** Call it first of all: what is loaded before lets it grow already. */
export function holdYoungGeneration(): void {
  setGrowthFactor(1);
}

/** Call it when all is loaded, which is much work but no load. */
export function growUnderLoad(): void {
  let isBusy = false;
  let collections = 0;
  let since = performance.now();

  function look(now: number): void {
    const wasBusy = isBusy;
    isBusy = collections > ((now - since) / 1000) * COLLECTIONS_PER_SECOND;
    if (isBusy !== wasBusy) setGrowthFactor(isBusy ? 2 : 1);
    collections = 0;
    since = now;
  }

  const observer = new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (isOfYoungGeneration(entry)) collections += 1;
      if (collections === LOOK_COLLECTIONS) look(entry.startTime);
    }
  });
  observer.observe({ entryTypes: ["gc"] });
}

function isOfYoungGeneration(entry: PerformanceEntry): boolean {
  const { detail } = entry as { readonly detail?: { readonly kind?: number } };
  return detail?.kind === constants.NODE_PERFORMANCE_GC_MINOR;
}

function setGrowthFactor(factor: number): void {
  setFlagsFromString(`--semi-space-growth-factor=${factor}`);
}
