/**
 * A place in which file systems can be mounted that nobody else sees: a mount namespace, held open by a process that
 * sleeps. When that process ends, so do all mounts in it; there is nothing to clean up.
 */
import { spawn } from "node:child_process";
import { missing } from "../sh.js";
import { startProgram, type Scope } from "../program.js";

export interface MountSpace {
  /** The words that make a command run in here. */
  readonly prefix: readonly [string, ...string[]];
  /** Runs a command in here; rejects with the end of its output when it fails. */
  run(command: readonly string[], environment?: Readonly<Record<string, string>>): Promise<string>;
}

const OUTPUT_CHARACTERS_KEPT = 4_000;

/** False, or the reason why none can be made here. */
export async function cannotMount(): Promise<false | string> {
  if (process.platform !== "linux") return "needs Linux, to mount file systems";
  if (process.getuid?.() !== 0) return "needs root, to mount file systems";
  for (const tool of ["unshare", "nsenter"]) {
    const reason = await missing(tool);
    if (reason !== false) return reason;
  }
  return false;
}

export async function openMountSpace(scope: Scope): Promise<MountSpace> {
  const script = 'echo \'{"msg":"open"}\'; exec sleep infinity';
  const holder = startProgram(scope, "mount space", [
    "unshare",
    "--mount",
    "--propagation",
    "private",
    "sh",
    "-c",
    script,
  ]);
  await holder.line((line) => line.record["msg"] === "open");
  const prefix = ["nsenter", `--target=${holder.pid}`, "--mount", "--"] as const;
  return {
    prefix: [...prefix],
    run: (command, environment) => run([...prefix, ...command], environment ?? {}),
  };
}

function run(command: readonly string[], environment: Readonly<Record<string, string>>): Promise<string> {
  const [file = "", ...parameters] = command;
  return new Promise((resolve, reject) => {
    const child = spawn(file, parameters, { env: { ...process.env, ...environment } });
    let output = "";
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString()).slice(-OUTPUT_CHARACTERS_KEPT);
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", reject);
    child.on("close", (code) =>
      code === 0 ? resolve(output) : reject(new Error(`${command.at(-1) ?? file}: exit ${code}\n${output}`)),
    );
  });
}
