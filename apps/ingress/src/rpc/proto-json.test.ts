import assert from "node:assert/strict";
import { fromJsonString } from "@bufbuild/protobuf";
import { CollectEventsRequestSchema, EventSchema, sourceFromMessage } from "@event-collector/contract";
import type { SourceEvent } from "@event-collector/contract";
import * as fc from "fast-check";
import t from "tap";
import type { Test } from "tap";
import { removeProtoAccessor } from "../proto-accessor.js";
import { sampleEvent } from "../testing/sample-event.js";
import { readJsonBatch, readJsonEvent } from "./proto-json.js";
import { RECURSION_MAX } from "./router.js";

removeProtoAccessor();

// oxlint-disable-next-line node/no-process-env -- A failure is run again with its seed.
const seed = Number(process.env["PROPERTY_SEED"] ?? Date.now() % 2 ** 31);

function holds<Values>(t: Test, property: fc.IProperty<Values>, numRuns: number): void {
  t.comment(`PROPERTY_SEED=${seed}`);
  fc.assert(property, { seed, numRuns });
}

const quoted = fc.oneof(
  fc.string({ unit: "binary" }).map((text) => JSON.stringify(text)),
  fc.constantFrom(
    '""',
    '"a"',
    '"\\u0061"',
    '"\\ud83d\\ude00"',
    '"\\uD800"',
    '"é😀"',
    '"\\\\u0061"',
    '"a:{[\\""',
  ),
);

/** JSON texts, with what JSON allows and others do not. */
const valueText: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom("null", "true", "0", "-0", "1e400", "1.10", "12345678901234567890"),
    quoted,
    fc.array(tie("value"), { maxLength: 3 }).map((values) => `[${values.join(", ")}]`),
    fc
      .array(fc.tuple(fc.oneof({ weight: 9, arbitrary: quoted }, fc.constant('"__proto__"')), tie("value")), {
        maxLength: 3,
      })
      .map(objectText),
  ),
})).value;

const dataText = fc.array(fc.tuple(quoted, valueText), { maxLength: 3 }).map(objectText);

function objectText(members: readonly (readonly [string, string])[]): string {
  return `{${members.map(([name, value]) => `${name}:${value}`).join(",\n")}}`;
}

const TEXT_NAMES = ["learner_id", "courseId", "lesson_id", "eventType", "timestamp", "session_id", "eventId"];
const OTHER_NAMES = ["learnerId", "event_id", "more", "event_data"];

const member = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constantFrom(...TEXT_NAMES), quoted) },
  { weight: 3, arbitrary: fc.tuple(fc.constantFrom("eventData", "metadata"), dataText) },
  { weight: 1, arbitrary: fc.tuple(fc.constantFrom(...TEXT_NAMES, ...OTHER_NAMES), valueText) },
);

const eventText = fc
  .oneof(
    { weight: 9, arbitrary: fc.uniqueArray(member, { selector: ([name]) => name, maxLength: 9 }) },
    { weight: 1, arbitrary: fc.array(member, { maxLength: 9 }) },
  )
  .map((members) => objectText(members.map(([name, value]) => [JSON.stringify(name), value])));

const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 2 });

function damaged(text: string, changes: readonly (readonly [number, number])[]): Buffer {
  const bytes = Buffer.from(text);
  for (const [at, byte] of changes) if (at % 4 === 0) bytes[at % bytes.length] = byte;
  return bytes;
}

const OPTIONS = { ignoreUnknownFields: true, recursionLimit: RECURSION_MAX };

/** What the library makes of these bytes. Throws where it finds a mistake. */
function libraryEvent(bytes: Uint8Array): SourceEvent {
  return sourceFromMessage(fromJsonString(EventSchema, new TextDecoder().decode(bytes), OPTIONS));
}

function libraryBatch(bytes: Uint8Array): SourceEvent[] {
  const text = new TextDecoder().decode(bytes);
  return fromJsonString(CollectEventsRequestSchema, text, OPTIONS).events.map(sourceFromMessage);
}

await t.test("what it reads is what the library reads", async (t) => {
  let read = 0;
  holds(
    t,
    fc.property(eventText, damage, (text, changes) => {
      const bytes = damaged(text, changes);
      const source = readJsonEvent(bytes);
      if (source === undefined) return;
      read += 1;
      assert.deepStrictEqual(source, libraryEvent(bytes));
    }),
    5_000,
  );
  t.ok(read > 500, `it reads many: ${read}`);
});

await t.test("what it reads of a batch is what the library reads", async (t) => {
  let read = 0;
  holds(
    t,
    fc.property(fc.array(eventText, { maxLength: 3 }), damage, (texts, changes) => {
      const bytes = damaged(`{"events": [${texts.join(",")}]}`, changes);
      const sources = readJsonBatch(bytes);
      if (sources === undefined) return;
      read += 1;
      assert.deepStrictEqual(sources, libraryBatch(bytes));
    }),
    1_000,
  );
  t.ok(read > 100, `it reads many: ${read}`);
});

await t.test("reads what is common, so that the library is spared", async (t) => {
  const event = { ...sampleEvent(), session_id: "é", metadata: { list: [1, "a\n", null, true, {}] } };
  t.ok(readJsonEvent(Buffer.from(JSON.stringify(event))));
  t.ok(readJsonBatch(Buffer.from(JSON.stringify({ events: [event, event] }))));
});

const LEFT: Readonly<Record<string, string>> = {
  "a member under both of its names": '{"learner_id":"a","learnerId":"b"}',
  "a member that comes twice": '{"learner_id":"a","learner_id":"b"}',
  "a member of data that comes twice": '{"event_data":{"a":1,"a":2}}',
  __proto__: '{"event_data":{"__proto__":1}}',
  "a number that JSON does not have": '{"event_data":{"a":1e400}}',
  "half a character": '{"event_data":{"a":"\\ud800"}}',
  "a text that is a number": '{"learner_id":1}',
  "levels without end": `{"event_data":{"a":${"[".repeat(5000)}`,
  "what is no JSON": "{",
  "what is no object": "[]",
};

await t.test("leaves to the library:", async (t) => {
  for (const [name, text] of Object.entries(LEFT)) t.equal(readJsonEvent(Buffer.from(text)), undefined, name);
  t.equal(readJsonEvent(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d])), undefined, "no UTF-8");
});
