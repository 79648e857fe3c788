// Runs a property with a seed that is printed, and taken from PROPERTY_SEED to run a failure again.
import * as fc from "fast-check";
import type { Test } from "tap";

// oxlint-disable-next-line node/no-process-env -- Only tests import this file.
const seed = Number(process.env["PROPERTY_SEED"] ?? Date.now() % 2 ** 31);

export function holds<Values>(t: Test, property: fc.IProperty<Values>, runs = 500): void {
  t.comment(`PROPERTY_SEED=${seed}`);
  // Inside the property node:assert says what is wrong: only what throws is shrunk to its smallest case.
  fc.assert(property, { seed, numRuns: runs });
  t.pass(`held ${runs} times`);
}
