import { BrokerFailure } from "@event-collector/kafka";
import t from "tap";
import type { Position } from "@event-collector/spool";
import type { Batch } from "./delivery.js";
import { createFakeBroker, downFailure, fencedFailure, tooLargeFailure } from "./testing/fake-producer.js";
import type { FakeBroker } from "./testing/fake-producer.js";
import { INSTANCE, position } from "./testing/spool-lines.js";
import { createTopics } from "./topics.js";
import { TransactionalDelivery } from "./transactional-delivery.js";

const never = new AbortController().signal;

function open(
  broker: FakeBroker,
  run = "first",
  stalls: BrokerFailure[] = [],
  claimWaitMs = 0,
): TransactionalDelivery {
  const topics = createTopics(broker, { create: true, partitions: 3, cursorTopic: "cursors" });
  return new TransactionalDelivery(broker, topics, {
    spool: "spool",
    owner: { run, host: `host-of-${run}`, process: 42, startedAt: "2026-01-02T03:04:05.678Z" },
    cursorTopic: "cursors",
    topics: ["events", "dead"],
    claimWaitMs,
    onStall: (failure) => stalls.push(failure),
  });
}

function batch(from: number, to: number, more: Partial<Batch> = {}): Batch {
  const messages = Array.from({ length: to - from }, (_, index) => ({
    topic: "events",
    key: Buffer.from("k"),
    value: Buffer.from(String(from + index)),
    headers: [],
  }));
  const positions = new Map([[INSTANCE, position(to)]]);
  return { messages, count: messages.length, events: messages.length, positions, gone: [], ...more };
}

function values(broker: FakeBroker, topic = "events"): string[] {
  return broker.read(topic).map(({ value }) => Buffer.from(value ?? []).toString());
}

await t.test("missing topics are created, the one of the cursors compacted", async (t) => {
  const broker = createFakeBroker(["events"]);
  await open(broker).open(new Map(), never);
  t.match(broker.topics.get("dead"), { partitions: 3, compacted: false });
  t.match(broker.topics.get("cursors"), { partitions: 1, compacted: true });
});

await t.test("the broker's cursor wins over the local one", async (t) => {
  const broker = createFakeBroker();
  const first = open(broker);
  await first.open(new Map(), never);
  await first.deliver(batch(0, 5), never);
  const stale = new Map([[INSTANCE, position(2)]]);
  const { positions } = await open(broker, "second").open(stale, never);
  t.same(positions, new Map([[INSTANCE, position(5)]]));
});

await t.test(
  "where the broker never had a cursor, the local one counts and is written to the broker",
  async (t) => {
    const broker = createFakeBroker();
    const start = new Map([["f".repeat(32), position(7)]]);
    t.same((await open(broker).open(start, never)).positions, start);
    t.same((await open(broker, "second").open(new Map(), never)).positions, start);
  },
);

await t.test("events, cursor and ledger become visible together, or not at all", async (t) => {
  const broker = createFakeBroker();
  const delivery = open(broker);
  await delivery.open(new Map(), never);
  const before = broker.read("cursors").length;
  broker.fail("commit", new BrokerFailure("abortable", "message timed out"));
  t.match(await delivery.deliver(batch(0, 3), never), { type: "failed", undelivered: [0, 1, 2] });
  t.same(values(broker), []);
  t.equal(broker.read("cursors").length, before);
  t.match(await delivery.deliver(batch(0, 3), never), { type: "delivered" });
  t.same(values(broker), ["0", "1", "2"]);
  t.same(delivery.totals(), { events: 3, deadLetters: 0 });
});

await t.test("totals go on across forwarders", async (t) => {
  const broker = createFakeBroker();
  const first = open(broker);
  await first.open(new Map(), never);
  await first.deliver(batch(0, 3, { events: 2 }), never);
  const second = open(broker, "second");
  await second.open(new Map(), never);
  await second.deliver(batch(3, 4), never);
  t.same(second.totals(), { events: 3, deadLetters: 1 });
});

await t.test("a commit without an answer is asked for again until there is one", async (t) => {
  const broker = createFakeBroker();
  const stalls: BrokerFailure[] = [];
  const delivery = open(broker, "first", stalls);
  await delivery.open(new Map(), never);
  broker.fail("commit", downFailure(), 2);
  t.match(await delivery.deliver(batch(0, 3), never), { type: "delivered" });
  t.equal(stalls.length, 2);
  t.same(values(broker), ["0", "1", "2"]);
});

await t.test("a commit whose answer is lost with its producer is found in the cursor", async (t) => {
  const broker = createFakeBroker();
  const delivery = open(broker);
  await delivery.open(new Map(), never);
  broker.loseAnswer(new BrokerFailure("fatal", "connection lost in doubt"));
  t.match(await delivery.deliver(batch(0, 3), never), { type: "failed", failure: { fatal: true } });
  const { positions } = await delivery.open(new Map(), never);
  t.same(positions.get(INSTANCE), position(3), "nothing is sent again");
  t.same(delivery.totals(), { events: 3, deadLetters: 0 });
});

await t.test("an abort that fails costs the producer, not the events", async (t) => {
  const broker = createFakeBroker();
  const delivery = open(broker);
  await delivery.open(new Map(), never);
  broker.fail("commit", tooLargeFailure());
  broker.fail("abort", new BrokerFailure("fatal", "wrong state"));
  t.match(await delivery.deliver(batch(0, 3), never), { type: "failed", failure: { class: "fatal" } });
  await delivery.open(new Map(), never);
  t.match(await delivery.deliver(batch(0, 3), never), { type: "delivered" });
  t.same(values(broker), ["0", "1", "2"]);
});

await t.test(
  "a newer forwarder fences the older one, which learns by whom and publishes nothing more",
  async (t) => {
    const broker = createFakeBroker();
    const older = open(broker, "older");
    await older.open(new Map(), never);
    await older.deliver(batch(0, 2), never);
    const newer = open(broker, "newer");
    const { positions } = await newer.open(new Map(), never);
    t.same(positions.get(INSTANCE), position(2));
    t.match(await older.deliver(batch(2, 4), never), { type: "failed", failure: { class: "fenced" } });
    const opens = broker.calls.filter((call) => call === "openTransactional").length;
    await t.rejects(older.open(new Map(), never), {
      name: "FencedError",
      owner: { run: "newer" },
      message: /process 42 on host-of-newer, started 2026-01-02/,
    });
    t.equal(
      broker.calls.filter((call) => call === "openTransactional").length,
      opens,
      "it does not fence back",
    );
    t.match(await newer.deliver(batch(2, 4), never), { type: "delivered" });
    t.same(values(broker), ["0", "1", "2", "3"]);
  },
);

await t.test("a forwarder that was fenced by nobody but the broker's timeout goes on", async (t) => {
  const broker = createFakeBroker();
  const delivery = open(broker);
  await delivery.open(new Map(), never);
  broker.fail("commit", fencedFailure());
  t.match(await delivery.deliver(batch(0, 2), never), { type: "failed", failure: { class: "fenced" } });
  await delivery.open(new Map(), never);
  t.match(await delivery.deliver(batch(0, 2), never), { type: "delivered" });
  t.same(values(broker), ["0", "1"]);
});

await t.test("of two forwarders that fence each other at the start, exactly one is left", async (t) => {
  const broker = createFakeBroker();
  const first = open(broker, "first");
  await first.open(new Map(), never);
  const second = open(broker, "second");
  // The second is registered at the broker and has not written its name yet when the first comes back.
  broker.fail("begin", downFailure());
  await t.rejects(second.open(new Map(), never));
  t.match(await first.deliver(batch(0, 1), never), { type: "failed", failure: { class: "fenced" } });
  await first.open(new Map(), never);
  await t.rejects(second.open(new Map(), never), { name: "FencedError", owner: { run: "first" } });
  t.match(await first.deliver(batch(0, 1), never), { type: "delivered" });
});

await t.test("the position of an instance that is gone is deleted", async (t) => {
  const broker = createFakeBroker();
  const delivery = open(broker);
  await delivery.open(new Map(), never);
  await delivery.deliver(batch(0, 1), never);
  await delivery.deliver(
    { messages: [], count: 0, events: 0, positions: new Map(), gone: [INSTANCE] },
    never,
  );
  const tombstone = broker
    .read("cursors")
    .filter(({ key }) => Buffer.from(key ?? []).toString() === `spool/${INSTANCE}`);
  t.equal(tombstone.at(-1)?.value, null);
  t.equal((await open(broker, "second").open(new Map(), never)).positions.size, 0);
});

await t.test("a cursor topic that was deleted is made anew and holds every position", async (t) => {
  const broker = createFakeBroker();
  const delivery = open(broker);
  const other = "a".repeat(32);
  await delivery.open(new Map<string, Position>([[other, position(9)]]), never);
  await delivery.deliver(batch(0, 1), never);
  broker.topics.delete("cursors");
  t.match(await delivery.deliver(batch(1, 2), never), {
    type: "failed",
    failure: { class: "configuration" },
  });
  t.match(await delivery.deliver(batch(1, 2), never), { type: "delivered" });
  const last = broker
    .read("cursors")
    .slice(-3)
    .map(({ key }) => Buffer.from(key ?? []).toString());
  t.same(last.sort(), [`spool/${INSTANCE}`, `spool/${other}`, "spool/ledger"].sort());
});

await t.test("a stop ends the wait for a broker that does not answer", async (t) => {
  const broker = createFakeBroker();
  const delivery = open(broker);
  await delivery.open(new Map(), never);
  broker.fail("commit", downFailure(), 1_000);
  const stop = new AbortController();
  const waiting = delivery.deliver(batch(0, 1), stop.signal);
  stop.abort();
  await t.rejects(waiting, { name: "StoppedError" });
});

await t.test("a transaction that fails while it is filled says why, and is never committed", async (t) => {
  const broker = createFakeBroker();
  const delivery = open(broker);
  await delivery.open(new Map(), never);
  broker.fail("send", new BrokerFailure("fatal", "erroneous state", { code: -172, fatal: true }));
  broker.fail("commit", tooLargeFailure());
  t.match(await delivery.deliver(batch(0, 3), never), {
    type: "failed",
    failure: { class: "record", reason: "record_too_large", fatal: false },
    culprits: [],
  });
  t.match(await delivery.deliver(batch(0, 3), never), { type: "delivered" }, "the producer is still good");
});

await t.test("any other failure to queue a message aborts without trying to commit", async (t) => {
  const broker = createFakeBroker();
  const delivery = open(broker);
  await delivery.open(new Map(), never);
  const commits = broker.commits.length;
  broker.fail("send", new BrokerFailure("configuration", "unknown topic", { code: -188 }));
  t.match(await delivery.deliver(batch(0, 3), never), {
    type: "failed",
    failure: { class: "configuration" },
  });
  t.equal(broker.commits.length, commits);
  t.equal(broker.calls.at(-1), "abort");
});

await t.test("while a commit waits, a topic that was deleted is made again", async (t) => {
  const broker = createFakeBroker();
  const delivery = open(broker);
  await delivery.open(new Map(), never);
  broker.topics.delete("events");
  broker.fail("commit", downFailure(), 2);
  t.match(await delivery.deliver(batch(0, 3), never), { type: "delivered" });
  t.ok(broker.topics.has("events"));
});

await t.test(
  "of forwarders on one spool the newest wins, even if its name comes a moment late",
  async (t) => {
    const broker = createFakeBroker();
    const older = open(broker, "older", [], 10_000);
    await older.open(new Map(), never);
    const newer = open(broker, "newer");
    broker.fail("begin", downFailure());
    await t.rejects(newer.open(new Map(), never), "it is registered, and has not written its name");
    t.match(await older.deliver(batch(0, 1), never), { type: "failed", failure: { class: "fenced" } });
    const back = t.rejects(older.open(new Map(), never), { name: "FencedError", owner: { run: "newer" } });
    await newer.open(new Map(), never);
    await back;
    t.match(await newer.deliver(batch(0, 1), never), { type: "delivered" });
  },
);
