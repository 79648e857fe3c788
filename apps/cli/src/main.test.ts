import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { eventRecord, writeSpool } from "./testing/written-spool.js";

const directory = join(t.testdir({}), "spool");
const EVENTS = 5_000;
await writeSpool(
  directory,
  Array.from({ length: EVENTS }, (_, index) => eventRecord({ eventId: `e${index}` })),
);

interface Run {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs what a package manager links to; with `bytesMax`, its reader goes away after so many bytes. */
async function run(parameters: readonly string[], bytesMax: number = Number.POSITIVE_INFINITY): Promise<Run> {
  const entry = fileURLToPath(new URL("../bin/collector.js", import.meta.url));
  const child = spawn(process.execPath, [entry, ...parameters], { env: { BUFFER_DIR: directory } });
  let [stdout, stderr] = ["", ""];
  child.stderr.on("data", (bytes) => (stderr += String(bytes)));
  child.stdout.on("data", (bytes) => {
    stdout += String(bytes);
    if (stdout.length >= bytesMax) child.stdout.destroy();
  });
  const [code] = (await once(child, "close")) as [number | null];
  return { code, stdout, stderr };
}

await t.test("the command is what a package manager links to", async (t) => {
  const { code, stdout, stderr } = await run(["--help"]);
  t.equal(code, 0);
  t.match(stdout, /^Usage: collector/);
  t.equal(stderr, "");
});

await t.test("all that is printed reaches the reader, however slow", async (t) => {
  const { code, stdout } = await run(["spool", "cat"]);
  t.equal(code, 0);
  t.equal(stdout.trimEnd().split("\n").length, EVENTS);
});

await t.test("a reader that has seen enough ends it in silence", async (t) => {
  const { code, stderr } = await run(["spool", "cat"], 1);
  t.equal(code, 0);
  t.equal(stderr, "");
});

await t.test("what makes no sense has an exit code of its own", async (t) => {
  t.match(await run(["mend"]), { code: 2, stdout: "", stderr: /unknown command/ });
});
