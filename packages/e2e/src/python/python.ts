/** A Python with the packages of requirements.txt, for clients that are not ours: httpx and grpcio. */
import { fileURLToPath } from "node:url";
import { findPackages } from "./packages.js";

export interface Python {
  command: "python3";
  /** Variables with which the packages are found. */
  environment: Readonly<Record<string, string>>;
}

/** What was found, or one line that says what is missing. */
export type FoundPython = { ok: true; python: Python } | { ok: false; reason: string };

const REQUIREMENTS_FILE = fileURLToPath(new URL("../../src/python/requirements.txt", import.meta.url));

/** Finds Python, installing the packages when the cache has none. Never throws for a missing tool. */
export async function findPython(): Promise<FoundPython> {
  const found = await findPackages("python", REQUIREMENTS_FILE);
  if (!found.ok) return found;
  return { ok: true, python: { command: "python3", environment: { PYTHONPATH: found.folder } } };
}
