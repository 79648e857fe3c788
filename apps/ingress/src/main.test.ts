import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { createInterface } from "node:readline";
import t from "tap";
import type { Test } from "tap";
import { sampleBatch, sampleEvent } from "./testing/sample-event.js";

const MAIN = fileURLToPath(new URL("./main.js", import.meta.url));

interface Process {
  child: ChildProcess;
  /** Resolves with the first log line that says this. */
  said: (message: string) => Promise<Record<string, unknown>>;
  exit: Promise<[number | null, NodeJS.Signals | null]>;
  errors: () => string;
}

function start(t: Test, environment: Record<string, string>): Process {
  const child = spawn(process.execPath, [MAIN], {
    env: {
      PATH: process.env["PATH"],
      HTTP_HOST: "127.0.0.1",
      HTTP_PORT: "0",
      BUFFER_MIN_FREE_BYTES: "0",
      ...environment,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.teardown(() => child.kill("SIGKILL"));
  const lines: Record<string, unknown>[] = [];
  let changed: () => void = () => undefined;
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
    errors: () => errors,
    said: async (message) => {
      for (;;) {
        const line = lines.find(({ msg }) => msg === message);
        if (line !== undefined) return line;
        if (ended) throw new Error(`it ended without saying "${message}": ${errors}`);
        await new Promise<void>((resolve) => void (changed = resolve));
      }
    },
  };
}

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  await t.test(`says where it listens, serves, and on ${signal} drains and exits with 0`, async (t) => {
    const { child, said, exit, errors } = start(t, { BUFFER_DIR: join(t.testdir({}), "spool") });
    const { port } = await said("listening");
    const response = await fetch(`http://127.0.0.1:${String(port)}/collect`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: sampleBatch(sampleEvent()),
    });
    t.match(await response.json(), { success: true, accepted: 1 });
    child.kill(signal);
    t.same(await exit, [0, null]);
    t.match(await said("draining"), { signal, service: "event-collector", level: "info" });
    t.ok(await said("stopped"));
    t.equal(errors(), "");
  });
}

await t.test("a second signal ends it at once", async (t) => {
  const { child, said, exit } = start(t, {
    BUFFER_DIR: join(t.testdir({}), "spool"),
    SHUTDOWN_DELAY_SECONDS: "300",
  });
  await said("listening");
  child.kill("SIGTERM");
  await said("draining");
  child.kill("SIGTERM");
  t.same(await exit, [1, null]);
});

await t.test("a bad value stops the start with a message that names the variable", async (t) => {
  const { exit, errors } = start(t, { HTTP_PORT: "eighty" });
  t.same(await exit, [2, null]);
  t.match(errors(), /HTTP_PORT must be a whole number/);
  t.notMatch(errors(), /at .*main/, "and no stack");
});

await t.test("a spool that cannot be opened stops the start", async (t) => {
  const directory = t.testdir({ spool: "a file where a directory should be" });
  const { exit, said } = start(t, { BUFFER_DIR: join(directory, "spool") });
  t.same(await exit, [1, null]);
  t.match(await said("start failed"), { level: "fatal" });
});
