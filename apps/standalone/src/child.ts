/**
 * One process of the family: a built entry point, configured by its environment, read by its log.
 *
 * It has a process group of its own, so that a Ctrl-C in the terminal reaches the launcher alone, which then stops
 * the children in order; and it stops by itself, in its own orderly way, when the launcher is gone (`with-parent.ts`).
 */
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { renderLogLine } from "./log-line.js";
import type { Screen } from "./screen.js";

export interface End {
  /** True for exit code 0. */
  readonly orderly: boolean;
  /** How it ended, in words. */
  readonly description: string;
}

export interface Child {
  readonly name: string;
  /** The members of the log line `{"msg":"listening",…}`; for ever open if that never comes. */
  readonly listening: Promise<Readonly<Record<string, unknown>>>;
  readonly ended: Promise<End>;
  /** Asks it to stop and waits; ends it by force when it takes longer. */
  stop(timeoutMs: number): Promise<End>;
}

const WITH_PARENT = new URL("./with-parent.js", import.meta.url).href;

/** Starts it; each line that it prints goes to the screen under its name. */
export function startChild(
  name: string,
  entry: URL,
  parameters: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  screen: Screen,
): Child {
  const options = ["--enable-source-maps", "--import", WITH_PARENT];
  const child = spawn(process.execPath, [...options, fileURLToPath(entry), ...parameters], {
    env: { ...environment },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    detached: true,
  });
  const listening = new Promise<Readonly<Record<string, unknown>>>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on("line", (text) => {
        const record = parse(text);
        if (record["msg"] === "listening") resolve(record);
        screen.print(renderLogLine(name, text, record, screen.isTerminal));
      });
    }
  });
  const ended = new Promise<End>((resolve) => {
    child.once("error", (error) => resolve({ orderly: false, description: error.message }));
    child.once("close", (code, signal) => {
      const description = signal === null ? `exit code ${code ?? "unknown"}` : `signal ${signal}`;
      resolve({ orderly: code === 0, description });
    });
  });
  return {
    name,
    listening,
    ended,
    stop: async (timeoutMs) => {
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
      const end = await ended;
      clearTimeout(timer);
      return end;
    },
  };
}

function parse(text: string): Readonly<Record<string, unknown>> {
  if (!text.startsWith("{")) return {};
  try {
    return Object.fromEntries(Object.entries(JSON.parse(text) as object));
  } catch {
    return {};
  }
}
