/**
 * Programs that are bound to one core: what is measured to one, what loads it to the other, so that they do not take
 * the processor from each other.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { builtFile, startProgram } from "@event-collector/e2e/program";
import type { Program, ProgramOptions } from "@event-collector/e2e/program";
import { fileURLToPath } from "node:url";

/** What is measured. */
export const SERVER_CORE = 0;

/** Whatever works for the measurement. */
export const LOAD_CORE = 1;

const run = promisify(execFile);
const OUTPUT_BYTES_MAX = 16 * 1024 * 1024;

/** Starts a program on a core. It ends with this process at the latest. */
export function startPinned(
  name: string,
  core: number,
  command: readonly string[],
  options: ProgramOptions = {},
): Program {
  return startProgram(undefined, name, ["taskset", "-c", String(core), ...command], options);
}

/** Starts the built entry point of an app; `flags` are those of Node. */
export function startPinnedApp(
  app: string,
  environment: Readonly<Record<string, string>>,
  flags: readonly string[] = [],
): Program {
  const command = [process.execPath, ...flags, builtFile(app, "main.js")];
  return startPinned(app, SERVER_CORE, command, { environment });
}

/** Starts a program of this package, named from `dist`. */
export function startPinnedScript(core: number, file: string, parameters: readonly string[] = []): Program {
  return startPinned(file, core, [process.execPath, scriptPath(file), ...parameters], {
    environment: { UV_THREADPOOL_SIZE: "16" },
  });
}

/** Runs a command on a core and resolves with what it printed. */
export async function runPinned(core: number, command: readonly string[]): Promise<string> {
  const options = { maxBuffer: OUTPUT_BYTES_MAX };
  const { stdout, stderr } = await run("taskset", ["-c", String(core), ...command], options);
  return stdout + stderr;
}

export function scriptPath(file: string): string {
  return fileURLToPath(new URL(file, import.meta.url));
}

/** Whether a command can be started here. */
export async function isInstalled(command: string): Promise<boolean> {
  return run("which", [command]).then(
    () => true,
    () => false,
  );
}
