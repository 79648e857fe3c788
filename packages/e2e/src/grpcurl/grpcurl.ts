/**
 * grpcurl, the tool with which people look at gRPC servers: the machine's own, or built once from its source by Go into
 * the cache outside the tree.
 *
 * Invariant: the program appears whole, by a rename; its name holds the version.
 */
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheDirectory } from "../cache.js";
import { missing } from "../sh.js";

/** The program, or one line that says what is missing. */
export type FoundGrpcurl = { ok: true; program: string } | { ok: false; reason: string };

const run = promisify(execFile);
const VERSION = "v1.9.3";
const PACKAGE = `github.com/fullstorydev/grpcurl/cmd/grpcurl@${VERSION}`;
// It and all that it imports, on two cores that others use too.
const BUILD_TIMEOUT_MS = 240_000;

/** Finds grpcurl, building it when neither the machine nor the cache has it. Never throws for a missing tool. */
export async function findGrpcurl(): Promise<FoundGrpcurl> {
  if ((await missing("grpcurl")) === false) return { ok: true, program: "grpcurl" };
  const program = join(cacheDirectory(), `grpcurl-${VERSION}`);
  if (existsSync(program)) return { ok: true, program };
  if ((await missing("go")) !== false) return { ok: false, reason: "neither grpcurl nor go is installed" };
  const temporary = join(cacheDirectory(), `.build-${randomUUID()}`);
  await mkdir(temporary, { recursive: true });
  try {
    const environment = { ...process.env, GOBIN: temporary, GOTOOLCHAIN: "local", GOFLAGS: "-mod=mod" };
    await run("go", ["install", PACKAGE], { env: environment, timeout: BUILD_TIMEOUT_MS });
    await rename(join(temporary, "grpcurl"), program);
    return { ok: true, program };
  } catch (error) {
    const [line] = String(error).split("\n");
    return { ok: false, reason: `go could not build grpcurl: ${line ?? ""}` };
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
