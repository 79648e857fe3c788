import { EVENT_LIMITS } from "@event-collector/contract";
import { keyTemplate, topicTemplate } from "@event-collector/kafka";
import type { Message } from "@event-collector/kafka";
import t from "tap";
import { headerOf } from "../kafka/topic-message.js";
import type { TopicMessage } from "../kafka/topic-message.js";
import { deadLetterOf } from "./dead-letter.js";
import { receipt, redriveOf } from "./redrive.js";
import type { Redrive, RedriveOptions } from "./redrive.js";

const NOW = "2026-01-02T00:00:00.000Z";
const OPTIONS: RedriveOptions = {
  limits: EVENT_LIMITS,
  message: {
    topic: topicTemplate("events"),
    key: keyTemplate("{learner_id}"),
    cloudEventsSource: undefined,
  },
  again: false,
  redrivesMax: 2,
};
const EVENT = {
  learner_id: "l1",
  course_id: "c1",
  lesson_id: "n1",
  event_type: "lesson_started",
  event_data: { score: 1 },
  timestamp: "2026-01-01T00:00:00Z",
};

function letterMessage(value: object | string, headers: Record<string, string> = {}): TopicMessage {
  return {
    topic: "events.dlq",
    partition: 0,
    offset: 12,
    timestamp: 0,
    key: Buffer.from("l1"),
    value: Buffer.from(typeof value === "string" ? value : JSON.stringify(value)),
    headers: Object.entries({
      "content-type": "application/json",
      "received-at": "2026-01-01T00:00:01.000Z",
      "dlq.reason": "unknown_event_type",
      "dlq.stage": "validate",
      "__dlq.errors.topic": "events",
      ...headers,
    }),
  };
}

function redrive(message: TopicMessage, options: Partial<RedriveOptions> = {}, receipts = 0): Redrive {
  const letter = deadLetterOf(message, new Map([["0/12", receipts]]));
  return redriveOf(letter, { ...OPTIONS, ...options }, NOW);
}

function headersOf(message: Message): Record<string, string> {
  return Object.assign({}, ...message.headers) as Record<string, string>;
}

await t.test("a letter that is valid now is sent as the event it would have been", async (t) => {
  const headers = { "event-id": "e1", traceparent: "00-1-2-01", "x-tenant": "a" };
  const made = redrive(letterMessage({ ...EVENT, event_id: "e1" }, headers));
  if (made.type !== "send") throw new Error("it stays dead");
  t.equal(made.message.topic, "events");
  t.same(made.message.key, Buffer.from("l1"));
  t.match(JSON.parse(String(made.message.value)), { ...EVENT, event_id: "e1" });
  t.same(headersOf(made.message), {
    "content-type": "application/json",
    traceparent: "00-1-2-01",
    "x-tenant": "a",
    "dlq.redrive-count": "1",
  });
});

await t.test("an event that the broker refused keeps the bytes that were published for it", async (t) => {
  const value = `${JSON.stringify(EVENT).slice(0, -1)},"event_id":"e1","received_at":"2026-01-01T00:00:01.000Z"}`;
  const made = redrive(letterMessage(value, { "dlq.stage": "publish", "event-id": "e1" }));
  if (made.type !== "send") throw new Error("it stays dead");
  t.equal(String(made.message.value), value);
});

await t.test("a letter without an id gets the same one each time, and no other letter has it", async (t) => {
  const [first, again] = [redrive(letterMessage(EVENT)), redrive(letterMessage(EVENT))];
  const other = redrive({ ...letterMessage(EVENT), offset: 13 });
  if (first.type !== "send" || again.type !== "send" || other.type !== "send")
    throw new Error("one stays dead");
  t.match(first.eventId, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  t.equal(first.eventId, again.eventId);
  t.not(first.eventId, other.eventId);
});

const STAYING: [string, string, TopicMessage, Partial<RedriveOptions>, number][] = [
  ["of a type that is not known", "rejected", letterMessage({ ...EVENT, event_type: "new" }), {}, 0],
  ["without a learner", "rejected", letterMessage({ ...EVENT, learner_id: "" }), {}, 0],
  ["that is no JSON", "rejected", letterMessage("{"), {}, 0],
  ["that is empty", "rejected", letterMessage(""), {}, 0],
  [
    "of which only the beginning is left",
    "truncated",
    letterMessage(EVENT, { "dlq.truncated": "true" }),
    {},
    0,
  ],
  ["that is damage", "no_event", letterMessage("\0\0", { "dlq.stage": "spool" }), {}, 0],
  ["that was redriven", "redriven_already", letterMessage(EVENT), {}, 1],
  ["that was redriven twice", "redriven_too_often", letterMessage(EVENT), { again: true }, 2],
  [
    "that carries a count and has a receipt",
    "redriven_too_often",
    letterMessage(EVENT, { "dlq.redrive-count": "1" }),
    { again: true },
    1,
  ],
];

for (const [what, why, message, options, receipts] of STAYING) {
  await t.test(`a letter ${what} stays dead`, async (t) => {
    t.match(redrive(message, options, receipts), { type: "stay", why });
  });
}

await t.test("types that were allowed meanwhile are valid", async (t) => {
  const limits = { ...EVENT_LIMITS, eventTypes: new Set(["new"]) };
  t.match(redrive(letterMessage({ ...EVENT, event_type: "new" }), { limits }), { type: "send", count: 1 });
});

await t.test("again means again", async (t) => {
  t.match(redrive(letterMessage(EVENT), { again: true }, 1), { type: "send", count: 2 });
});

await t.test("a receipt names its letter and stands in its partition", async (t) => {
  const letter = deadLetterOf(letterMessage(EVENT), new Map());
  const audit = {
    redriven: "0/12",
    event_id: "e1",
    to: "events",
    redrive_count: 1,
    reason: "unknown_event_type",
    at: NOW,
    by: "me@here",
  };
  const made = receipt(letter, audit);
  t.match(made, { topic: "events.dlq", partition: 0, key: Buffer.from("l1") });
  t.same(JSON.parse(String(made.value)), audit);
  const read = { headers: Object.entries(headersOf(made)) };
  t.equal(headerOf(read, "dlq.receipt-of"), "0/12");
});
