/** An ingress as a process of its own, so that its memory is its own and a crash is seen. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Test } from "tap";

const MAIN = fileURLToPath(new URL("../main.js", import.meta.url));

export interface IngressProcess {
  readonly child: ChildProcess;
  /** Resolves with the first log line that says this, with these members; rejects if it ends before. */
  readonly said: (
    message: string,
    members?: Readonly<Record<string, unknown>>,
  ) => Promise<Record<string, unknown>>;
  /** All lines of the log so far. */
  readonly log: readonly Readonly<Record<string, unknown>>[];
  readonly exit: Promise<[number | null, NodeJS.Signals | null]>;
  /** What it wrote to standard error. */
  readonly errors: () => string;
}

export function startProcess(t: Test, environment: Readonly<Record<string, string>>): IngressProcess {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      PATH: process.env["PATH"],
      HTTP_HOST: "127.0.0.1",
      HTTP_PORT: "0",
      BUFFER_ALLOW_VOLATILE: "true",
      BUFFER_MIN_FREE_BYTES: "0",
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.teardown(() => child.kill("SIGKILL"));
  const lines: Record<string, unknown>[] = [];
  let waiting: (() => void)[] = [];
  const changed = (): void => {
    const waiters = waiting;
    waiting = [];
    for (const go of waiters) go();
  };
  const exit = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
  let ended = false;
  void exit.then(() => {
    ended = true;
    changed();
  });
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(JSON.parse(line) as Record<string, unknown>);
    changed();
  });
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  return {
    child,
    exit,
    log: lines,
    errors: () => errors,
    said: async (message, members = {}) => {
      const wanted = Object.entries({ msg: message, ...members });
      for (;;) {
        const line = lines.find((one) => wanted.every(([name, value]) => one[name] === value));
        if (line !== undefined) return line;
        if (ended) throw new Error(`it ended without saying "${message}": ${errors}`);
        await new Promise<void>((resolve) => void waiting.push(resolve));
      }
    },
  };
}

/** The sum of a metric over its labels, or of those lines alone that hold `label`; 0 if it has no line. */
export async function metric(url: string, name: string, label = ""): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  if (!text.includes(`# TYPE ${name.replace(/_(?:count|sum|bucket)$/, "")}`)) {
    throw new Error(`there is no metric ${name}`);
  }
  let sum = 0;
  for (const [, labels = "", value] of text.matchAll(new RegExp(`^${name}(\\{.*\\})? (\\S+)$`, "gm"))) {
    if (labels.includes(label)) sum += Number(value);
  }
  return sum;
}
