/** Commands as a person would type them, and what came of them. */
import { execFile } from "node:child_process";
import { promisify } from "node:util";

export interface CommandResult {
  /** 0, or what the command exited with. */
  code: number;
  stdout: string;
  stderr: string;
}

export interface CommandOptions {
  directory?: string;
  environment?: Readonly<Record<string, string>>;
  timeoutMs?: number;
}

const run = promisify(execFile);
const TIMEOUT_MS_DEFAULT = 60_000;

/** Runs a command; rejects only when it cannot be started or takes too long. */
export async function runCommand(
  command: readonly [string, ...string[]],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const [file, ...parameters] = command;
  try {
    const { stdout, stderr } = await run(file, parameters, {
      cwd: options.directory,
      env: { ...process.env, ...options.environment },
      timeout: options.timeoutMs ?? TIMEOUT_MS_DEFAULT,
    });
    return { code: 0, stdout, stderr };
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error) || typeof error.code !== "number") throw error;
    const { stdout, stderr } = error as Error & { stdout?: string; stderr?: string };
    return { code: error.code, stdout: stdout ?? "", stderr: stderr ?? "" };
  }
}

/** False, or the reason to skip: the command is not there. */
export async function missing(command: string): Promise<false | string> {
  try {
    await run("sh", ["-c", `command -v ${command}`]);
    return false;
  } catch {
    return `${command} is not installed`;
  }
}
