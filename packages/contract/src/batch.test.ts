import assert from "node:assert/strict";
import * as fc from "fast-check";
import t from "tap";
import { readBatch, readLines, type BatchReading } from "./batch.js";
import { jsonText } from "./testing/json-text.js";
import { holds } from "./testing/property.js";
import { textOf, utf8 } from "./testing/sample.js";

const limits = { eventsMax: 3, bodyDepthMax: 128 };

await t.test("gives each event its value and its own bytes", async (t) => {
  const reading = readBatch(
    utf8('{"sent_at":"x", "events" : [ {"n":1.10} ,\n{"n":1e400}] , "more":[]}'),
    limits,
  );
  t.same(spelt(reading), ['{"n":1.10}', '{"n":1e400}']);
  t.match(reading, { ok: true, events: [{ value: { n: 1.1 } }, { value: { n: Infinity } }] });
});

await t.test("hands on events that are no objects, for the check to refuse", async (t) => {
  t.same(spelt(readBatch(utf8('{"events":[null,5,"x"]}'), limits)), ["null", "5", '"x"']);
});

await t.test("of doubled events the last counts, whatever its disguise", async (t) => {
  t.same(spelt(readBatch(utf8('{"events":[1],"events":[2,3]}'), limits)), ["2", "3"]);
  t.same(spelt(readBatch(utf8('{"events":[1],"\\u0065vents":[2,3]}'), limits)), ["2", "3"]);
  t.same(spelt(readBatch(utf8('{"\\u0065vents":[2,3],"events":[1]}'), limits)), ["1"]);
  t.same(spelt(readBatch(utf8('{"events":{"a":[1]},"events":[2,3]}'), limits)), ["2", "3"]);
});

const REFUSED: [string, string | Uint8Array, string][] = [
  ["nothing", "", "malformed_json"],
  ["half a text", '{"events":[', "malformed_json"],
  ["two texts", '{"events":[1]}{"events":[1]}', "malformed_json"],
  ["single quotes", "{'events':[1]}", "malformed_json"],
  ["a comma too many", '{"events":[1,]}', "malformed_json"],
  ["NaN", '{"events":[NaN]}', "malformed_json"],
  ["a raw line break in a string", '{"events":["a\nb"]}', "malformed_json"],
  ["bytes that are not UTF-8", Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]), "malformed_json"],
  ["a surrogate in UTF-8", Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22]), "malformed_json"],
  ["null", "null", "invalid_batch"],
  ["an array", "[]", "invalid_batch"],
  ["an object without events", '{"event":[]}', "invalid_batch"],
  ["events that are an object", '{"events":{}}', "invalid_batch"],
  ["events of a prototype", '{"__proto__":{"events":[1]}}', "invalid_batch"],
  ["no event", '{"events":[]}', "empty_batch"],
  ["one event too many", '{"events":[1,2,3,4]}', "batch_too_large"],
  ["a depth of 500,000", `{"events":[${"[".repeat(500_000)}${"]".repeat(500_000)}]}`, "body_too_deep"],
];

await t.test("refuses as a whole", async (t) => {
  for (const [name, body, code] of REFUSED) {
    const reading = readBatch(typeof body === "string" ? utf8(body) : body, limits);
    t.match(reading, { ok: false, refusal: { code } }, name);
  }
});

await t.test("the values and the bytes of any batch belong together", async (t) => {
  holds(
    t,
    fc.property(fc.array(jsonText, { minLength: 1, maxLength: 3 }), (texts) => {
      const elements = texts.map(({ text }) => text);
      const reading = readBatch(utf8(`{"a":{"events":[0]},"events":[ ${elements.join(" , ")}]}`), limits);
      assert.deepEqual(spelt(reading), elements);
      if (reading.ok)
        assert.deepEqual(
          reading.events.map(({ value }) => value),
          elements.map((text) => JSON.parse(text)),
        );
    }),
  );
});

await t.test("reads one event a line, with any line end and blank lines between", async (t) => {
  t.same(spelt(readLines(utf8('{"a":1}\n\n \t\r\n{"a":2}\r\n{"a":3}'), limits)), [
    '{"a":1}',
    '{"a":2}\r',
    '{"a":3}',
  ]);
});

await t.test("a malformed line spoils nothing but itself", async (t) => {
  const deep = `${"[".repeat(200)}${"]".repeat(200)}`;
  const reading = readLines(Buffer.concat([utf8(`{"a":1}\n{"a":\n${deep}`)]), limits);
  t.match(reading, {
    ok: true,
    events: [
      { value: { a: 1 } },
      { value: undefined, findings: [{ code: "malformed_json", path: [] }] },
      { value: undefined, findings: [{ code: "too_deep", path: [] }] },
    ],
  });
  const foreign = readLines(Buffer.from([0x22, 0xff, 0x22]), limits);
  t.match(foreign, { ok: true, events: [{ findings: [{ code: "malformed_json" }] }] });
});

await t.test("refuses lines as a whole where there is none, or one too many", async (t) => {
  t.match(readLines(utf8(" \n\n"), limits), { ok: false, refusal: { code: "empty_batch" } });
  t.match(readLines(utf8("1\n2\n3\n\n"), limits), { ok: true });
  t.match(readLines(utf8("1\n2\n3\n4"), limits), { ok: false, refusal: { code: "batch_too_large" } });
});

function spelt(reading: BatchReading): string[] | string {
  return reading.ok ? reading.events.map(({ bytes }) => textOf(bytes)) : reading.refusal.code;
}
