/** Runs the built command as a process of its own. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";

export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export const ENTRY: string = fileURLToPath(new URL("../main.js", import.meta.url));

/** The command sees these variables and no others of ours. */
export function run(parameters: readonly string[], variables: Record<string, string> = {}): Promise<Run> {
  const env = { PATH: process.env["PATH"] ?? "", ...variables };
  return new Promise((resolve) => {
    execFile(process.execPath, [ENTRY, ...parameters], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

/** The objects that the command printed, one a line; throws if something else is among them. */
export function objectsIn({ stdout }: Run): Record<string, unknown>[] {
  const lines = stdout.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}
