/**
 * A folder for a test that stays until everything is stopped.
 *
 * tap removes a folder before it runs any teardown if the folder was asked for first; what still runs then writes into
 * a folder that is being removed.
 */
import type { Test } from "tap";

export function lastingFolder(t: Pick<Test, "teardown" | "testdir">): string {
  t.teardown(() => undefined);
  return t.testdir();
}
