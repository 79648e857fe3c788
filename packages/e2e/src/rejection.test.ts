/** An event that breaks the rules is refused with its reasons, harms no other, and reaches the dead-letter topic. */
import t from "tap";
import { createCollector } from "./collector.js";
import { createGrpcJsClient } from "./grpc-js.js";
import { startKafka, type TopicMessage } from "./kafka/index.js";
import { idOf } from "./published.js";
import { sampleEvent, type SampleEvent } from "./sample-event.js";

const kafka = await startKafka(t);
const collector = createCollector(t, kafka);
await collector.createTopics();
const [ingress, forwarder] = await Promise.all([collector.startIngress(), collector.startForwarder()]);

async function collect(events: readonly object[]): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`${ingress.url}/collect`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ events }),
  });
  return { status: response.status, body: await response.json() };
}

async function deadLetterOf(event: SampleEvent): Promise<TopicMessage | undefined> {
  const isIt = (message: TopicMessage): boolean => idOf(message) === event.event_id;
  const found = (await collector.deadLetters((messages) => messages.some(isIt))).filter(isIt);
  return found.length === 1 ? found[0] : undefined;
}

await t.test(
  "of a batch with one bad event the others are accepted, and the answer says what is wrong",
  async (t) => {
    const good = [sampleEvent(), sampleEvent()] as const;
    const bad = sampleEvent({ event_type: "lesson_eaten", timestamp: "yesterday" });
    const answer = await collect([good[0], bad, good[1]]);
    t.equal(answer.status, 200);
    t.match(answer.body, { success: false, accepted: 2, rejected: 1 });
    t.match((answer.body as { errors: object[] }).errors, [
      { index: 1, event_id: bad.event_id, code: "unknown_event_type", pointer: "/events/1/event_type" },
      { index: 1, event_id: bad.event_id, code: "invalid_timestamp", pointer: "/events/1/timestamp" },
    ]);

    const letter = await deadLetterOf(bad);
    t.equal(letter?.key, bad.learner_id, "the dead letter has the key it would have had");
    t.strictSame(JSON.parse(letter?.value.toString() ?? "null"), bad, "and the event as it was sent");
    t.match(letter?.headers, {
      "event-id": bad.event_id,
      "__dlq.errors.topic": collector.topic,
      "__dlq.errors.message": /event_type/,
      "__dlq.errors.delivery.count": "0",
      "dlq.reason": "unknown_event_type",
      "dlq.stage": "validate",
      "dlq.failed-at": /^\d{4}-/,
      "dlq.first-failed-at": /^\d{4}-/,
      "dlq.source-segment": /\.ndjson$/,
      "dlq.source-offset": /^\d+$/,
    });
    t.match(JSON.parse(letter?.headers["dlq.violations"] ?? "null"), [
      { code: "unknown_event_type", pointer: "/event_type" },
      { code: "invalid_timestamp", pointer: "/timestamp" },
    ]);

    const ids = good.map((event) => event.event_id);
    const events = await collector.events((messages) => messages.length >= ids.length);
    t.strictSame(
      events.map(idOf).sort(),
      [...ids].sort(),
      "the good ones are in the topic, the bad one is not",
    );
  },
);

await t.test("a batch of nothing but bad events is answered with 422", async (t) => {
  const bad = sampleEvent({ learner_id: "" });
  const answer = await collect([bad]);
  t.equal(answer.status, 422);
  t.match(answer.body, { success: false, accepted: 0, rejected: 1 });
  t.match((await deadLetterOf(bad))?.headers, { "dlq.stage": "validate" });
});

await t.test("an independent gRPC client is told the same", async (t) => {
  const client = createGrpcJsClient(ingress.port);
  t.teardown(() => client.close());
  const [good, bad] = [sampleEvent(), sampleEvent({ event_type: "lesson_eaten" })];
  t.match(await client.collectEvents([bad, good]), {
    accepted: 1,
    rejected: 1,
    errors: [{ index: 0, event_id: bad.event_id, code: "unknown_event_type" }],
  });
  t.match((await deadLetterOf(bad))?.headers, { "dlq.reason": "unknown_event_type" });
  const single = sampleEvent({ event_type: "lesson_drunk" });
  await t.rejects(client.collectEvent(single), { code: 3 }, "INVALID_ARGUMENT");
  t.match((await deadLetterOf(single))?.headers, { "dlq.reason": "unknown_event_type" });
});

await t.test("each dead letter is there once when both have stopped in order", async (t) => {
  t.match(await ingress.program.stop(), { code: 0 });
  t.match(await forwarder.program.stop(), { code: 0 });
  const ids = (await collector.deadLetters(() => true)).map(idOf);
  t.equal(ids.length, 4);
  t.equal(new Set(ids).size, 4);
});
