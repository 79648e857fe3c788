import { appendFile, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BrokerFailure } from "@event-collector/kafka";
import t from "tap";
import { encodeRecord } from "@event-collector/contract";
import type { Message } from "./broker.js";
import { createFakeBroker, downFailure, tooLargeFailure } from "./testing/fake-producer.js";
import type { FakeBroker } from "./testing/fake-producer.js";
import { eventIdOf } from "./testing/message-id.js";
import { lastingFolder } from "./testing/lasting-folder.js";
import { eventRecord } from "./testing/spool-lines.js";
import { appendEvents, openSpool, runForwarder, until } from "./testing/workbench.js";
import type { RunningForwarder, Settings } from "./testing/workbench.js";

type TestScope = Pick<typeof t, "teardown">;

const EVENTS = "learner.events";
const DEAD = "learner.events.dlq";

function ids(messages: readonly Message[]): number[] {
  return messages.map((message) => Number((eventIdOf(message) ?? "").slice("event-".length)));
}

function header(message: Message | undefined, name: string): string | undefined {
  return message?.headers.map((each) => each[name]).find((value) => value !== undefined);
}

const range = (count: number): number[] => Array.from({ length: count }, (_, number) => number);

function start(
  t: TestScope,
  directory: string,
  broker: FakeBroker,
  settings: Settings = {},
): Promise<RunningForwarder> {
  const running = runForwarder(directory, () => broker, settings);
  t.teardown(async () => {
    const forwarder = await running;
    forwarder.drain();
    await forwarder.ended.catch(() => undefined);
  });
  return running;
}

for (const mode of ["exactly-once", "at-least-once"]) {
  await t.test(`${mode}: what is in the spool is forwarded in order, and then what comes`, async (t) => {
    const directory = lastingFolder(t);
    const writer = await openSpool(directory);
    t.teardown(() => writer.close());
    await appendEvents(writer, 0, 100);
    const broker = createFakeBroker();
    await start(t, directory, broker, { KAFKA_DELIVERY: mode });
    await until(() => broker.read(EVENTS).length >= 100);
    for (let number = 100; number < 110; number += 1) await appendEvents(writer, number, number + 1);
    await until(() => broker.read(EVENTS).length >= 110);
    t.same(ids(broker.read(EVENTS)), range(110));
  });

  await t.test(`${mode}: a forwarder that is stopped and started again sends nothing twice`, async (t) => {
    const directory = lastingFolder(t);
    const writer = await openSpool(directory);
    t.teardown(() => writer.close());
    const broker = createFakeBroker();
    for (let round = 0; round < 5; round += 1) {
      const forwarder = await start(t, directory, broker, {
        KAFKA_DELIVERY: mode,
        FORWARDER_WINDOW_LINES: "7",
      });
      await appendEvents(writer, round * 40, round * 40 + 40);
      if (round % 2 === 0) await until(() => broker.read(EVENTS).length >= round * 40 + 10);
      forwarder.drain();
      await forwarder.ended;
    }
    t.same(ids(broker.read(EVENTS)), range(200));
  });

  await t.test(`${mode}: draining delivers what is in the spool before it ends`, async (t) => {
    const directory = lastingFolder(t);
    const writer = await openSpool(directory);
    t.teardown(() => writer.close());
    const broker = createFakeBroker();
    const forwarder = await start(t, directory, broker, {
      KAFKA_DELIVERY: mode,
      FORWARDER_WINDOW_LINES: "3",
    });
    await appendEvents(writer, 0, 50);
    forwarder.drain();
    await forwarder.ended;
    t.same(ids(broker.read(EVENTS)), range(50));
  });
}

await t.test("a broker that is down at the start is waited for", async (t) => {
  const directory = lastingFolder(t);
  const writer = await openSpool(directory);
  t.teardown(() => writer.close());
  await appendEvents(writer, 0, 10);
  const broker = createFakeBroker();
  broker.fail("missingTopics", downFailure(), 2);
  broker.fail("openTransactional", downFailure(), 1);
  const forwarder = await start(t, directory, broker);
  t.match(await forwarder.get("/ready"), { status: 503, text: /not connected|transport failure/ });
  t.match(await forwarder.get("/health"), { status: 200 }, "it is alive all the same");
  await until(() => broker.read(EVENTS).length === 10);
  t.match(await forwarder.get("/ready"), { status: 200 });
  t.equal(await forwarder.metric('forwarder_delivery_failures_total{class="retriable"}'), 3);
  t.same(broker.read(DEAD), []);
});

await t.test("without the watcher events still arrive, by the rescan", async (t) => {
  const directory = lastingFolder(t);
  const writer = await openSpool(directory);
  t.teardown(() => writer.close());
  const broker = createFakeBroker();
  await start(t, directory, broker, { FORWARDER_WATCH: "false" });
  await appendEvents(writer, 0, 3);
  await until(() => broker.read(EVENTS).length === 3);
  await appendEvents(writer, 3, 5);
  await until(() => broker.read(EVENTS).length === 5);
  t.same(ids(broker.read(EVENTS)), range(5));
});

await t.test("the broker's cursor wins over a local file from the past", async (t) => {
  const directory = lastingFolder(t);
  const writer = await openSpool(directory);
  t.teardown(() => writer.close());
  const broker = createFakeBroker();
  await appendEvents(writer, 0, 5);
  const first = await start(t, directory, broker);
  await until(() => broker.read(EVENTS).length === 5);
  first.drain();
  await first.ended;
  const cursor = join(directory, "forwarder", "cursor.json");
  const past = await readFile(cursor);
  await appendEvents(writer, 5, 9);
  const second = await start(t, directory, broker);
  await until(() => broker.read(EVENTS).length === 9);
  second.drain();
  await second.ended;
  await writeFile(cursor, past);
  await appendEvents(writer, 9, 10);
  await start(t, directory, broker);
  await until(() => ids(broker.read(EVENTS)).includes(9));
  t.same(ids(broker.read(EVENTS)), range(10));
});

await t.test("a local cursor that is garbled is said and survived", async (t) => {
  const directory = t.testdir({ forwarder: { "cursor.json": "garbage\n" } });
  const writer = await openSpool(directory);
  t.teardown(() => writer.close());
  await appendEvents(writer, 0, 3);
  const broker = createFakeBroker();
  const forwarder = await start(t, directory, broker);
  await until(() => broker.read(EVENTS).length === 3);
  t.match(forwarder.log, [{ msg: "the local cursor is lost" }]);
});

await t.test("from at-least-once to exactly-once nothing is sent twice", async (t) => {
  const directory = lastingFolder(t);
  const writer = await openSpool(directory);
  t.teardown(() => writer.close());
  const broker = createFakeBroker();
  await appendEvents(writer, 0, 5);
  const first = await start(t, directory, broker, { KAFKA_DELIVERY: "at-least-once" });
  await until(() => broker.read(EVENTS).length === 5);
  first.drain();
  await first.ended;
  await appendEvents(writer, 5, 8);
  await start(t, directory, broker, { KAFKA_DELIVERY: "exactly-once" });
  await until(() => broker.read(EVENTS).length >= 8);
  t.same(ids(broker.read(EVENTS)), range(8));
});

await t.test("a lost answer and a dead producer in the middle cost nothing", async (t) => {
  const directory = lastingFolder(t);
  const writer = await openSpool(directory);
  t.teardown(() => writer.close());
  await appendEvents(writer, 0, 60);
  const broker = createFakeBroker();
  const forwarder = await start(t, directory, broker, { FORWARDER_WINDOW_LINES: "10" });
  broker.loseAnswer(new BrokerFailure("fatal", "in doubt"));
  await until(() => broker.read(EVENTS).length >= 60);
  t.same(ids(broker.read(EVENTS)), range(60));
  const published = 'forwarder_books_records{account="published"}';
  await until(async () => (await forwarder.metric(published)) === 60);
  t.equal(await forwarder.metric("forwarder_backlog_bytes"), 0);
});

await t.test("a fenced forwarder stops publishing and says who took over", async (t) => {
  const directory = lastingFolder(t);
  const writer = await openSpool(directory);
  t.teardown(() => writer.close());
  const broker = createFakeBroker();
  const first = await start(t, directory, broker);
  await appendEvents(writer, 0, 5);
  await until(() => broker.read(EVENTS).length === 5);
  await start(t, directory, broker);
  const fenced = t.rejects(first.ended, {
    name: "FencedError",
    message: /another forwarder took over this spool/,
  });
  await appendEvents(writer, 5, 20);
  await until(() => broker.read(EVENTS).length >= 20);
  await appendEvents(writer, 20, 30);
  await until(() => broker.read(EVENTS).length >= 30);
  await fenced;
  t.same(ids(broker.read(EVENTS)), range(30));
});

await t.test(
  "a live event overtakes the backlog of a dead instance by the next window but one",
  async (t) => {
    const window = 10;
    const directory = lastingFolder(t);
    const live = await openSpool(directory);
    t.teardown(() => live.close());
    await appendEvents(live, 1_000, 1_001);
    const dead = await openSpool(directory);
    await appendEvents(dead, 0, 500);
    await dead.close();
    const broker = createFakeBroker();
    let paused = false;
    broker.refuse((message) => {
      // Once the live instance was read to its end, nothing more is committed before its next event is stored.
      if (paused) return downFailure();
      paused = ids([message])[0] === 1_000;
      return undefined;
    });
    const forwarder = await start(t, directory, broker, { FORWARDER_WINDOW_LINES: String(window) });
    await until(async () => paused && (await forwarder.metric("forwarder_delivery_failures_total")) !== 0);
    const committed = broker.read(EVENTS).length;
    await appendEvents(live, 1_001, 1_002);
    paused = false;
    broker.refuse(() => undefined);
    await until(() => broker.read(EVENTS).length === 502);
    const order = ids(broker.read(EVENTS));
    const overtaken = order.indexOf(1_001) - committed;
    // One window was under way, another one read ahead.
    t.ok(overtaken <= 2 * window, `${overtaken} events came before it, of ${500 - committed} that waited`);
    t.same(
      order.filter((number) => number < 1_000),
      range(500),
      "the backlog keeps its order",
    );
  },
);

await t.test("an idle forwarder that was fenced finds out before it deletes anything", async (t) => {
  const directory = lastingFolder(t);
  const broker = createFakeBroker();
  const first = await start(t, directory, broker, { FORWARDER_PRUNE_SECONDS: "1" });
  await until(async () => (await first.get("/ready")).status === 200);
  await start(t, directory, broker, { FORWARDER_PRUNE_SECONDS: "60" });
  await t.rejects(first.ended, { name: "FencedError" });
});

await t.test(
  "a record too large for the topic is dead-lettered alone, those around it are delivered",
  async (t) => {
    const directory = lastingFolder(t);
    const writer = await openSpool(directory);
    t.teardown(() => writer.close());
    const broker = createFakeBroker();
    broker.refuse((message) =>
      message.topic === EVENTS && message.value?.byteLength === 777 ? tooLargeFailure() : undefined,
    );
    await appendEvents(writer, 0, 50);
    await writer.append([encodeRecord(eventRecord(50, { value: `"${"x".repeat(775)}"` }))]);
    await appendEvents(writer, 51, 100);
    await start(t, directory, broker);
    await until(() => broker.read(EVENTS).length === 99 && broker.read(DEAD).length === 1);
    t.same(
      ids(broker.read(EVENTS)),
      range(100).filter((number) => number !== 50),
    );
    const [letter] = broker.read(DEAD);
    t.same(ids(broker.read(DEAD)), [50]);
    t.equal(header(letter, "dlq.reason"), "record_too_large");
    t.equal(letter?.value?.byteLength, 777);
  },
);

await t.test("a corrupt line costs itself alone and is dead-lettered with its place", async (t) => {
  const directory = lastingFolder(t);
  const writer = await openSpool(directory, 1024 * 1024);
  await appendEvents(writer, 0, 10);
  await writer.close();
  const segments = join(directory, "segments");
  const [name = ""] = (await readdir(segments)).sort();
  const bytes = await readFile(join(segments, name));
  const at = bytes.indexOf('"learner-4"');
  bytes[at + 1] = 0x58;
  await writeFile(join(segments, name), bytes);
  const broker = createFakeBroker();
  const forwarder = await start(t, directory, broker);
  await until(() => broker.read(EVENTS).length === 9 && broker.read(DEAD).length === 1);
  t.same(ids(broker.read(EVENTS)), [0, 1, 2, 3, 5, 6, 7, 8, 9]);
  const [letter] = broker.read(DEAD);
  t.equal(header(letter, "dlq.reason"), "bad_line");
  t.equal(header(letter, "dlq.source-segment"), name);
  t.match(Buffer.from(letter?.value ?? []).toString(), /Xearner-4/);
  t.equal(await forwarder.metric('forwarder_dead_letters_total{stage="spool",reason="bad_line"}'), 1);
});

await t.test("a torn tail is counted and kept aside, not dead-lettered", async (t) => {
  const directory = lastingFolder(t);
  const writer = await openSpool(directory, 1024 * 1024);
  await appendEvents(writer, 0, 3);
  await writer.close();
  const segments = join(directory, "segments");
  const [name = ""] = (await readdir(segments)).sort();
  const bytes = await readFile(join(segments, name));
  // As after a crash in the middle of a write: no seal, and the start of a line.
  const withoutSeal = bytes.subarray(0, bytes.lastIndexOf(0x0a, bytes.length - 2) + 1);
  await writeFile(join(segments, name), withoutSeal);
  await appendFile(join(segments, name), '{"crc":"00000000","n":4,"d":{"ki');
  const past = new Date(Date.now() - 3_600_000);
  const { utimes } = await import("node:fs/promises");
  await utimes(join(segments, name), past, past);
  const broker = createFakeBroker();
  const forwarder = await start(t, directory, broker);
  await until(async () => (await forwarder.metric("forwarder_torn_tails_total")) === 1);
  t.same(ids(broker.read(EVENTS)), range(3));
  t.same(broker.read(DEAD), []);
  t.match((await readdir(join(directory, "quarantine"))).join(), /@\d+\.bytes/);
});

await t.test(
  "delivered segments past the retention are deleted, and what is gone is forgotten",
  async (t) => {
    const directory = lastingFolder(t);
    const writer = await openSpool(directory);
    const broker = createFakeBroker();
    for (let from = 0; from < 200; from += 20) await appendEvents(writer, from, from + 20);
    await writer.close();
    const forwarder = await start(t, directory, broker, {
      BUFFER_RETENTION_HOURS: "0",
      FORWARDER_PRUNE_SECONDS: "1",
      BUFFER_SEGMENT_SECONDS: "1",
    });
    await until(async () => (await readdir(join(directory, "segments"))).length === 0);
    t.same(ids(broker.read(EVENTS)), range(200));
    await until(
      async () => ((await forwarder.metric('forwarder_pruned_segments_total{reason="retention"}')) ?? 0) > 5,
    );
    const isTombstone = (message: Message): boolean => message.value === null;
    await until(() => broker.read("learner.events.cursors").some(isTombstone));
  },
);

await t.test("what is old and not delivered is kept, and raises an alarm", async (t) => {
  const directory = lastingFolder(t);
  const writer = await openSpool(directory);
  await appendEvents(writer, 0, 20);
  await writer.close();
  const broker = createFakeBroker();
  broker.fail("openTransactional", downFailure(), 1_000);
  const forwarder = await start(t, directory, broker, {
    BUFFER_RETENTION_HOURS: "0",
    FORWARDER_PRUNE_SECONDS: "1",
  });
  await until(async () => ((await forwarder.metric("forwarder_overdue_segments")) ?? 0) > 0);
  t.ok((await readdir(join(directory, "segments"))).length > 0);
  t.match(
    forwarder.log.map(({ msg }) => msg).join(),
    /older than the retention and not delivered; they are kept/,
  );
  await until(async () => ((await forwarder.metric("forwarder_backlog_bytes")) ?? 0) > 0);
});

await t.test("segments of an ingress long gone are drained like any other", async (t) => {
  const directory = lastingFolder(t);
  for (let instance = 0; instance < 3; instance += 1) {
    const writer = await openSpool(directory);
    await appendEvents(writer, instance * 10, instance * 10 + 10);
    await writer.close();
  }
  const broker = createFakeBroker();
  await start(t, directory, broker);
  await until(() => broker.read(EVENTS).length === 30);
  t.same(
    ids(broker.read(EVENTS)).sort((left, right) => left - right),
    range(30),
  );
});

await t.test("no transaction is open while idle", async (t) => {
  const directory = lastingFolder(t);
  const broker = createFakeBroker();
  const forwarder = await start(t, directory, broker);
  await until(async () => (await forwarder.get("/ready")).status === 200);
  const count = (operation: string): number => broker.calls.filter((call) => call === operation).length;
  t.equal(count("begin"), count("commit") + count("abort"));
});
