/**
 * The validator of manifests, a program in Go beside this file: built once into the cache outside the tree, from the
 * modules that its go.sum names.
 */
import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { cacheDirectory } from "../cache.js";
import { runCommand, type CommandResult } from "../sh.js";

/** Where its sources are, and where it must be run: it looks up modules there. */
const SOURCES = fileURLToPath(new URL("../../src/deploy/validate/", import.meta.url));
/** A first build compiles parts of the API server, on two cores that others use too. */
export const VALIDATOR_BUILD_TIMEOUT_MS = 560_000;

/** Builds with what is here: no other Go is fetched, and nothing but what go.sum names. */
const ENVIRONMENT = { GOTOOLCHAIN: "local", GOFLAGS: "-mod=readonly", GOWORK: "off", CGO_ENABLED: "0" };

export type FoundValidator =
  | { ok: true; validate: (...parameters: readonly string[]) => Promise<CommandResult> }
  | { ok: false; reason: string };

/** Finds the validator, building it when the cache has none. Never throws for a missing tool. */
export async function findValidator(): Promise<FoundValidator> {
  const version = await runCommand(["go", "env", "GOVERSION"], { environment: ENVIRONMENT }).catch(
    () => undefined,
  );
  if (version?.code !== 0) return { ok: false, reason: "go is not installed" };
  const program = join(cacheDirectory(), `validate-${version.stdout.trim()}-${await digestOfSources()}`);
  if (!existsSync(program)) {
    const draft = join(cacheDirectory(), `.validate-${randomUUID()}`);
    await mkdir(cacheDirectory(), { recursive: true });
    const built = await runCommand(["go", "build", "-o", draft, "."], {
      directory: SOURCES,
      environment: ENVIRONMENT,
      timeoutMs: VALIDATOR_BUILD_TIMEOUT_MS,
    });
    if (built.code !== 0) return { ok: false, reason: `go could not build it: ${firstLine(built.stderr)}` };
    await rename(draft, program);
  }
  return {
    ok: true,
    validate: (...parameters) =>
      runCommand([program, ...parameters], { directory: SOURCES, environment: ENVIRONMENT }),
  };
}

async function digestOfSources(): Promise<string> {
  const hash = createHash("sha256");
  for (const name of (await readdir(SOURCES)).sort())
    hash.update(await readFile(join(SOURCES, name))).update("\0");
  return hash.digest("hex").slice(0, 8);
}

function firstLine(text: string): string {
  return text.split("\n").find((line) => line !== "" && !line.startsWith("go: downloading")) ?? "no message";
}
