/**
 * Records that can never be published, each among thousands that can: it is found and goes alone to the dead-letter
 * topic, and the others are delivered as if it had not been there. What an operator can mend never leads there.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeRecord } from "@event-collector/contract";
import t, { type Test } from "tap";
import { startKafka, type TopicMessage } from "../kafka/index.js";
import { issuedEvent } from "../torture/issued-event.js";
import { faultsOf } from "./audit.js";
import { openFeed, recordOf, type Feed } from "./feed.js";
import { createRoute, faultsOnArrival, type Route } from "./route.js";
import { flipBit, linesOf, segmentPath, segmentsOf } from "./segments.js";
import { createStock, type Stock } from "./stock.js";
import { deleteTopic } from "./topics.js";

const AROUND = 1_500;

const kafka = await startKafka(t);
const isEmbedded = kafka.kind === "embedded";
const needsLimits = { skip: isEmbedded && "the embedded broker has no limits" };

/** Events around one of so many bytes that no compression makes smaller. Resolves with the id of the large one. */
async function appendAround(feed: Feed, name: string, bytes: number): Promise<string> {
  for (let count = 0; count < AROUND; count += 50) await feed.append(50);
  const id = `${name}.0`;
  const filler = randomBytes((bytes * 3) / 4).toString("base64");
  const { json } = issuedEvent("valid.1");
  await feed.appendJson(id, { ...json, event_id: id, learner_id: `${name}-learner`, event_data: { filler } });
  for (let count = 0; count < AROUND; count += 50) await feed.append(50);
  return id;
}

/** The one dead letter of this event. */
function letterOf(letters: readonly TopicMessage[], id: string): TopicMessage {
  const [letter, ...more] = letters.filter(({ headers }) => headers["event-id"] === id);
  if (letter === undefined || more.length > 0) throw new Error(`${id} is not there once`);
  return letter;
}

for (const delivery of ["exactly-once", "at-least-once"]) {
  await t.test(`an event too large for its topic dies alone, ${delivery}`, needsLimits, async (t) => {
    const stock = createStock();
    const route = await createRoute(t, kafka, { environment: { KAFKA_DELIVERY: delivery } });
    await kafka.createTopic(route.topic, { partitions: 3, config: { "max.message.bytes": "100000" } });
    await kafka.createTopic(route.deadLetterTopic);
    const feed = await openFeed(stock, { spool: route.spool, name: "feed" });
    const id = await appendAround(feed, "large", 150_000);
    stock.expectDeadLetter(id, "record_too_large");
    const forwarder = await route.start({ KAFKA_MESSAGE_BYTES_MAX: "200000" });
    const audit = await route.arrived(stock);
    // What the broker refuses together with the bad record is sent again later there.
    t.strictSame(faultsOf(delivery === "exactly-once" ? audit : { ...audit, disordered: [] }), []);
    const letter = letterOf(await route.deadLetters(), id);
    t.match(letter.headers, {
      "content-type": "application/json",
      "event-type": "progress_updated",
      "__dlq.errors.topic": route.topic,
      "__dlq.errors.message": /too large/i,
      "__dlq.errors.delivery.count": /^[1-9]\d*$/,
      "dlq.reason": "record_too_large",
      "dlq.stage": "publish",
      "dlq.failed-at": /^\d{4}-.*Z$/,
      "dlq.first-failed-at": /^\d{4}-.*Z$/,
      "dlq.source-segment": /\.ndjson$/,
      "dlq.source-offset": /^\d+$/,
    });
    t.match(await route.drain(forwarder), { code: 0 });
  });
}

await t.test("an event too large for the client dies without being sent", async (t) => {
  const stock = createStock();
  const route = await createRoute(t, kafka);
  await route.createTopics();
  const feed = await openFeed(stock, { spool: route.spool, name: "feed" });
  const id = await appendAround(feed, "large", 150_000);
  stock.expectDeadLetter(id, "record_too_large");
  const forwarder = await route.start({ KAFKA_MESSAGE_BYTES_MAX: "100000" });
  t.strictSame(await faultsOnArrival(route, stock), []);
  await assertShort(t, route, stock, id);
  t.match(await route.drain(forwarder), { code: 0 });
});

await t.test(
  "a dead letter too large for its topic is cut, and the whole is kept",
  needsLimits,
  async (t) => {
    const stock = createStock();
    const route = await createRoute(t, kafka);
    await kafka.createTopic(route.topic, { partitions: 3, config: { "max.message.bytes": "100000" } });
    await kafka.createTopic(route.deadLetterTopic, { config: { "max.message.bytes": "50000" } });
    const feed = await openFeed(stock, { spool: route.spool, name: "feed" });
    const id = await appendAround(feed, "large", 150_000);
    stock.expectDeadLetter(id, "record_too_large");
    const forwarder = await route.start();
    t.strictSame(await faultsOnArrival(route, stock), []);
    await assertShort(t, route, stock, id);
    t.match(await route.drain(forwarder), { code: 0 });
  },
);

/** The dead letter holds the beginning, and names the file that holds the line. */
async function assertShort(t: Test, route: Route, stock: Stock, id: string): Promise<void> {
  const { headers, value } = letterOf(await route.deadLetters(), id);
  const whole = stock.get(id)?.value ?? Buffer.alloc(0);
  t.match(headers, { "dlq.truncated": "true", "dlq.original-length": String(whole.length) });
  t.ok(value.length > 1_000 && value.equals(whole.subarray(0, value.length)), "its beginning is there");
  const kept = await readFile(join(route.spool, "quarantine", headers["dlq.quarantine"] ?? ""));
  t.ok(kept.includes(whole), "the whole is in quarantine");
}

await t.test(
  "while the dead-letter topic refuses, the cursor waits for it to be mended",
  needsLimits,
  async (t) => {
    const stock = createStock();
    const route = await createRoute(t, kafka);
    await kafka.createTopic(route.topic, { partitions: 3 });
    await kafka.createTopic(route.deadLetterTopic, { config: { "max.message.bytes": "300" } });
    const feed = await openFeed(stock, { spool: route.spool, name: "feed" });
    await feed.appendJson("dead.0", {
      ...issuedEvent("valid.1").json,
      event_id: "dead.0",
      event_type: "no_such_type",
    });
    await feed.append(100);
    const forwarder = await route.start();
    await forwarder.line(({ record }) => String(record["msg"]).includes("the cursor waits"));
    t.equal((await route.deadLetters()).length, 0);
    await deleteTopic(kafka.bootstrap, route.deadLetterTopic);
    await kafka.createTopic(route.deadLetterTopic);
    t.strictSame(await faultsOnArrival(route, stock), []);
    t.match(await route.drain(forwarder), { code: 0 });
  },
);

await t.test("damage in the spool costs the damaged lines alone", async (t) => {
  const stock = createStock();
  const route = await createRoute(t, kafka);
  await route.createTopics();
  const spoilt = await openFeed(stock, {
    spool: route.spool,
    name: "spoilt",
    segmentBytesMax: 4 * 1024 * 1024,
  });
  for (let count = 0; count < 500; count += 50) await spoilt.append(50);
  const orphan = { ...issuedEvent("valid.1").json, event_id: "flipped.0" };
  await spoilt.appendPayload(encodeRecord(recordOf("flipped.0", orphan, new Date().toISOString())));
  await spoilt.appendPayload(Buffer.from('{"kind":"who knows","value":1}'));
  for (let count = 0; count < 500; count += 50) await spoilt.append(50);
  const segment = spoilt.segment() ?? "";
  const line = (await linesOf(route.spool, segment))[500];
  if (line === undefined) throw new Error("there are too few lines");
  await flipBit(route.spool, segment, line.offset + Math.floor(line.length / 2));
  const damaged = (await readFile(segmentPath(route.spool, segment))).subarray(
    line.offset,
    line.offset + line.length,
  );
  const foreign = `${Date.now()}-${randomUUID().replaceAll("-", "")}-000000.ndjson`;
  await writeFile(segmentPath(route.spool, foreign), "no line at all\n".repeat(100));
  await spoilt.close();
  stock.expectDamage("bad_line", 1);
  stock.expectDamage("unknown_record", 1);
  stock.expectDamage("foreign_segment", 1);
  const forwarder = await route.start({ BUFFER_SEGMENT_SECONDS: "1" });
  await forwarder.line(({ record }) => record["msg"] === "listening");
  t.strictSame(await faultsOnArrival(route, stock), []);
  const letters = await route.deadLetters();
  const of = (reason: string): TopicMessage | undefined =>
    letters.find(({ headers }) => headers["dlq.reason"] === reason);
  t.match(of("bad_line")?.headers, {
    "content-type": "application/octet-stream",
    "dlq.stage": "spool",
    "dlq.source-segment": segment,
    "dlq.source-offset": String(line.offset),
  });
  t.ok(damaged.includes(of("bad_line")?.value ?? "nothing"), "the damaged bytes are there");
  t.equal(of("unknown_record")?.value.toString(), '{"kind":"who knows","value":1}');
  t.match(of("foreign_segment")?.headers, { "dlq.source-segment": foreign, "dlq.source-offset": "0" });
  t.ok((await segmentsOf(route.spool)).includes(foreign), "the foreign file is still there");
  t.match(await route.drain(forwarder), { code: 0 });
});

await t.test(
  "a topic that may not be created is waited for, and nothing dies for it",
  needsLimits,
  async (t) => {
    const stock = createStock();
    const route = await createRoute(t, kafka, { environment: { KAFKA_CREATE_TOPICS: "false" } });
    await kafka.createTopic(route.deadLetterTopic);
    const feed = await openFeed(stock, { spool: route.spool, name: "feed" });
    await feed.append(100);
    const forwarder = route.launch();
    await forwarder.line(({ record }) => String(record["reason"]).includes("does not exist"));
    await kafka.createTopic(route.topic, { partitions: 3 });
    await kafka.createTopic(route.cursorTopic, { config: { "cleanup.policy": "compact" } });
    t.strictSame(await faultsOnArrival(route, stock), []);
    t.match(await route.drain(forwarder), { code: 0 });
  },
);
