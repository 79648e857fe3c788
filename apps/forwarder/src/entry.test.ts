import { BrokerFailure, keyTemplate, messageOptions, topicTemplate } from "@event-collector/kafka";
import t from "tap";
import { encodeRecord } from "@event-collector/contract";
import type { SpoolRecord } from "@event-collector/contract";
import type { Message } from "./broker.js";
import { asDeadLetter, asShortDeadLetter, entryOf, publishCause } from "./entry.js";
import type { EntryOptions, Outgoing } from "./entry.js";
import { damage, eventRecord, line, lineOf, SEGMENT } from "./testing/spool-lines.js";

const NOW = "2026-01-02T04:00:00.000Z";

function options(more: Partial<EntryOptions["message"]> = {}): EntryOptions {
  const message = {
    topic: topicTemplate("events"),
    key: keyTemplate("{learner_id}"),
    cloudEventsSource: undefined,
  };
  return {
    message: { ...message, ...more },
    eventTopic: "events",
    deadLetterTopic: "dead",
    messageBytesMax: 1_000_000,
  };
}

function headersOf(message: Message | undefined): Record<string, string> {
  return Object.assign({}, ...(message?.headers ?? [])) as Record<string, string>;
}

function outgoing(value: Outgoing | undefined): Outgoing {
  if (value === undefined) throw new Error("nothing is sent");
  return value;
}

await t.test("an accepted event is published byte for byte under its learner's key", async (t) => {
  const record: SpoolRecord = {
    ...eventRecord(7, { key: "ada\u0000lovelace", value: '{"n":12345678901234567890}' }),
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    tracestate: "a=b",
  } as SpoolRecord;
  const { stage, message } = outgoing(entryOf(line(7, record), options(), NOW).outgoing);
  t.equal(stage, "event");
  t.equal(message.topic, "events");
  t.equal(Buffer.from(message.key ?? []).toString(), "ada\u0000lovelace", "a NUL does not cut the key");
  t.equal(Buffer.from(message.value ?? []).toString(), '{"n":12345678901234567890}');
  t.same(headersOf(message), {
    "content-type": "application/json",
    traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    tracestate: "a=b",
  });
  for (const header of message.headers) t.equal(Object.keys(header).length, 1, "one member for each header");
});

await t.test("topic and key can be made from the event", async (t) => {
  const templates = {
    topic: topicTemplate("events.{event_type}"),
    key: keyTemplate("{event_type}/{learner_id}"),
  };
  const { message } = outgoing(entryOf(line(1), options(templates), NOW).outgoing);
  t.equal(message.topic, "events.lesson_started");
  t.equal(Buffer.from(message.key ?? []).toString(), "lesson_started/learner-1");
  const values = { learner_id: "l", event_type: "quiz begun/é", event_id: "e" };
  t.equal(topicTemplate("e.{event_type}")(values), "e.quiz_begun__", "what Kafka does not allow is replaced");
});

await t.test("CloudEvents headers are added on request", async (t) => {
  const { message } = outgoing(entryOf(line(1), options({ cloudEventsSource: "/here" }), NOW).outgoing);
  t.match(headersOf(message), {
    ce_specversion: "1.0",
    ce_id: "event-1",
    ce_source: "/here",
    ce_type: "lesson_started",
    ce_time: "2026-01-02T03:04:05.678Z",
    ce_subject: "learner-1",
  });
});

const rejected: SpoolRecord = {
  kind: "rejected",
  eventId: "bad-1",
  receivedAt: "2026-01-02T03:04:05.678Z",
  key: "ada",
  protocol: "rest",
  encoding: "json",
  violations: [
    { code: "missing_field", pointer: "/course_id", message: "is required" },
    { code: "invalid_timestamp", pointer: "/timestamp", message: "is not RFC 3339" },
  ],
  value: Buffer.from('{"learner_id":"ada"}'),
};

await t.test("a rejected event is a dead letter with its own bytes and all its reasons", async (t) => {
  const { stage, message } = outgoing(entryOf(line(3, rejected), options(), NOW).outgoing);
  t.equal(stage, "dead_letter");
  t.equal(message.topic, "dead");
  t.equal(Buffer.from(message.key ?? []).toString(), "ada");
  t.equal(Buffer.from(message.value ?? []).toString(), '{"learner_id":"ada"}');
  const headers = headersOf(message);
  t.match(headers, {
    "content-type": "application/json",
    "event-id": "bad-1",
    "received-at": "2026-01-02T03:04:05.678Z",
    "__dlq.errors.topic": "events",
    "__dlq.errors.message": "/course_id: is required",
    "__dlq.errors.delivery.count": "0",
    "dlq.reason": "missing_field",
    "dlq.stage": "validate",
    "dlq.protocol": "rest",
    "dlq.failed-at": NOW,
    "dlq.first-failed-at": "2026-01-02T03:04:05.678Z",
    "dlq.source-segment": SEGMENT,
    "dlq.source-offset": "3000",
  });
  t.same(JSON.parse(headers["dlq.violations"] ?? ""), rejected.violations);
});

await t.test("a rejected event that is no JSON keeps its raw bytes", async (t) => {
  const bytes = Buffer.from([0xff, 0x00, 0x0a]);
  const record: SpoolRecord = { ...rejected, encoding: "base64", value: bytes };
  const { message } = outgoing(entryOf(line(3, record), options(), NOW).outgoing);
  t.same(Buffer.from(message.value ?? []), bytes);
  t.match(headersOf(message), { "content-type": "application/octet-stream" });
});

await t.test("damage is a dead letter that says where it is", async (t) => {
  const { message } = outgoing(entryOf(damage(9, "bad_line", "garb\u0000age"), options(), NOW).outgoing);
  t.equal(message.key, null);
  t.equal(Buffer.from(message.value ?? []).toString(), "garb\u0000age");
  t.match(headersOf(message), {
    "dlq.reason": "bad_line",
    "dlq.stage": "spool",
    "dlq.source-offset": "9000",
  });
});

await t.test("a line that is no record is a dead letter, not an end of the world", async (t) => {
  const { message } = outgoing(entryOf(lineOf(1, Buffer.from('{"hello":1}')), options(), NOW).outgoing);
  t.match(headersOf(message), { "dlq.reason": "unknown_record", "dlq.stage": "spool" });
  t.equal(Buffer.from(message.value ?? []).toString(), '{"hello":1}');
});

await t.test("a torn tail, which nobody was promised, is passed over", async (t) => {
  t.equal(entryOf(damage(1, "torn_tail"), options(), NOW).outgoing, undefined);
});

await t.test("what the broker refuses has what is known of it in headers and says why", async (t) => {
  const event = outgoing(entryOf(line(1), options(), NOW).outgoing);
  const failure = new BrokerFailure("record", "message size too large", {
    code: 10,
    reason: "record_too_large",
  });
  const cause = publishCause(failure, 17, NOW, "2026-01-02T03:59:00.000Z");
  const { message } = asDeadLetter(event, cause, options());
  t.same(message.value, event.message.value);
  t.match(headersOf(message), {
    "content-type": "application/json",
    "event-id": "event-1",
    "event-type": "lesson_started",
    "received-at": "2026-01-02T03:04:05.678Z",
    "dlq.reason": "record_too_large",
    "dlq.stage": "publish",
    "__dlq.errors.message": "message size too large",
    "__dlq.errors.delivery.count": "17",
    "dlq.first-failed-at": "2026-01-02T03:59:00.000Z",
  });
});

await t.test(
  "a dead letter that is too large is cut, says so, and still names its first reason",
  async (t) => {
    const huge = "x".repeat(100_000);
    const record: SpoolRecord = { ...rejected, key: huge, eventId: huge, value: Buffer.from(`"${huge}"`) };
    const letter = outgoing(entryOf(lineOf(1, encodeRecord(record)), options(), NOW).outgoing);
    const refusal = publishCause(new BrokerFailure("record", "message size too large"), 2, NOW, NOW);
    const { message, stage } = asShortDeadLetter(letter, refusal, "segment@1000.bytes", options());
    t.equal(stage, "short_dead_letter");
    const headers = headersOf(message);
    t.match(headers, {
      "dlq.reason": "missing_field",
      "dlq.stage": "validate",
      "dlq.truncated": "true",
      "dlq.original-length": "100002",
      "dlq.quarantine": "segment@1000.bytes",
      "__dlq.errors.delivery.count": "2",
    });
    const bytes =
      (message.key?.byteLength ?? 0) + (message.value?.byteLength ?? 0) + JSON.stringify(headers).length;
    t.ok(bytes < 32 * 1024, `${bytes} bytes fit into any topic`);
  },
);

await t.test("a common event makes the same message at a glance as in full", async (t) => {
  const settings = { topic: "events", key: "{learner_id}", cloudEventsSource: undefined };
  const { commonTopic, ...full } = messageOptions(settings);
  t.equal(commonTopic, "events");
  const traced = { ...eventRecord(5), traceparent: "00-1-2-01" } as SpoolRecord;
  const records = [eventRecord(1), eventRecord(2, { key: 'a"b' }), eventRecord(3, { key: "é" }), traced];
  for (const record of records) {
    const [glanced, read] = [{ ...full, commonTopic: "events" }, full].map((message) =>
      outgoing(entryOf(line(1, record), options(message), NOW).outgoing),
    );
    t.same(plainMessage(glanced?.message), plainMessage(read?.message));
    t.equal(glanced?.receivedAt, read?.receivedAt);
    t.same(plainMessage(glanced?.origin), plainMessage(read?.origin));
  }
});

await t.test("where topic, key or headers are made from the event, no glance will do", async (t) => {
  const settings = { topic: "events", key: "{learner_id}", cloudEventsSource: undefined };
  for (const change of [{ topic: "events.{event_type}" }, { key: "{event_id}" }, { cloudEventsSource: "/" }])
    t.equal(messageOptions({ ...settings, ...change }).commonTopic, undefined);
});

function plainMessage(message: Pick<Message, "topic" | "key" | "value" | "headers"> | undefined): unknown {
  const { topic, key, value, headers } = message ?? { topic: "", key: null, value: null, headers: [] };
  return { topic, key: String(Buffer.from(key ?? [])), value: String(Buffer.from(value ?? [])), headers };
}
