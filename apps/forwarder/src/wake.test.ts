import { appendFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { createWake } from "./wake.js";
import type { WakeOptions } from "./wake.js";
import { lastingFolder } from "./testing/lasting-folder.js";

const never = new AbortController().signal;
const HOUR_MS = 3_600_000;

function options(directory: string, more: Partial<WakeOptions> = {}): WakeOptions {
  return { directory, rescanMs: HOUR_MS, watch: true, onError: () => undefined, ...more };
}

await t.test("the first look is at once", async (t) => {
  const wake = createWake(options(lastingFolder(t)));
  t.teardown(() => wake.close());
  await wake.next(never);
});

await t.test("a new file and a file that grows wake, long before the rescan", async (t) => {
  const directory = lastingFolder(t);
  const wake = createWake(options(directory));
  t.teardown(() => wake.close());
  await wake.next(never);
  // The watcher needs a moment to be there, and says nothing about it: write until it notices.
  const timer = setInterval(() => void writeFile(join(directory, `${performance.now()}.ndjson`), "x"), 20);
  await wake.next(never);
  clearInterval(timer);
  const file = join(directory, "a.ndjson");
  await writeFile(file, "x");
  await wake.next(never);
  const growing = setInterval(() => void appendFile(file, "y"), 20);
  await wake.next(never);
  await wake.next(never);
  clearInterval(growing);
});

await t.test("without the watcher the rescan wakes", async (t) => {
  const wake = createWake(options(lastingFolder(t), { watch: false, rescanMs: 5 }));
  t.teardown(() => wake.close());
  for (let look = 0; look < 3; look += 1) await wake.next(never);
});

await t.test("a stop ends the wait", async (t) => {
  const wake = createWake(options(lastingFolder(t), { watch: false }));
  t.teardown(() => wake.close());
  await wake.next(never);
  const stop = new AbortController();
  const waiting = wake.next(stop.signal);
  stop.abort();
  await waiting;
  await wake.next(stop.signal);
});
