/**
 * How much garbage may lie about. V8 lets the old generation grow to several times of what is alive before it collects
 * it. The lines of a window live just long enough to get there, so that a backlog would take as much memory as V8
 * thinks the machine has.
 */
import { setFlagsFromString } from "node:v8";

/** Percent of what is alive, after which the old generation is collected again. */
const GROWING_PERCENT = 100;

/**
 * V8 looks at these flags at the end of each collection, so that they may be set while the process runs. The young generation
 * stays as large as it is by then: what is new is gone again, or lives as long as its window.
 */
export function keepHeapSmall(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWING_PERCENT}`);
  setFlagsFromString("--semi-space-growth-factor=1");
}
