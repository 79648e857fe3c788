/** The seed of everything random in the tests of the spool, and how often it is tried. Printed, so that it can be run again. */

// oxlint-disable-next-line node/no-process-env -- Only tests import this file.
const environment = process.env;

/** SPOOL_SEED, or another one each time. */
export const SEED: number = Number(environment["SPOOL_SEED"] ?? Date.now() % 2 ** 31);

/** SPOOL_RUNS times as many runs as by default. */
export function runs(byDefault: number): number {
  return Math.ceil(byDefault * Number(environment["SPOOL_RUNS"] ?? 1));
}
