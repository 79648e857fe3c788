import assert from "node:assert/strict";
import * as fc from "fast-check";
import t from "tap";
import { EVENT_FIELDS } from "./event.js";
import { composeEvent } from "./event-bytes.js";
import { jsonText, numberText } from "./testing/json-text.js";
import { holds } from "./testing/property.js";
import { textOf, utf8 } from "./testing/sample.js";

const stamp = { eventId: "made", receivedAt: "2024-01-15T10:30:01.000Z" };
const RECEIVED = '"received_at":"2024-01-15T10:30:01.000Z"}';
const MADE = `"event_id":"made",${RECEIVED}`;

const TABLE: [string, string, string][] = [
  ["appends the id and the time", '{"learner_id":"l"}', `{"learner_id":"l",${MADE}`],
  ["keeps the id of the sender", '{"event_id":"own"}', `{"event_id":"own",${RECEIVED}`],
  [
    "keeps the spelling of the sender's id",
    '{"event_id":"\\u006fwn"}',
    `{"event_id":"\\u006fwn",${RECEIVED}`,
  ],
  ["keeps white space between the members", '{ "learner_id" :\t"l" }', `{ "learner_id" :\t"l" ,${MADE}`],
  ["drops white space around the object", ' {"learner_id":"l"} ', `{"learner_id":"l",${MADE}`],
  ["makes line breaks spaces", '{\r\n"learner_id":"l"\n}', `{  "learner_id":"l" ,${MADE}`],
  ["replaces an id that is null", '{"event_id":null,"learner_id":"l"}', `{"learner_id":"l",${MADE}`],
  ["replaces an id that is empty", '{"learner_id":"l","event_id":""}', `{"learner_id":"l",${MADE}`],
  ["drops a received_at of the sender", '{"received_at":"x","learner_id":"l"}', `{"learner_id":"l",${MADE}`],
  ["drops it in disguise", '{"\\u0072eceived_at":"x","learner_id":"l"}', `{"learner_id":"l",${MADE}`],
  ["drops what is not known", '{"learner_id":"l","more":{"a":[1,2]}}', `{"learner_id":"l",${MADE}`],
  ["drops __proto__", '{"__proto__":{"event_id":"x"},"learner_id":"l"}', `{"learner_id":"l",${MADE}`],
  ["of doubles the last counts", '{"learner_id":"a","learner_id":"b"}', `{"learner_id":"b",${MADE}`],
  ["of doubled ids the last counts", '{"event_id":"a","event_id":null}', `{${MADE}`],
  ["and so in disguise", '{"learner_id":"a","\\u006cearner_id":"b"}', `{"learner_id":"b",${MADE}`],
  ["writes a disguised name plainly", '{"\\u006cearner_id":"l"}', `{"learner_id":"l",${MADE}`],
  [
    "makes line breaks spaces there too",
    '{"x":1,"event_data":[\n1,\r\n2]}',
    `{"event_data":[ 1,  2],${MADE}`,
  ],
  ["keeps a null of another field", '{"session_id":null}', `{"session_id":null,${MADE}`],
  ["takes an empty object", "{}", `{${MADE}`],
  ["takes an empty object with space in it", "{ \n}", `{  ${MADE}`],
];

await t.test("what is published is what was sent, with the stamp:", async (t) => {
  for (const [name, sent, published] of TABLE)
    t.equal(textOf(composeEvent(utf8(sent), stamp)), published, name);
});

await t.test("an id that needs escapes gets them", async (t) => {
  const composed = composeEvent(utf8('{"learner_id":"l"}'), { ...stamp, eventId: 'a"\\é\n' });
  t.strictSame(JSON.parse(textOf(composed)), {
    learner_id: "l",
    event_id: 'a"\\é\n',
    received_at: stamp.receivedAt,
  });
});

await t.test("numbers stay as they were spelt", async (t) => {
  const event = (number: string, more: string): string => `{"event_data":{"n":${number}}${more}}`;
  holds(
    t,
    fc.property(numberText, fc.constantFrom("", ',"more":1'), (number, more) => {
      const composed = composeEvent(utf8(event(number, more)), stamp);
      assert.equal(textOf(composed), `{"event_data":{"n":${number}},${MADE}`);
    }),
  );
});

await t.test(
  "of any object it publishes what JSON.parse sees in the known fields, on one line",
  async (t) => {
    const name = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...EVENT_FIELDS.map((field) => `"${field}"`)) },
      fc.constantFrom(
        '"received_at"',
        '"\\u006cearner_id"',
        '"event\\u005fid"',
        '"more"',
        '"__proto__"',
        '"\\u0000"',
      ),
    );
    const member = fc.tuple(name, jsonText).map(([label, { text }]) => `${label}:\n${text}\r`);
    holds(
      t,
      fc.property(fc.array(member, { maxLength: 12 }), (members) => {
        const text = `\r\n{${members.join(",")}} `;
        const composed = textOf(composeEvent(utf8(text), stamp));
        assert.doesNotMatch(composed, /[\r\n]/);
        assert.deepEqual(JSON.parse(composed), expected(JSON.parse(text) as Record<string, unknown>));
      }),
      2000,
    );
  },
);

function expected(sent: Record<string, unknown>): Record<string, unknown> {
  const event: Record<string, unknown> = {};
  for (const field of EVENT_FIELDS) if (Object.hasOwn(sent, field)) event[field] = sent[field];
  if (event["event_id"] === undefined || event["event_id"] === null || event["event_id"] === "") {
    event["event_id"] = stamp.eventId;
  }
  return { ...event, received_at: stamp.receivedAt };
}
