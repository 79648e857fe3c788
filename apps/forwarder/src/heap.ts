/**
 * How much garbage may lie about. V8 lets the old generation grow to several times of what is alive before it collects
 * it. The lines of a window live just long enough to get there, so that a backlog would take as much memory as V8
 * thinks the machine has.
 */
import { setFlagsFromString } from "node:v8";

/** Percent of what is alive, after which the old generation is collected again. */
const GROWING_PERCENT = 100;

/** V8 looks at this flag at the end of each collection, so that it may be set while the process runs. */
export function keepHeapSmall(): void {
  setFlagsFromString(`--heap-growing-percent=${GROWING_PERCENT}`);
}
