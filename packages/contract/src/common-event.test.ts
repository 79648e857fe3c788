import assert from "node:assert/strict";
import * as fc from "fast-check";
import t from "tap";
import { recognizeEvent } from "./common-event.js";
import { checkBySchema } from "./event.js";
import { EVENT_LIMITS, EVENT_TYPES, type EventLimits } from "./event-limits.js";
import { holds } from "./testing/property.js";
import { jsonText } from "./testing/json-text.js";
import { sampleEvent } from "./testing/sample.js";

/** Small, so that what is near them is common. */
const limits: EventLimits = { ...EVENT_LIMITS, idCharactersMax: 4, depthMax: 3, keysMax: 4 };

const text = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom("a", "abcd", "é😀", "😀😀😀😀") },
  fc.constantFrom(
    "",
    "abcde",
    "😀😀😀😀😀",
    "a\nb",
    "\u0000",
    "\u007f",
    "\u009f",
    "\ud800",
    "a\udfff",
    "\ue000",
  ),
);

const anything: fc.Arbitrary<unknown> = fc.oneof(
  jsonText.map(({ text: json }) => JSON.parse(json) as unknown),
  fc.constantFrom(null, undefined, 0, NaN, true, "x", [], {}),
);

const object: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom({}, { a: 1 }, { a: { b: ["é"] } }, { a: [[1]], b: null }) },
  fc.constantFrom<unknown>(
    { a: { b: { c: {} } } },
    { a: [[[]]] },
    { a: 1, b: 2, c: 3, d: 4 },
    { a: 1, b: 2, c: { d: 4, e: 5 } },
    { "\ud800": 1 },
    { a: "\udfff" },
    { a: ["x", "\ud800"] },
    JSON.parse('{"__proto__":1}'),
    JSON.parse('{"a":{"__proto__":{}}}'),
  ),
  anything,
);

const type = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...EVENT_TYPES) }, text);

const time = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("2024-01-15T10:30:00Z", "2024-02-29t23:59:59.123456+05:30") },
  fc.constantFrom(
    "2024-01-15T10:30:00",
    "2023-02-29T00:00:00Z",
    `2024-01-15T10:30:00.${"1".repeat(60)}Z`,
    "",
  ),
);

/** Mostly right, so that both answers are common. */
function member(good: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 12, arbitrary: good }, anything);
}

const event = fc.record(
  {
    learner_id: member(text),
    course_id: member(text),
    lesson_id: member(text),
    event_type: member(type),
    event_data: member(object),
    timestamp: member(time),
    session_id: member(text),
    metadata: member(object),
    event_id: member(text),
    more: anything,
  },
  { requiredKeys: ["learner_id", "course_id", "lesson_id", "event_type", "event_data", "timestamp"] },
);

await t.test("says yes where the schema does, with the same event, and nowhere else", async (t) => {
  let accepted = 0;
  holds(
    t,
    fc.property(fc.oneof({ weight: 20, arbitrary: event as fc.Arbitrary<unknown> }, anything), (input) => {
      const bySchema = checkBySchema(input, limits);
      const recognized = recognizeEvent(input, limits);
      assert.deepStrictEqual(recognized, bySchema.ok ? bySchema.event : undefined);
      if (recognized !== undefined) accepted += 1;
    }),
    5_000,
  );
  t.ok(accepted > 50, `both answers are common: ${accepted} of 5000 were accepted`);
});

await t.test("says yes to what is common, so that the schema is spared", async (t) => {
  t.ok(recognizeEvent(sampleEvent(), EVENT_LIMITS));
});

await t.test("a depth of 500,000 costs it nothing", async (t) => {
  let deep: unknown = 1;
  for (let level = 0; level < 500_000; level += 1) deep = [deep];
  t.equal(recognizeEvent({ ...sampleEvent(), event_data: { deep } }, EVENT_LIMITS), undefined);
});
