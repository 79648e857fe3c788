/**
 * The programs in Go that the tests use, built once into the cache outside the tree: a client with connect-go and
 * grpc-go, and the tools that people point at gRPC servers.
 *
 * Invariants: what is built is pinned, by go.sum or by a version. The folder of programs appears whole, by a rename;
 * its name holds the version of Go and a digest of all sources.
 */
import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { copyFile, mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cacheDirectory } from "../../cache.js";

/**
 * The folder with the programs `client`, `grpcurl`, `ghz` and `grpc-health-probe` and the compilers of protobuf, or one
 * line that says what is missing.
 */
export type FoundGoPrograms = { ok: true; directory: string } | { ok: false; reason: string };

const run = promisify(execFile);
const SOURCES = fileURLToPath(new URL("../../../src/clients/go/", import.meta.url));
const PROTOS = fileURLToPath(new URL("../../../../../proto/", import.meta.url));
const CONTRACT = join("event_collector", "v1", "event_collector.proto");
const SOURCE_FILES = ["buf.gen.yaml", "go.mod", "go.sum", "main.go"];
const COMPILERS = [
  "google.golang.org/protobuf/cmd/protoc-gen-go",
  "connectrpc.com/connect/cmd/protoc-gen-connect-go",
  "google.golang.org/grpc/cmd/protoc-gen-go-grpc",
];
const TOOLS = ["github.com/fullstorydev/grpcurl/cmd/grpcurl", "github.com/grpc-ecosystem/grpc-health-probe"];

/** It does not compile with the gRPC of the others, so it is built with that of its own go.mod. */
const GHZ = "github.com/bojand/ghz/cmd/ghz@v0.93.0";

/** How long a first build may take, on two cores that others use too. With idle ones it is two or three minutes. */
export const GO_BUILD_TIMEOUT_MS = 900_000;

/** Finds the programs, building them when the cache has none. Never throws for a missing tool. */
export async function findGoPrograms(): Promise<FoundGoPrograms> {
  const version = await goVersion();
  if (version === undefined) return { ok: false, reason: "go is not installed" };
  const wanted = /^go (\S+)$/m.exec(await readFile(join(SOURCES, "go.mod"), "utf8"))?.[1] ?? "";
  if (!isAtLeast(version, wanted))
    return { ok: false, reason: `go ${wanted} is wanted, ${version} is there` };
  const directory = join(cacheDirectory(), `${version}-${await digestOfSources()}`);
  if (existsSync(directory)) return { ok: true, directory };
  const workplace = join(cacheDirectory(), `.build-${randomUUID()}`);
  try {
    await build(workplace);
    await rename(join(workplace, "bin"), directory);
    return { ok: true, directory };
  } catch (error) {
    // Another test file may have been faster.
    if (existsSync(directory)) return { ok: true, directory };
    return { ok: false, reason: `go could not build the clients: ${firstLine(error)}` };
  } finally {
    await rm(workplace, { recursive: true, force: true });
  }
}

async function goVersion(): Promise<string | undefined> {
  try {
    const { stdout } = await run("go", ["env", "GOVERSION"], { env: environment() });
    return stdout.trim();
  } catch {
    return undefined;
  }
}

/** Whether `version`, such as go1.26.8, is not older than `wanted`. */
function isAtLeast(version: string, wanted: string): boolean {
  const [major, minor] = version.replace("go", "").split(".").map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split(".").map(Number);
  if (major === undefined || minor === undefined) return false;
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

async function digestOfSources(): Promise<string> {
  const hash = createHash("sha256");
  const files = [...SOURCE_FILES.map((name) => join(SOURCES, name)), join(PROTOS, CONTRACT)];
  for (const file of files) hash.update(await readFile(file)).update("\0");
  return hash.digest("hex").slice(0, 8);
}

/**
 * Builds a program of one file beside the code of the contract; resolves with its path. `directory` holds the programs
 * that were found, `workplace` is an empty folder.
 */
export async function buildGoProgram(directory: string, source: string, workplace: string): Promise<string> {
  await copySources(workplace);
  await writeFile(join(workplace, "main.go"), source);
  await generate(workplace, directory);
  await goBuild(workplace, join(workplace, "program"), ".");
  return join(workplace, "program");
}

async function build(workplace: string): Promise<void> {
  const bin = join(workplace, "bin");
  await mkdir(bin, { recursive: true });
  await copySources(workplace);
  await goBuild(workplace, `${bin}/`, ...COMPILERS);
  await generate(workplace, bin);
  await goBuild(workplace, `${bin}/`, ".", ...TOOLS);
  const own = { ...environment(), GOBIN: bin, GOFLAGS: "-mod=mod" };
  await run("go", ["install", GHZ], { cwd: workplace, env: own, timeout: GO_BUILD_TIMEOUT_MS });
}

async function copySources(workplace: string): Promise<void> {
  for (const name of SOURCE_FILES) await copyFile(join(SOURCES, name), join(workplace, name));
}

function goBuild(workplace: string, output: string, ...packages: string[]): Promise<unknown> {
  const options = { cwd: workplace, env: environment(), timeout: GO_BUILD_TIMEOUT_MS };
  return run("go", ["build", "-o", output, ...packages], options);
}

/** The code of the contract, by the compilers just built. */
async function generate(workplace: string, bin: string): Promise<void> {
  const buf = dirname(createRequire(import.meta.url).resolve("@bufbuild/buf/package.json"));
  const parameters = [join(buf, "bin", "buf"), "generate", PROTOS, "--path", join(PROTOS, CONTRACT)];
  await run(process.execPath, [...parameters, "--template", "buf.gen.yaml"], {
    cwd: workplace,
    env: { ...environment(), PATH: `${bin}:${process.env["PATH"] ?? ""}` },
  });
}

/** Builds with what is here: no other Go is fetched, and nothing but what go.sum names. */
function environment(): NodeJS.ProcessEnv {
  return { ...process.env, GOTOOLCHAIN: "local", GOFLAGS: "-mod=readonly", GOWORK: "off" };
}

/** What the compiler said first, or else what went wrong with starting it. */
function firstLine(error: unknown): string {
  const { stderr } = error as { stderr?: unknown };
  const text = typeof stderr === "string" && stderr !== "" ? stderr : String(error);
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("go: downloading"));
  return lines[0] ?? "no message";
}
