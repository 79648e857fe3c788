/** The forwarder on node-rdkafka, against librdkafka's mock cluster, which knows neither fencing nor aborted records. */
import { rm } from "node:fs/promises";
import { kafkaProperties } from "@event-collector/kafka";
import t from "tap";
import type { Message } from "node-rdkafka";
import { encodeRecord } from "@event-collector/contract";
import { createBroker } from "./producer.js";
import { readConfig } from "./config.js";
import { lastingFolder } from "./testing/lasting-folder.js";
import { readMockTopic, startMockCluster } from "./testing/mock-cluster.js";
import { eventRecord } from "./testing/spool-lines.js";
import { appendEvents, openSpool, runForwarder, until } from "./testing/workbench.js";
import type { RunningForwarder, Settings } from "./testing/workbench.js";

type TestScope = Pick<typeof t, "teardown">;

const EVENTS = "learner.events";
const DEAD = "learner.events.dlq";
const CURSORS = "learner.events.cursors";
const TOPICS: readonly string[] = [EVENTS, DEAD, CURSORS];

function header(message: Message | undefined, name: string): string | undefined {
  return message?.headers
    ?.map((each) => each[name])
    .find((value) => value !== undefined)
    ?.toString();
}

function idOf(message: Message): string | undefined {
  return header(message, "event-id") ?? /"event_id":"([^"]*)"/.exec(String(message.value))?.[1];
}

function ids(messages: readonly Message[]): number[] {
  return messages.map((message) => Number(idOf(message)?.slice(6))).sort((left, right) => left - right);
}

/** Some 20 MiB in the spool. */
const BACKLOG_EVENTS = 30_000;

const range = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

async function start(
  t: TestScope,
  directory: string,
  bootstrap: string,
  more: Settings = {},
): Promise<RunningForwarder> {
  const settings = { KAFKA_BOOTSTRAP_SERVERS: bootstrap, ...more };
  const { kafka } = await readConfig(settings, () => Promise.reject(new Error("no files here")));
  const limits = { windowLinesMax: 20_000, windowBytesMax: 16 << 20, lineBytesMax: 64 << 20 };
  const properties = kafkaProperties(kafka, limits);
  const forwarder = await runForwarder(
    directory,
    (observer) => createBroker({ properties }, observer),
    settings,
  );
  t.teardown(async () => {
    forwarder.drain();
    await forwarder.ended.catch(() => undefined);
  });
  return forwarder;
}

for (const mode of ["exactly-once", "at-least-once"]) {
  await t.test(`${mode}: events arrive once, with key, value and headers`, async (t) => {
    const bootstrap = await startMockCluster(t, TOPICS);
    const directory = lastingFolder(t);
    const writer = await openSpool(directory);
    t.teardown(() => writer.close());
    await appendEvents(writer, 0, 500);
    await start(t, directory, bootstrap, { KAFKA_DELIVERY: mode });
    await appendEvents(writer, 500, 600);
    const messages = await readMockTopic(t, bootstrap, EVENTS, 600);
    t.same(ids(messages), range(600));
    const message = messages.find((each) => idOf(each) === "event-7");
    t.equal(message?.key?.toString(), "learner-7");
    t.equal(message?.value?.toString(), '{"event_id":"event-7","learner_id":"learner-7"}');
    t.equal(header(message, "content-type"), "application/json");
    t.equal(message?.headers?.length, 1, "what stands in the value is no header");
  });

  await t.test(`${mode}: a rejected event and an oversized one reach the dead-letter topic`, async (t) => {
    const bootstrap = await startMockCluster(t, TOPICS);
    const directory = lastingFolder(t);
    const writer = await openSpool(directory);
    t.teardown(() => writer.close());
    await writer.append([
      encodeRecord(eventRecord(0)),
      encodeRecord(eventRecord(1, { value: `"${"x".repeat(20_000)}"` })),
      encodeRecord({
        kind: "rejected",
        eventId: "event-2",
        receivedAt: "2026-01-02T03:04:05.678Z",
        protocol: "grpc",
        encoding: "json",
        violations: [{ code: "missing_field", pointer: "/course_id", message: "is required" }],
        value: Buffer.from("{}"),
      }),
      encodeRecord(eventRecord(3)),
    ]);
    await start(t, directory, bootstrap, {
      KAFKA_DELIVERY: mode,
      KAFKA_MESSAGE_BYTES_MAX: "16384",
      // Long enough for an abort to come first: the mock cluster shows what was sent in a transaction that is aborted.
      KAFKA_LINGER_MS: "500",
    });
    t.same(ids(await readMockTopic(t, bootstrap, EVENTS, 2)), [0, 3]);
    const letters = await readMockTopic(t, bootstrap, DEAD, 2);
    t.same(ids(letters), [1, 2]);
    const [large, rejected] = [1, 2].map((number) =>
      letters.find((each) => idOf(each) === `event-${number}`),
    );
    t.equal(header(large, "dlq.reason"), "record_too_large");
    t.equal(header(large, "dlq.truncated"), "true", "not even the dead letter may be that large here");
    t.equal(header(rejected, "dlq.reason"), "missing_field");
    t.equal(header(rejected, "dlq.stage"), "validate");
  });
}

await t.test("values arrive byte for byte while the memory that they stand in is used again", async (t) => {
  const bootstrap = await startMockCluster(t, TOPICS);
  const directory = lastingFolder(t);
  const writer = await openSpool(directory, 64 << 20);
  t.teardown(() => writer.close());
  const values = range(BACKLOG_EVENTS).map(
    (number) => `{"event_id":"event-${number}","filling":"${`${number} `.repeat(100)}"}`,
  );
  const records = values.map((value, number) => encodeRecord(eventRecord(number, { value })));
  for (let from = 0; from < BACKLOG_EVENTS; from += 1_000)
    await writer.append(records.slice(from, from + 1_000));
  // Several of the largest reads fit into a window, and many windows into the backlog.
  await start(t, directory, bootstrap, { FORWARDER_WINDOW_BYTES: String(4 << 20) });
  const messages = await readMockTopic(t, bootstrap, EVENTS, BACKLOG_EVENTS);
  t.same(ids(messages), range(BACKLOG_EVENTS));
  const wrong = messages.filter(
    (message) => String(message.value) !== values[Number(idOf(message)?.slice(6))],
  );
  t.equal(wrong.length, 0);
});

await t.test("the cursor is restored from the broker when the local one is lost", async (t) => {
  const bootstrap = await startMockCluster(t, TOPICS);
  const directory = lastingFolder(t);
  const writer = await openSpool(directory);
  t.teardown(() => writer.close());
  for (let round = 0; round < 3; round += 1) {
    const forwarder = await start(t, directory, bootstrap, { FORWARDER_WINDOW_LINES: "7" });
    await appendEvents(writer, round * 50, round * 50 + 50);
    await until(async () => ((await forwarder.metric("forwarder_events_forwarded_total")) ?? 0) >= 50);
    forwarder.drain();
    await forwarder.ended;
    await rm(`${directory}/forwarder`, { recursive: true });
  }
  t.same(ids(await readMockTopic(t, bootstrap, EVENTS, 150)), range(150));
});

await t.test("an event is visible well within a quarter of a second", async (t) => {
  const bootstrap = await startMockCluster(t, TOPICS);
  const directory = lastingFolder(t);
  const writer = await openSpool(directory);
  t.teardown(() => writer.close());
  const forwarder = await start(t, directory, bootstrap, { FORWARDER_RESCAN_MS: "250" });
  await until(async () => (await forwarder.get("/ready")).status === 200);
  const waits: number[] = [];
  for (let number = 0; number < 40; number += 1) {
    const startedAt = performance.now();
    await writer.append([encodeRecord(eventRecord(number))]);
    await until(() => forwarder.log.filter(({ msg }) => msg === "window delivered").length > number);
    waits.push(performance.now() - startedAt);
  }
  waits.sort((left, right) => left - right);
  const p95 = waits[Math.floor(waits.length * 0.95)] ?? Infinity;
  t.comment(`median ${waits[20]?.toFixed(0)} ms, p95 ${p95.toFixed(0)} ms`);
  t.ok(p95 < 250);
});

await t.test("topics that are missing are asked for where they cannot be created", async (t) => {
  const bootstrap = await startMockCluster(t, []);
  const directory = lastingFolder(t);
  const writer = await openSpool(directory);
  t.teardown(() => writer.close());
  await appendEvents(writer, 0, 3);
  const forwarder = await start(t, directory, bootstrap);
  await until(async () => (await forwarder.metric("forwarder_events_forwarded_total")) === 3);
  t.same(ids(await readMockTopic(t, bootstrap, EVENTS, 3)), range(3));
});

await t.test("properties that librdkafka does not know stop the start", async (t) => {
  const observer = { reachable: () => undefined, heard: () => undefined, logged: () => undefined };
  const properties = {
    connection: { "bootstrap.servers": "x", "no.such.property": "1" },
    producer: {},
    topic: {},
  };
  t.throws(() => createBroker({ properties }, observer), {
    class: "configuration",
    message: /no\.such\.property/,
  });
});
