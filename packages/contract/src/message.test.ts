import assert from "node:assert/strict";
import { create, fromBinary, fromJsonString, toBinary, type JsonObject } from "@bufbuild/protobuf";
import * as fc from "fast-check";
import t from "tap";
import { admitEvent, type Arrival } from "./admit.js";
import { checkEvent, type LearnerEvent } from "./event.js";
import { DEPTH_MAX, EVENT_LIMITS } from "./event-limits.js";
import { EventSchema } from "./gen/event_collector/v1/event_collector_pb.js";
import { eventFromMessage, eventToMessage, sourceFromMessage } from "./message.js";
import { holds } from "./testing/property.js";
import { sampleEvent, textOf } from "./testing/sample.js";

const arrival: Arrival = {
  makeEventId: () => "made",
  receivedAt: "2024-01-15T10:30:01.000Z",
  protocol: "grpc",
};

await t.test("an event comes out of its message as it went in", async (t) => {
  const name = fc.constantFrom("a", "b", "", "é", "toString");
  // The decoder drops such a name; what comes of that is the last test of this file.
  const json = fc.jsonValue({ maxDepth: 3 }).filter((value) => !JSON.stringify(value).includes("__proto__"));
  const object = fc.dictionary(name, json) as fc.Arbitrary<JsonObject>;
  const text = fc.string({ minLength: 1, unit: "grapheme" });
  const event = fc.record(
    {
      learner_id: text,
      course_id: text,
      lesson_id: text,
      event_type: text,
      event_data: object,
      timestamp: text,
      session_id: text,
      metadata: object,
      event_id: text,
    },
    { requiredKeys: ["learner_id", "course_id", "lesson_id", "event_type", "event_data", "timestamp"] },
  );
  holds(
    t,
    fc.property(event, (sent: LearnerEvent) => {
      const wire = toBinary(EventSchema, eventToMessage(sent));
      const received = eventFromMessage(fromBinary(EventSchema, wire));
      assert.deepEqual(JSON.parse(JSON.stringify(received)), JSON.parse(JSON.stringify(sent)));
    }),
  );
});

await t.test("an empty message and an empty object are refused alike", async (t) => {
  const message = sourceFromMessage(create(EventSchema, { eventId: "" }));
  t.strictSame(checkEvent(message.value), checkEvent({}));
  t.match(checkEvent({}), { ok: false, violations: Array(6).fill({ code: "missing_field" }) });
});

await t.test("an empty text is refused alike over gRPC and REST", async (t) => {
  const sent = { ...sampleEvent(), learner_id: "" };
  t.strictSame(checkEvent(sourceFromMessage(eventToMessage(sent)).value), checkEvent(sent));
});

await t.test("the bytes are the JSON that REST would have brought, and become the event", async (t) => {
  const admission = admitEvent(sourceFromMessage(eventToMessage(sampleEvent())), EVENT_LIMITS, arrival);
  t.match(admission, { ok: true, eventId: "made" });
  const sent = JSON.stringify(sampleEvent()).slice(0, -1);
  t.equal(
    textOf(admission.record.value),
    `${sent},"event_id":"made","received_at":"2024-01-15T10:30:01.000Z"}`,
  );
});

await t.test(
  "a number that JSON does not have is refused, with its place and spelt in the dead letter",
  async (t) => {
    for (const [number, spelling] of [
      [NaN, "NaN"],
      [-Infinity, "-Infinity"],
    ] as const) {
      const sent = { ...sampleEvent(), event_data: { ok: 1, list: [0, { n: number }] } };
      const wire = toBinary(EventSchema, eventToMessage(sent));
      const admission = admitEvent(sourceFromMessage(fromBinary(EventSchema, wire)), EVENT_LIMITS, arrival);
      if (admission.ok) return t.fail("accepted");
      t.match(admission.violations, [{ code: "invalid_number", pointer: "/event_data/list/1/n" }]);
      t.equal(admission.violations.length, 1);
      t.match(JSON.parse(textOf(admission.record.value)), { event_data: { list: [0, { n: spelling }] } });
    }
    return undefined;
  },
);

await t.test("what may be deepest over REST passes the decoders of gRPC and Connect", async (t) => {
  let event_data: JsonObject = {};
  for (let depth = 1; depth < DEPTH_MAX; depth += 1) event_data = { a: event_data };
  const sent = { ...sampleEvent(), event_data };
  t.ok(checkEvent(sent).ok);
  t.strictSame(fromBinary(EventSchema, toBinary(EventSchema, eventToMessage(sent))).eventData, event_data);
  t.strictSame(fromJsonString(EventSchema, JSON.stringify(sent)).eventData, event_data);
});

await t.test("a member __proto__ of a message changes nothing", async (t) => {
  const text = JSON.stringify(sampleEvent()).replace(
    '{"score":95}',
    '{"__proto__":{"admin":true},"score":95}',
  );
  const message = fromJsonString(EventSchema, text);
  t.strictSame(eventFromMessage(message), sampleEvent());
  t.equal((Object.prototype as { admin?: boolean }).admin, undefined);
});
