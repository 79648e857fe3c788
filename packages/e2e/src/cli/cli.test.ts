/**
 * `collector` beside a collector that works: books, replay, dead letters, doctor, against one broker.
 *
 * The negative controls stand beside what they are of: books over a topic that lost a message, or got one twice.
 */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { createCollector } from "../collector.js";
import { readTopic, startKafka, uniqueTopic, type TopicMessage } from "../kafka/index.js";
import { idOf } from "../published.js";
import { sampleEvent } from "../sample-event.js";
import { collectorCommand } from "./command.js";
import { copyTopic, sendMessages } from "./copy-topic.js";

const GOOD = 20;
const NEW_TYPE = "quiz_taken";

const kafka = await startKafka(t);
const collector = createCollector(t, kafka);
await collector.createTopics();
const command = collectorCommand(kafka, collector);
const [ingress, forwarder] = await Promise.all([collector.startIngress(), collector.startForwarder()]);

const good = Array.from({ length: GOOD }, () => sampleEvent());
/** The ingress does not know its type yet. */
const early = sampleEvent({ event_type: NEW_TYPE });
const hopeless = [sampleEvent({ learner_id: "" }), sampleEvent({ timestamp: "yesterday" })];

await collect([...good, early, ...hopeless]);
const published = await collector.events((messages) => messages.length >= GOOD);
await collector.deadLetters((messages) => messages.length >= 3);

async function collect(events: readonly object[]): Promise<void> {
  await fetch(`${ingress.url}/collect`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ events }),
  });
}

/** Of an event topic: what must not change when it is sent once more. */
function essence({ key, value, headers }: TopicMessage): object {
  const { "replayed-at": _at, "dlq.redrive-count": _count, ...kept } = headers;
  return { key, value: value.toString(), headers: kept };
}

const byId = (a: TopicMessage, b: TopicMessage): number => idOf(a).localeCompare(idOf(b));

await t.test("the books close after ordinary traffic with rejected events", async (t) => {
  const [{ code, objects, stderr }, text] = await Promise.all([
    command.json(["books"]),
    command.run(["books"]),
  ]);
  t.equal(code, 0);
  t.equal(stderr, "", "nothing but data, and that is elsewhere");
  t.match(objects, [
    {
      closes: true,
      cursor: "broker",
      accepted: { events: GOOD, rejected: 3, damaged: 0 },
      published: GOOD,
      deadLettered: 3,
      spooled: 0,
      difference: 0,
      passes: 1,
      ledger: { events: GOOD, deadLetters: 3 },
    },
  ]);
  t.equal(text.code, 0);
  t.match(text.stdout, /the books close\n$/);
});

await t.test("the books do not close over a topic that lost a message, and name it", async (t) => {
  const topic = uniqueTopic("lost");
  await kafka.createTopic(topic, { partitions: 3 });
  await copyTopic(kafka, collector.topic, topic, (_message, index) => (index === 4 ? 0 : 1));
  const variables = { KAFKA_TOPIC: topic, KAFKA_CURSOR_TOPIC: `${collector.topic}.cursors` };
  const { code, objects, stderr } = await command.json(["books"], variables);
  t.equal(code, 1);
  t.match(objects, [{ closes: false, published: GOOD - 1, missing: 1, duplicated: 0, difference: 1 }]);
  const lost = published[4];
  t.match(objects[0]?.["faults"], [{ fault: "missing", record: `event ${lost && idOf(lost)}` }]);
  t.match(stderr, /collector replay/, "and it is said how to mend it");
});

await t.test("the books do not close over a topic that got a message twice", async (t) => {
  const topic = uniqueTopic("twice");
  await kafka.createTopic(topic, { partitions: 3 });
  await copyTopic(kafka, collector.topic, topic, (_message, index) => (index === 7 ? 2 : 1));
  const variables = { KAFKA_TOPIC: topic, KAFKA_CURSOR_TOPIC: `${collector.topic}.cursors` };
  const { code, objects } = await command.json(["books"], variables);
  t.equal(code, 1);
  t.match(objects, [{ closes: false, missing: 0, duplicated: 1, published: GOOD + 1 }]);
});

await t.test("the books do not close when a dead letter was lost", async (t) => {
  const topic = uniqueTopic("dead");
  await kafka.createTopic(topic);
  await copyTopic(kafka, collector.deadLetterTopic, topic, (_message, index) => (index === 0 ? 0 : 1));
  const { code, objects } = await command.json(["books"], { KAFKA_DLQ_TOPIC: topic });
  t.equal(code, 1);
  t.match(objects, [{ closes: false, missing: 1, deadLettered: 2 }]);
});

await t.test(
  "replay sends nothing before --yes, and then the same bytes, ids, keys and headers",
  async (t) => {
    const topic = uniqueTopic("replay");
    await kafka.createTopic(topic, { partitions: 3 });
    const plan = await command.json(["replay", "--to", topic]);
    t.equal(plan.code, 0);
    t.match(plan.objects, [{ dryRun: true, events: GOOD }]);
    t.match(plan.stderr, /--yes/);
    t.strictSame(await readTopic(kafka.bootstrap, topic), []);

    const sent = await command.json(["replay", "--to", topic, "--yes", "--rate", "0"]);
    t.equal(sent.code, 0);
    t.match(sent.objects, [{ dryRun: false, sent: GOOD, notSent: 0 }]);
    t.equal(sent.stderr, "", "no progress where there is no terminal");
    const copies = await readTopic(kafka.bootstrap, topic);
    t.strictSame(copies.sort(byId).map(essence), [...published].sort(byId).map(essence));
    for (const { headers } of copies) t.match(headers["replayed-at"], /^\d{4}-.*Z$/);
  },
);

await t.test("replay takes a time, a segment or a learner, and a topic that is there", async (t) => {
  const learner = good[0]?.learner_id ?? "";
  const [segment = ""] = await readdir(join(collector.bufferDirectory, "segments"));
  const of = (...parameters: string[]) => command.json(["replay", "--to", "x", ...parameters]);
  const [ofLearner, ofYesterday, ofSegment] = await Promise.all([
    of("--learner", learner),
    of("--until", "1d"),
    of("--segment", segment),
  ]);
  t.match(ofLearner.objects, [{ events: 1 }]);
  t.match(ofYesterday.objects, [{ events: 0 }]);
  t.equal(ofSegment.code, 0);
  const [absent, nowhere] = await Promise.all([
    command.run(["replay", "--to", uniqueTopic("absent"), "--yes"]),
    command.run(["replay"]),
  ]);
  t.match(absent, { code: 3, stdout: "", stderr: /there is no topic/ });
  t.match(nowhere, { code: 2, stdout: "", stderr: /--to/ });
});

await t.test("a replay into the topic of events leaves the books closed", async (t) => {
  const learner = good[0]?.learner_id ?? "";
  t.equal((await command.run(["replay", "--to", collector.topic, "--learner", learner, "--yes"])).code, 0);
  const { code, objects } = await command.json(["books"]);
  t.equal(code, 0);
  t.match(objects, [{ closes: true, published: GOOD, others: { replayed: 1 } }]);
});

await t.test("dead letters are listed by reason, learner and time, and shown whole", async (t) => {
  const ls = (...parameters: string[]) => command.json(["dlq", "ls", ...parameters]);
  const [all, unknown, ofLearner, ofYesterday] = await Promise.all([
    ls(),
    ls("--reason", "unknown_event_type"),
    ls("--learner", early.learner_id, "--since", "1h"),
    ls("--until", "1d"),
  ]);
  t.equal(all.code, 0);
  t.equal(all.objects.length, 3);
  const [letter] = unknown.objects;
  t.match(letter, {
    stage: "validate",
    eventId: early.event_id,
    learner: early.learner_id,
    redrives: 0,
    message: /event_type/,
  });
  t.same(ofLearner.objects, unknown.objects);
  t.same(ofYesterday.objects, []);

  const [shown, limited, absent, wrong] = await Promise.all([
    command.json(["dlq", "show", String(letter?.["address"])]),
    ls("--limit", "2"),
    command.run(["dlq", "show", "0/999999"]),
    command.run(["dlq", "show", "first"]),
  ]);
  t.strictSame(JSON.parse(String(shown.objects[0]?.["value"])), early, "the event as it was sent");
  t.equal(limited.objects.length, 2);
  t.equal(absent.code, 1);
  t.equal(wrong.code, 2);
});

const eventsOf = async (id: string): Promise<TopicMessage[]> =>
  (await readTopic(kafka.bootstrap, collector.topic)).filter((message) => idOf(message) === id);

await t.test("what the ingress would reject again stays dead", async (t) => {
  const { code, objects, stderr } = await command.json(["dlq", "redrive", "--yes"]);
  t.equal(code, 0);
  t.strictSame(
    objects.map(({ why }) => why),
    ["rejected", "rejected", "rejected"],
  );
  t.match(stderr, /Redrove 0/);
  t.strictSame(await eventsOf(early.event_id), []);
});

await t.test(
  "a redrive sends what is valid now, once, with a receipt, and stops the third time",
  async (t) => {
    const variables = { EVENT_TYPES_EXTRA: NEW_TYPE };
    const redrive = (...more: string[]) =>
      command.json(["dlq", "redrive", "--reason", "unknown_event_type", ...more], variables);
    t.match((await redrive()).objects, [{ dryRun: true, event_id: early.event_id, redrive_count: 1 }]);
    t.strictSame(await eventsOf(early.event_id), [], "a dry run sends nothing");

    const first = await redrive("--yes");
    t.equal(first.code, 0);
    t.match(first.objects, [
      { dryRun: false, event_id: early.event_id, to: collector.topic, redrive_count: 1, by: /@/, at: /Z$/ },
    ]);
    const [event] = await eventsOf(early.event_id);
    t.equal(event?.key, early.learner_id);
    t.match(JSON.parse(event?.value.toString() ?? "null"), early);
    t.match(event?.headers, { "content-type": "application/json", "dlq.redrive-count": "1" });
    t.notOk(
      Object.keys(event?.headers ?? {}).some((name) => name.startsWith("__dlq.") || name === "dlq.reason"),
      "nothing tells of its death",
    );

    t.match((await redrive("--yes")).objects, [{ why: "redriven_already" }]);
    t.match((await redrive("--yes", "--again")).objects, [{ redrive_count: 2 }]);
    t.match((await redrive("--yes", "--again")).objects, [{ why: "redriven_too_often" }], "the loop guard");
    t.equal((await eventsOf(early.event_id)).length, 2);
    t.match((await command.json(["dlq", "ls", "--learner", early.learner_id])).objects, [{ redrives: 2 }]);
  },
);

await t.test("a letter that came back with a count of its own is stopped, too", async (t) => {
  const topic = uniqueTopic("came-back");
  await kafka.createTopic(topic);
  const headers = { "dlq.reason": "consumer_failed", "dlq.stage": "publish", "dlq.redrive-count": "2" };
  const value = Buffer.from(JSON.stringify(sampleEvent()));
  await sendMessages(kafka, topic, [{ key: "learner", value, headers }]);
  const { objects } = await command.json(["dlq", "redrive", "--yes"], { KAFKA_DLQ_TOPIC: topic });
  t.match(objects, [{ why: "redriven_too_often" }]);
});

await t.test("the books close after the redrives, and with events that wait in the spool", async (t) => {
  t.match(await forwarder.program.stop(), { code: 0 });
  await collect([sampleEvent(), sampleEvent(), sampleEvent({ learner_id: "" })]);
  const [{ code, objects }, stats] = await Promise.all([
    command.json(["books"]),
    command.json(["spool", "stats"]),
  ]);
  t.equal(code, 0);
  t.match(objects, [
    { closes: true, spooled: 3, published: GOOD, deadLettered: 3, others: { redriven: 2, receipts: 2 } },
  ]);
  t.match(stats.objects, [{ pendingLines: 3, cursor: "present" }]);
});

await t.test("the doctor finds nothing to mend, and says what is when something is", async (t) => {
  const away = { KAFKA_BOOTSTRAP_SERVERS: "127.0.0.1:1" };
  const [well, ill, refused] = await Promise.all([
    command.json(["doctor"]),
    command.json(["doctor"], { ...away, KAFKA_TOPICS: "x", BUFFER_DIR: "/nowhere" }),
    command.run(["dlq", "ls"], away),
  ]);
  t.equal(well.code, 0, well.stdout);
  t.strictSame(
    [...new Set(well.objects.map(({ area }) => area))],
    ["configuration", "disk", "spool", "clock", "broker", "topics"],
  );
  t.equal(ill.code, 1);
  const said = ill.objects.filter(({ state }) => state !== "ok");
  t.match(said, [
    { area: "configuration", state: "warning", says: /KAFKA_TOPICS/, mend: /KAFKA_TOPIC is meant/ },
    { area: "disk", state: "failure", says: /\/nowhere/, mend: /BUFFER_DIR/ },
    { area: "broker", state: "failure", mend: /KAFKA_BOOTSTRAP_SERVERS/ },
  ]);
  t.match(refused, { code: 3, stdout: "", stderr: /collector doctor/ }, "others say whom to ask");
});
