import { BrokerFailure, keyTemplate, topicTemplate } from "@event-collector/kafka";
import t from "tap";
import type { SpoolItem } from "@event-collector/spool";
import { createManualClock } from "@event-collector/spool/testing";
import type { Message } from "./broker.js";
import { createCountingDelivery } from "./counting-delivery.js";
import type { Delivery } from "./delivery.js";
import { entryOf } from "./entry.js";
import type { Entry } from "./entry.js";
import { deliverInOrder } from "./isolate.js";
import type { Desk } from "./isolate.js";
import type { Observer } from "./observer.js";
import { createProgress } from "./progress.js";
import { createFakeBroker, downFailure, tooLargeFailure } from "./testing/fake-producer.js";
import type { FakeBroker } from "./testing/fake-producer.js";
import { eventIdOf } from "./testing/message-id.js";
import { damage, eventRecord, INSTANCE, line, lines, position } from "./testing/spool-lines.js";
import { createTopics } from "./topics.js";
import { TransactionalDelivery } from "./transactional-delivery.js";

const NOW = "2026-01-02T04:00:00.000Z";
const never = new AbortController().signal;

interface Bench {
  broker: FakeBroker;
  desk: Desk;
  heard: string[];
  kept: SpoolItem[];
  deliver: (items: readonly SpoolItem[]) => Promise<void>;
  events: () => string[];
  letters: () => string[];
}

async function bench(mode: "exactly-once" | "at-least-once", keeps = true): Promise<Bench> {
  const broker = createFakeBroker(["events", "dead", "cursors"]);
  const topics = createTopics(broker, { create: false, partitions: 1, cursorTopic: "cursors" });
  const owner = { run: "r", host: "h", process: 1, startedAt: NOW };
  const delivery: Delivery =
    mode === "at-least-once"
      ? createCountingDelivery(broker, topics, ["events", "dead"])
      : new TransactionalDelivery(broker, topics, {
          spool: "spool",
          owner,
          cursorTopic: "cursors",
          topics: ["events", "dead"],
          claimWaitMs: 0,
          onStall: () => undefined,
        });
  const heard: string[] = [];
  const kept: SpoolItem[] = [];
  const desk: Desk = {
    delivery,
    progress: createProgress(new Map(), () => undefined),
    quarantine: {
      keepDamage: () => Promise.resolve(true),
      keepLine: (item) => {
        kept.push(item);
        return Promise.resolve(keeps ? "kept.bytes" : undefined);
      },
    },
    clock: createManualClock(Date.parse(NOW)),
    observer: listen(heard),
    entryOptions: {
      message: {
        topic: topicTemplate("events"),
        key: keyTemplate("{learner_id}"),
        cloudEventsSource: undefined,
      },
      eventTopic: "events",
      deadLetterTopic: "dead",
      messageBytesMax: 1_000_000,
    },
    random: () => 0,
  };
  await delivery.open(new Map(), never);
  const entries = (items: readonly SpoolItem[]): Entry[] =>
    items.map((item) => entryOf(item, desk.entryOptions, NOW));
  return {
    broker,
    desk,
    heard,
    kept,
    deliver: async (items) => {
      t.equal(
        await deliverInOrder(desk, entries(items), { stop: never, onSent: () => undefined }),
        undefined,
      );
    },
    events: () => broker.read("events").map((message) => eventIdOf(message) ?? ""),
    letters: () => broker.read("dead").map((message) => eventIdOf(message) ?? ""),
  };
}

function listen(heard: string[]): Observer {
  return {
    windowBegun: () => undefined,
    windowEnded: () => undefined,
    windowDone: () => undefined,
    delivered: (entries) => heard.push(`delivered ${entries.length}`),
    failed: (failure) => heard.push(`failed ${failure.class}`),
    isolating: (records) => heard.push(`isolating ${records}`),
    held: () => heard.push("held"),
    opened: () => heard.push("opened"),
    unreadable: () => heard.push("unreadable"),
  };
}

function header(message: Message, name: string): string {
  return message.headers.map((each) => each[name]).find((value) => value !== undefined) ?? "";
}

function isEvent(message: Message, ...numbers: readonly number[]): boolean {
  return message.topic === "events" && numbers.includes(Number(eventIdOf(message)?.slice("event-".length)));
}

const ids = (count: number, ...without: readonly number[]): string[] =>
  Array.from({ length: count }, (_, number) => number)
    .filter((number) => !without.includes(number))
    .map((number) => `event-${number}`);

for (const mode of ["exactly-once", "at-least-once"] as const) {
  await t.test(`${mode}: a window without a fault goes out as it is`, async (t) => {
    const { broker, deliver, events, desk } = await bench(mode);
    await deliver(lines(10));
    t.same(events(), ids(10));
    t.same(desk.progress.positions().get(INSTANCE), position(10));
    t.same(broker.read("dead"), []);
  });

  await t.test(`${mode}: the one record that the broker refuses is dead-lettered alone`, async (t) => {
    for (const bad of [0, 1, 500, 998, 999]) {
      const { broker, deliver, events, letters, desk } = await bench(mode);
      broker.refuse((message) => (isEvent(message, bad) ? tooLargeFailure() : undefined));
      await deliver(lines(1000));
      t.same(letters(), [`event-${bad}`]);
      t.equal(header(broker.read("dead")[0] as Message, "dlq.reason"), "record_too_large");
      t.same(mode === "exactly-once" ? events() : events().sort(), sorted(mode, ids(1000, bad)));
      t.same(desk.progress.positions().get(INSTANCE), position(1000));
    }
  });

  await t.test(`${mode}: several bad records are all found, and nothing is lost or sent twice`, async (t) => {
    const bad = [3, 4, 77, 128, 129, 255];
    const { broker, deliver, events, letters } = await bench(mode);
    broker.refuse((message) => (isEvent(message, ...bad) ? tooLargeFailure() : undefined));
    await deliver(lines(256));
    t.same(
      letters(),
      bad.map((number) => `event-${number}`),
    );
    t.same(mode === "exactly-once" ? events() : events().sort(), sorted(mode, ids(256, ...bad)));
  });

  await t.test(`${mode}: what the client refuses is known by name and costs no search`, async (t) => {
    const { broker, deliver, events, letters, heard } = await bench(mode);
    broker.refuseLocally((message) => (isEvent(message, 2, 5) ? tooLargeFailure() : undefined));
    await deliver(lines(8));
    t.same(letters(), ["event-2", "event-5"]);
    t.same(events(), ids(8, 2, 5));
    t.notMatch(heard.join(), /isolating/);
  });

  await t.test(`${mode}: a dead letter too large for its topic is cut, and the whole is kept`, async (t) => {
    const { broker, deliver, kept, events } = await bench(mode);
    broker.refuse((message) => ((message.value?.byteLength ?? 0) > 20_000 ? tooLargeFailure() : undefined));
    const huge = line(1, eventRecord(1, { value: `{"pad":"${"x".repeat(50_000)}"}` }));
    await deliver([line(0), huge, line(2)]);
    const [letter] = broker.read("dead");
    t.equal(header(letter as Message, "dlq.truncated"), "true");
    t.equal(header(letter as Message, "dlq.quarantine"), "kept.bytes");
    t.equal(letter?.value?.byteLength, 16 * 1024);
    t.same(kept, [huge]);
    t.same(events(), ["event-0", "event-2"]);
  });

  await t.test(`${mode}: a broker that is away leads to patience, never to a dead letter`, async (t) => {
    const { broker, deliver, events, heard } = await bench(mode);
    const failure = mode === "exactly-once" ? abortable() : downFailure();
    broker.fail("commit", failure, 3);
    await deliver(lines(4));
    t.same(events(), ids(4));
    t.same(broker.read("dead"), []);
    t.equal(heard.filter((each) => each.startsWith("failed")).length, 3);
  });

  await t.test(`${mode}: a mistake in the configuration dead-letters nothing`, async (t) => {
    const { broker, deliver, events } = await bench(mode);
    broker.fail(
      "commit",
      new BrokerFailure("configuration", "topic authorization failed", { requiresAbort: true }),
      2,
    );
    await deliver(lines(4));
    t.same(events(), ids(4));
    t.same(broker.read("dead"), []);
  });
}

function abortable(): BrokerFailure {
  return new BrokerFailure("abortable", "message timed out");
}

function sorted(mode: string, list: string[]): string[] {
  return mode === "exactly-once" ? list : [...list].sort();
}

await t.test("finding one bad record among n takes about 2 log2 n transactions", async (t) => {
  const { broker, deliver } = await bench("exactly-once");
  broker.refuse((message) => (isEvent(message, 700) ? tooLargeFailure() : undefined));
  await deliver(lines(1024));
  const attempts = broker.calls.filter((call) => call === "commit").length;
  t.ok(attempts <= 2 * 10 + 4, `${attempts} commits were tried`);
});

await t.test("order holds whatever is refused", async (t) => {
  const { broker, deliver, events } = await bench("exactly-once");
  const seed = Number(process.env["SEED"] ?? Date.now() % 1_000_000);
  t.comment(`SEED=${seed}`);
  const bad = new Set(Array.from({ length: 40 }, (_, index) => (seed * (index + 7) * 2_654_435_761) % 2000));
  broker.refuse((message) => (isEvent(message, ...bad) ? tooLargeFailure() : undefined));
  await deliver(lines(2000));
  t.same(events(), ids(2000, ...bad));
});

await t.test("damage and rejected events go to the dead-letter topic in the same window", async (t) => {
  const { broker, deliver, events, desk } = await bench("exactly-once");
  await deliver([line(0), damage(1, "bad_line"), line(2), damage(3, "torn_tail")]);
  t.same(events(), ["event-0", "event-2"]);
  t.equal(broker.read("dead").length, 1);
  t.same(desk.delivery.totals(), { events: 2, deadLetters: 1 });
  t.same(desk.progress.positions().get(INSTANCE), position(4), "the torn tail is behind the cursor too");
});

await t.test("a window of nothing but a torn tail moves the cursor", async (t) => {
  const { deliver, desk } = await bench("exactly-once");
  await deliver([damage(0, "torn_tail")]);
  t.same(desk.progress.positions().get(INSTANCE), position(1));
});

await t.test("while a cut dead letter cannot be kept, the cursor waits", async (t) => {
  const { broker, desk, heard } = await bench("exactly-once", false);
  broker.refuse((message) => (message.topic === "cursors" ? undefined : tooLargeFailure()));
  const stop = new AbortController();
  const entry = entryOf(line(0), desk.entryOptions, NOW);
  const delivery = deliverInOrder(
    { ...desk, observer: { ...desk.observer, held: () => stop.abort() } },
    [entry],
    { stop: stop.signal, onSent: () => undefined },
  );
  await t.rejects(delivery, { name: "StoppedError" });
  t.equal(desk.progress.positions().size, 0);
  t.same(broker.read("dead"), []);
  t.notMatch(heard.join(), /delivered/);
});

await t.test("at-least-once: only what failed is sent again", async (t) => {
  const { broker, deliver, events } = await bench("at-least-once");
  broker.fail("send", downFailure(), 3);
  await deliver(lines(5));
  t.same(events().sort(), ids(5));
  t.equal(events().length, 5);
});

await t.test("at-least-once: after a fatal failure a new producer sends what is left", async (t) => {
  const { broker, deliver, events, heard } = await bench("at-least-once");
  broker.fail("commit", new BrokerFailure("fatal", "fatal error"));
  await deliver(lines(5));
  t.same(events(), ids(5));
  t.match(heard.join(), /failed fatal,opened,delivered 5/);
});
