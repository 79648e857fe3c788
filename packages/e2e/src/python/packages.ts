/**
 * Packages from PyPI, in the versions that a requirements.txt pins, in a folder of the cache outside the tree.
 *
 * Invariant: the folder appears whole, by a rename; its name holds the version of Python and a digest of the
 * requirements. Nothing is installed into the machine's own Python.
 */
import { execFile } from "node:child_process";
import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { cacheDirectory } from "../cache.js";

/** The folder to put into PYTHONPATH, or one line that says what is missing. */
export type FoundPackages = { ok: true; folder: string } | { ok: false; reason: string };

const run = promisify(execFile);
// Some thirty wheels, beside whatever else two cores do.
const INSTALL_TIMEOUT_MS = 600_000;
const PIP = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:"];

/** Finds the packages, installing them when the cache has none. Never throws for a missing tool. */
export async function findPackages(name: string, requirementsFile: string): Promise<FoundPackages> {
  const version = await pythonVersion();
  if (version === undefined) return { ok: false, reason: "python3 is not installed" };
  const digest = createHash("sha256")
    .update(await readFile(requirementsFile))
    .digest("hex");
  const folder = join(cacheDirectory(), `${name}-${version}-${digest.slice(0, 8)}`);
  const fault = existsSync(folder) ? undefined : await install(folder, requirementsFile);
  return fault === undefined
    ? { ok: true, folder }
    : { ok: false, reason: `pip could not install ${name}: ${fault}` };
}

async function pythonVersion(): Promise<string | undefined> {
  try {
    const { stdout } = await run("python3", ["-c", "import sys; print('%d.%d' % sys.version_info[:2])"]);
    return stdout.trim();
  } catch {
    return undefined;
  }
}

/** Installs into `folder`; returns the first line of what went wrong when that cannot be done here. */
async function install(folder: string, requirementsFile: string): Promise<string | undefined> {
  const temporary = join(cacheDirectory(), `.install-${randomUUID()}`);
  await mkdir(temporary, { recursive: true });
  try {
    await run("python3", [...PIP, `--target=${temporary}`, `--requirement=${requirementsFile}`], {
      timeout: INSTALL_TIMEOUT_MS,
    });
    await rename(temporary, folder);
    return undefined;
  } catch (error) {
    // Another test file may have been faster.
    if (existsSync(folder)) return undefined;
    const { stderr } = error as { stderr?: unknown };
    const text = typeof stderr === "string" && stderr.trim() !== "" ? stderr : String(error);
    return text.trim().split("\n")[0] ?? "no message";
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}
