/** What a lane hands over arrives as node-rdkafka's own would, or is refused with a code that says why. */
import t from "tap";
import type rdkafka from "node-rdkafka";
import type { Message } from "node-rdkafka";
import { whyNoMessageLane } from "./message-lane.js";
import {
  CODES,
  flush,
  LIKE_JAVA,
  noLanes,
  openLane,
  openProducer,
  runOf,
  sendAll,
  texts,
  TOPIC,
  valuesOf,
} from "./testing/lane-run.js";
import type { Entry, Properties } from "./testing/lane-run.js";
import { promised, readMockTopic, startMockCluster } from "./testing/mock-cluster.js";

const JSON_HEADERS = [{ "content-type": "application/json" }];
/** Nothing is sent before it is flushed or the transaction ends. */
const HELD_BACK: Properties = { "linger.ms": 50_000 };
const TIMEOUT_MS = 60_000;

const skip = noLanes();

/** As small a generator as gives every seed the same sequence everywhere. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

function randomBytes(random: (below: number) => number, length: number): Buffer {
  return Buffer.from(Array.from({ length }, () => random(256)));
}

function produce(producer: rdkafka.Producer, { key, value }: Entry): void {
  producer.produce(TOPIC, null, value, key, null, undefined, JSON_HEADERS);
}

function partitionsOf(messages: readonly Message[]): Map<string, number> {
  return new Map(messages.map(({ key, partition }) => [Buffer.from(key ?? "").toString("hex"), partition]));
}

await t.test("the native part is there", { skip }, async (t) => {
  t.equal(whyNoMessageLane(), undefined, "the setup compiles it");
});

await t.test("a run arrives byte for byte, in order", { skip }, async (t) => {
  const bootstrap = await startMockCluster(t, [TOPIC]);
  const ours = openLane();
  const producer = await openProducer(t, bootstrap, { ...ours.properties, "enable.idempotence": true });
  const random = seeded(1);
  const entries = Array.from({ length: 10_000 }, (_, number) => ({
    key: Buffer.from(`learner-${random(500)}`),
    value: Buffer.concat([Buffer.from(`${number}:`), randomBytes(random, random(400))]),
  }));
  const { source, places } = runOf(entries);
  for (let from = 0; from < entries.length; from += 1_000) {
    t.strictSame(ours.send(TOPIC, source, places, from, from + 1_000), { taken: 1_000, code: 0 });
  }
  await flush(producer);
  const messages = await readMockTopic(t, bootstrap, TOPIC, entries.length);
  t.equal(messages.length, entries.length);
  const last = new Map<number, number>();
  let faults = 0;
  for (const { key, value, headers, partition } of messages) {
    const number = Number.parseInt(String(value), 10);
    const entry = entries[number];
    const isRight =
      entry !== undefined &&
      value !== null &&
      entry.value.equals(value) &&
      entry.key.equals(Buffer.from(key ?? "")) &&
      number > (last.get(partition) ?? -1) &&
      headers?.length === 1 &&
      String(headers[0]?.["content-type"]) === "application/json";
    if (!isRight) faults += 1;
    last.set(partition, number);
  }
  t.equal(faults, 0);
  t.equal(last.size, 4, "all partitions have some");
});

await t.test("a key leads to the partition that the producer's own produce takes", { skip }, async (t) => {
  const random = seeded(2);
  const entries = Array.from({ length: 500 }, () => ({
    key: randomBytes(random, 1 + random(40)),
    value: Buffer.from("x"),
  }));
  const run = runOf(entries);
  const partitions = async (topic: Properties, isOwn: boolean): Promise<Map<string, number>> => {
    const bootstrap = await startMockCluster(t, [TOPIC]);
    const ours = openLane();
    const producer = await openProducer(t, bootstrap, { ...ours.properties }, topic);
    if (isOwn) for (const entry of entries) produce(producer, entry);
    else t.strictSame(sendAll(ours, run), { taken: entries.length, code: 0 });
    await flush(producer);
    return partitionsOf(await readMockTopic(t, bootstrap, TOPIC, entries.length));
  };
  const own = await partitions(LIKE_JAVA, true);
  t.equal(new Set(own.values()).size, 4);
  t.strictSame(await partitions(LIKE_JAVA, false), own);
  t.notSame(await partitions({}, false), own, "librdkafka's own default would put them elsewhere");
});

await t.test("what is empty is empty, and not absent", { skip }, async (t) => {
  const bootstrap = await startMockCluster(t, [TOPIC]);
  const ours = openLane();
  const producer = await openProducer(t, bootstrap, { ...ours.properties });
  const [key, value, nothing] = [Buffer.from("k"), Buffer.from("v"), Buffer.alloc(0)];
  const entries = [
    { key, value: nothing },
    { key: nothing, value },
    { key: nothing, value: nothing },
  ];
  t.strictSame(sendAll(ours, runOf(entries)), { taken: 3, code: 0 });
  // A source without a byte has no address.
  t.strictSame(ours.send(TOPIC, new Uint8Array(0), new Int32Array(4), 0, 1), { taken: 1, code: 0 });
  t.strictSame(ours.send(TOPIC, new Uint8Array(0), new Int32Array(0), 0, 0), { taken: 0, code: 0 });
  await flush(producer);
  const messages = await readMockTopic(t, bootstrap, TOPIC, 4);
  const seen = messages.map((message) => `${String(message.key)}=${String(message.value)}`).sort();
  t.strictSame(seen, ["=", "=", "=v", "k="], "absent ones would read null");
});

await t.test("a transaction commits what it was handed, and an abort forgets it", { skip }, async (t) => {
  const bootstrap = await startMockCluster(t, [TOPIC]);
  const ours = openLane();
  const producer = await openProducer(t, bootstrap, {
    ...ours.properties,
    ...HELD_BACK,
    "transactional.id": "test",
    "queue.buffering.max.messages": 100,
  });
  const [aborted, committed] = [runOf(texts(100, "aborted")), runOf(texts(100, "committed"))];
  t.strictSame(sendAll(ours, aborted), { taken: 0, code: CODES.state }, "outside of a transaction");
  await promised<undefined>((done) =>
    producer.initTransactions(TIMEOUT_MS, (error) => done(error, undefined)),
  );
  await promised<undefined>((done) => producer.beginTransaction((error) => done(error, undefined)));
  t.strictSame(sendAll(ours, aborted), { taken: 100, code: 0 });
  await promised<undefined>((done) =>
    producer.abortTransaction(TIMEOUT_MS, (error) => done(error, undefined)),
  );
  await promised<undefined>((done) => producer.beginTransaction((error) => done(error, undefined)));
  t.strictSame(sendAll(ours, committed), { taken: 100, code: 0 }, "the queue was empty");
  await promised<undefined>((done) =>
    producer.commitTransaction(TIMEOUT_MS, (error) => done(error, undefined)),
  );
  const messages = await readMockTopic(t, bootstrap, TOPIC, 100);
  t.strictSame(
    valuesOf(messages).sort(),
    texts(100, "committed")
      .map(({ value }) => String(value))
      .sort(),
  );
});

await t.test("a full queue takes what has room, and the rest later", { skip }, async (t) => {
  const bootstrap = await startMockCluster(t, [TOPIC]);
  const ours = openLane();
  const limit = { "queue.buffering.max.messages": 100 };
  const producer = await openProducer(t, bootstrap, { ...ours.properties, ...HELD_BACK, ...limit });
  const { source, places } = runOf(texts(250));
  for (const [from, taken, code] of [
    [0, 100, CODES.queueFull],
    [100, 100, CODES.queueFull],
    [200, 50, 0],
  ] as const) {
    t.strictSame(ours.send(TOPIC, source, places, from, 250), { taken, code });
    await flush(producer);
  }
  const messages = await readMockTopic(t, bootstrap, TOPIC, 250);
  t.strictSame(
    valuesOf(messages).sort(),
    texts(250)
      .map(({ value }) => String(value))
      .sort(),
  );
});

await t.test("a message that is too large is named, and those after it can be sent", { skip }, async (t) => {
  const bootstrap = await startMockCluster(t, [TOPIC]);
  const ours = openLane();
  const producer = await openProducer(t, bootstrap, { ...ours.properties, "message.max.bytes": 2_000 });
  const entries = texts(4);
  const { source, places } = runOf(
    entries.map((entry, number) => (number === 2 ? { ...entry, value: Buffer.alloc(3_000) } : entry)),
  );
  t.strictSame(ours.send(TOPIC, source, places, 0, 4), { taken: 2, code: CODES.tooLarge });
  t.strictSame(ours.send(TOPIC, source, places, 3, 4), { taken: 1, code: 0 });
  await flush(producer);
  const messages = await readMockTopic(t, bootstrap, TOPIC, 3);
  t.strictSame(valuesOf(messages).sort(), ["message-0", "message-1", "message-3"]);
});

await t.test("a run that is out of bounds is refused as a whole", { skip }, async (t) => {
  const bootstrap = await startMockCluster(t, [TOPIC]);
  const ours = openLane();
  const producer = await openProducer(t, bootstrap, { ...ours.properties });
  const source = Buffer.from("0123456789");
  const good = [0, 1, 1, 10];
  const cases: readonly [places: number[], from: number, to: number][] = [
    [[...good, -1, 1, 1, 2], 0, 2],
    [[...good, 0, 1, 9, 11], 0, 2],
    [[...good, 0, 11, 1, 2], 0, 2],
    [[...good, 2, 1, 1, 2], 0, 2],
    [[...good, 0, 1, 5, 4], 0, 2],
    [[...good, 0, 1, 1, 2 ** 31 - 1], 0, 2],
    [[...good, 0, 1, -(2 ** 31), 2], 0, 2],
    [good, 0, 2],
    [good, -1, 1],
    [good, 1, 0],
    [good, 0, Number.MAX_SAFE_INTEGER],
    [good.slice(0, 3), 0, 1],
  ];
  for (const [places, from, to] of cases) {
    t.throws(() => ours.send(TOPIC, source, Int32Array.from(places), from, to), RangeError, places.join());
  }
  const wide = new Float64Array(good) as unknown as Int32Array;
  t.throws(() => ours.send(TOPIC, source, wide, 0, 1), TypeError);
  t.throws(() => ours.send(TOPIC, "0123456789" as unknown as Buffer, wide, 0, 1), TypeError);
  t.throws(() => ours.send("x".repeat(1_000), source, Int32Array.from(good), 0, 1), RangeError);
  // A view into something larger ends where it ends.
  t.throws(() => ours.send(TOPIC, source.subarray(0, 9), Int32Array.from(good), 0, 1), RangeError);
  t.strictSame(ours.send(TOPIC, source.subarray(2), Int32Array.of(0, 1, 1, 8), 0, 1), { taken: 1, code: 0 });
  await flush(producer);
  t.strictSame(valuesOf(await readMockTopic(t, bootstrap, TOPIC, 1)), ["3456789"]);
});
