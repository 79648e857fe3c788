import { mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { nodeDisk, systemClock } from "@event-collector/spool";
import type { Disk } from "@event-collector/spool";
import t from "tap";
import type { Context } from "../context.js";
import { createOutput } from "../output.js";
import { readSettings } from "../settings.js";
import type { Settings } from "../settings.js";
import { memoryBroker } from "../testing/memory-broker.js";
import { eventRecord, writeSpool } from "../testing/written-spool.js";
import { examineBroker } from "./broker.js";
import { examineConfiguration } from "./configuration.js";
import { examineDisk } from "./disk.js";
import type { Finding } from "./finding.js";
import { examineSpool } from "./spool.js";

const GIB = 1024 ** 3;
const HOUR_MS = 3_600_000;

const directory = join(t.testdir({}), "spool");
await writeSpool(directory, [eventRecord()]);
const settings: Settings = { ...readSettings({}, directory), spoolBytesMax: GIB, freeBytesMin: 0 };

/** The disk of this machine, but for what is said of its room: that of the tests may have any. */
const roomy: Disk = {
  ...nodeDisk,
  space: async (path) => ({ ...(await nodeDisk.space(path)), freeBytes: 10 * GIB, freeInodes: 1e6 }),
};

function contextOf(parts: Partial<Context> = {}): Context {
  const stream = { write: () => true, on: () => undefined };
  return {
    disk: roomy,
    clock: systemClock,
    wait: () => Promise.resolve(),
    output: createOutput(stream, stream, { noColor: true }),
    variables: {},
    person: "me@here",
    readText: () => Promise.reject(new Error("no file")),
    openBroker: () => Promise.resolve(memoryBroker({})),
    end: () => undefined,
    ...parts,
  };
}

function troubles(findings: readonly Finding[]): Finding[] {
  return findings.filter(({ state }) => state !== "ok");
}

await t.test("every trouble says what to do", async (t) => {
  const unwell = { ...settings, directory: "/nowhere" };
  const findings = [
    ...(await examineConfiguration(contextOf({ variables: { KAFKA_DELIVERY: "never" } }), undefined))
      .findings,
    ...(await examineDisk(contextOf(), unwell)),
  ];
  t.ok(findings.length > 1);
  for (const { mend, says } of troubles(findings)) t.ok(mend, says);
});

await t.test("a variable that makes no sense is named, and so is one that nobody reads", async (t) => {
  const of = async (variables: Record<string, string>) =>
    troubles((await examineConfiguration(contextOf({ variables }), undefined)).findings);
  const threads = { UV_THREADPOOL_SIZE: "16" };
  t.same(await of(threads), []);
  t.match(await of({}), [{ state: "warning", says: /UV_THREADPOOL_SIZE is not set/ }]);
  t.match(await of({ ...threads, KAFKA_DELIVERY: "never" }), [{ state: "failure", says: /^KAFKA_DELIVERY/ }]);
  t.match(await of({ ...threads, BUFFER_MAX_BYTES: "much" }), [{ state: "failure", says: /BUFFER_MAX/ }]);
  t.match(await of({ ...threads, KAFKA_SASLMECHANISM: "PLAIN" }), [
    { state: "warning", mend: /KAFKA_SASL_MECHANISM is meant/ },
  ]);
});

await t.test("a disk that takes the spool and has room is well", async (t) => {
  const findings = await examineDisk(contextOf(), settings);
  // The disk of the tests may be slow, or of a kind that wants a warning.
  t.same(
    findings.filter(({ state }) => state === "failure").filter(({ says }) => !says.includes("file system")),
    [],
  );
  t.same(
    (await readdir(directory)).filter((name) => name.startsWith(".probe")),
    [],
    "nothing is left behind",
  );
});

await t.test("a disk that is full, or will be, is told", async (t) => {
  const room = (freeBytes: number, freeInodes = 1e6): Disk => ({
    ...nodeDisk,
    space: async (path) => ({ ...(await nodeDisk.space(path)), freeBytes, freeInodes }),
  });
  const says = async (disk: Disk) =>
    troubles(await examineDisk(contextOf({ disk }), { ...settings, freeBytesMin: GIB })).filter(({ says }) =>
      /are free|inodes/.test(says),
    );
  t.match(await says(room(GIB / 2)), [{ state: "failure", mend: /BUFFER_MIN_FREE_BYTES/ }]);
  t.match(await says(room(1.1 * GIB)), [{ state: "warning", mend: /BUFFER_MAX_BYTES/ }]);
  t.match(await says(room(10 * GIB, 10)), [{ state: "warning", says: /10 inodes/ }]);
  t.same(await says(room(10 * GIB)), []);
});

await t.test("a directory of somebody else is told, and nothing is tried in it", async (t) => {
  const disk: Disk = {
    ...roomy,
    assertWritable: (path) =>
      path.endsWith("segments") ? Promise.reject(new Error("EACCES")) : Promise.resolve(),
    create: () => Promise.reject(new Error("tried")),
  };
  const findings = await examineDisk(contextOf({ disk }), settings);
  t.match(findings, [{ state: "failure", says: /cannot write in .*segments$/ }]);
  t.equal(findings.length, 1);
});

await t.test(
  "what waits too long is a failure, what waits a while a warning, what was just written is well",
  async (t) => {
    const later = (milliseconds: number): Context => {
      const clock = { ...systemClock, now: () => systemClock.now() + milliseconds };
      return contextOf({ clock });
    };
    t.same(troubles(await examineSpool(contextOf(), settings)), []);
    t.match(troubles(await examineSpool(later(HOUR_MS), settings)), [
      { state: "warning", says: /not delivered: 1 segment, the oldest written 1 h/ },
    ]);
    t.match(troubles(await examineSpool(later(25 * HOUR_MS), settings)), [{ state: "failure" }]);
  },
);

await t.test("segments that are kept, and times that cannot be, are told", async (t) => {
  const odd = join(t.testdir({}), "spool");
  await writeSpool(odd, [eventRecord()]);
  const [name = ""] = await readdir(join(odd, "segments"));
  await mkdir(join(odd, "quarantine"));
  await writeFile(join(odd, "quarantine", `${name}.keep`), "looked at\n");
  const future = new Date(systemClock.now() + HOUR_MS);
  await utimes(join(odd, "segments", name), future, future);
  t.match(troubles(await examineSpool(contextOf(), { ...settings, directory: odd })), [
    { area: "spool", state: "warning", says: /kept .*: 1 segment/ },
    { area: "clock", state: "warning", says: /in the future/ },
  ]);
  const clock = { ...systemClock, now: () => 0 };
  t.match(troubles(await examineSpool(contextOf({ clock }), { ...settings, directory: "/nowhere" })), [
    { area: "clock", state: "failure" },
  ]);
});

await t.test("topics that are not there are made, or must be", async (t) => {
  const of = async (variables: Record<string, string>, ...topics: string[]) => {
    const context = contextOf({
      variables,
      openBroker: () => Promise.resolve(memoryBroker(Object.fromEntries(topics.map((topic) => [topic, []])))),
    });
    const { kafka } = await examineConfiguration(context, undefined);
    return kafka === undefined ? [] : troubles(await examineBroker(context, kafka));
  };
  const [events, dead, cursors] = ["learner.events", "learner.events.dlq", "learner.events.cursors"];
  t.same(await of({}, events, dead, cursors), []);
  t.match(await of({}, events, dead), [{ state: "warning", says: `there is no topic ${cursors}` }]);
  t.match(await of({ KAFKA_CREATE_TOPICS: "false" }, events, cursors), [
    { state: "failure", says: `there is no topic ${dead}` },
  ]);
  t.same(await of({ KAFKA_DELIVERY: "at-least-once" }, events, dead), [], "no cursor topic is needed");
});
