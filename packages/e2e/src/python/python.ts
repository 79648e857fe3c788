/**
 * A Python with the packages of requirements.txt, for clients that are not ours: httpx and grpcio.
 *
 * Invariant: the folder of packages appears whole, by a rename; its name holds the version of Python and a digest of
 * the requirements. Nothing is installed into the machine's own Python.
 */
import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { cacheDirectory } from "../cache.js";

export interface Python {
  command: "python3";
  /** Variables with which the packages are found. */
  environment: Readonly<Record<string, string>>;
}

/** What was found, or one line that says what is missing. */
export type FoundPython = { ok: true; python: Python } | { ok: false; reason: string };

const run = promisify(execFile);
const REQUIREMENTS_FILE = fileURLToPath(new URL("../../src/python/requirements.txt", import.meta.url));
const INSTALL_TIMEOUT_MS = 180_000;

/** Finds Python, installing the packages when the cache has none. Never throws for a missing tool. */
export async function findPython(): Promise<FoundPython> {
  const version = await pythonVersion();
  if (version === undefined) return { ok: false, reason: "python3 is not installed" };
  const requirements = await readFile(REQUIREMENTS_FILE, "utf8");
  const digest = createHash("sha256").update(requirements).digest("hex").slice(0, 8);
  const packages = join(cacheDirectory(), `python-${version}-${digest}`);
  if (!existsSync(packages)) {
    const reason = await install(packages);
    if (reason !== undefined) return { ok: false, reason };
  }
  return { ok: true, python: { command: "python3", environment: { PYTHONPATH: packages } } };
}

async function pythonVersion(): Promise<string | undefined> {
  try {
    const { stdout } = await run("python3", ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
    return stdout.trim();
  } catch {
    return undefined;
  }
}

/** Installs into `packages`; returns the reason when that cannot be done here. */
async function install(packages: string): Promise<string | undefined> {
  const temporary = join(cacheDirectory(), `.install-${randomUUID()}`);
  await mkdir(temporary, { recursive: true });
  const parameters = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--only-binary=:all:",
  ];
  try {
    await run("python3", [...parameters, `--target=${temporary}`, `--requirement=${REQUIREMENTS_FILE}`], {
      timeout: INSTALL_TIMEOUT_MS,
    });
    await rename(temporary, packages);
    return undefined;
  } catch (error) {
    if (existsSync(packages)) return undefined;
    const lines =
      error instanceof Error && "stderr" in error ? String(error.stderr).split("\n") : [String(error)];
    return `pip could not install grpcio: ${lines.find((line) => line.trim() !== "") ?? "no message"}`;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
