/** schemathesis, the fuzzer that makes requests of a description and judges the answers by it. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { findPackages } from "../python/packages.js";
import { runCommand, type CommandResult } from "../sh.js";

export type Fuzz = (parameters: readonly string[], timeoutMs: number) => Promise<CommandResult>;

/** The fuzzer, or one line that says what is missing. */
export type FoundFuzzer = { ok: true; run: Fuzz } | { ok: false; reason: string };

const FOLDER = fileURLToPath(new URL("../../src/fuzz/", import.meta.url));
const MAIN = "from schemathesis.cli import schemathesis; schemathesis()";

/** Finds the fuzzer, installing it when the cache has none. Never throws for a missing tool. */
export async function findFuzzer(): Promise<FoundFuzzer> {
  const found = await findPackages("schemathesis", join(FOLDER, "requirements.txt"));
  if (!found.ok) return found;
  const environment = {
    PYTHONPATH: `${found.folder}:${FOLDER}`,
    PYTHONDONTWRITEBYTECODE: "1",
    SCHEMATHESIS_HOOKS: "serializers",
  };
  return {
    ok: true,
    run: (parameters, timeoutMs) =>
      runCommand(["python3", "-c", MAIN, ...parameters], { directory: found.folder, environment, timeoutMs }),
  };
}
