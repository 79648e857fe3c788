/** Small programs in C, for what Node cannot do itself; compiled when a test needs them. */
import { execFile } from "node:child_process";
import { mkdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);

/** Compiles `native/<name>.c` to a program in `directory` and returns its path. */
export function compileProgram(name: string, directory: string): Promise<string> {
  return compile(name, join(directory, name), []);
}

/** Compiles `native/<name>.c` to a library for LD_PRELOAD in `directory` and returns its path. */
export function compilePreload(name: string, directory: string): Promise<string> {
  return compile(name, join(directory, `${name}.so`), ["-shared", "-fPIC"]);
}

async function compile(name: string, target: string, options: readonly string[]): Promise<string> {
  await mkdir(join(target, ".."), { recursive: true });
  const source = fileURLToPath(new URL(`../../src/torture/native/${name}.c`, import.meta.url));
  await stat(source);
  await run("gcc", ["-O1", "-Wall", "-Werror", ...options, "-o", target, source, "-ldl"]);
  return target;
}
