/**
 * A folder for one test, outside of tap's own: those are removed first of all, and a file system that is mounted in
 * one must be unmounted before.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Scope } from "../program.js";

export async function temporaryFolder(scope: Scope): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "torture-"));
  scope.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}
