import assert from "node:assert/strict";
import * as fc from "fast-check";
import t from "tap";
import { layOutBatch } from "./batch-layout.js";
import { sliceEvents } from "./batch.js";
import { jsonDepth } from "./json.js";
import { jsonText } from "./testing/json-text.js";
import { holds } from "./testing/property.js";
import { sampleEvent, utf8 } from "./testing/sample.js";

const event = JSON.stringify(sampleEvent());

await t.test("takes the batch that everybody sends", async (t) => {
  const body = utf8(`{"events":[${event},${event}]}`);
  t.match(layOutBatch(body, 128), [
    { start: 11, end: 11 + event.length, layout: { close: event.length - 1, isEmpty: false, hasId: false } },
    { start: 12 + event.length, end: 12 + 2 * event.length },
  ]);
});

const LEFT: readonly [string, string][] = [
  ["nothing", ""],
  ["half a text", '{"events":[{'],
  ["a name in disguise", '{"\\u0065vents":[]}'],
  ["a name that is a mistake", '{"\\xevents":[]}'],
  ["a member before", '{"a":1,"events":[]}'],
  ["a member behind", '{"events":[],"a":1}'],
  ["a second text", '{"events":[]}{}'],
  ["an element that is no object", '{"events":[1]}'],
  ["a member that is not known", '{"events":[{"more":1}]}'],
  ["a doubled member", '{"events":[{"learner_id":"a","learner_id":"b"}]}'],
  ["an id that is none", '{"events":[{"event_id":""}]}'],
  ["nothing but brackets", "[".repeat(100_000)],
];

await t.test("leaves to others:", async (t) => {
  for (const [name, text] of LEFT) t.equal(layOutBatch(utf8(text), 128), undefined, name);
});

const deep = fc
  .tuple(fc.integer({ min: 0, max: 6 }), fc.constantFrom('"x"', "1", "{}", "[]"))
  .map(([levels, inner]) => `${'{"a":['.repeat(levels)}${inner}${"]}".repeat(levels)}`);

await t.test("where it finds a layout, it is that of the general way, within the depth", async (t) => {
  let found = 0;
  const value = fc.oneof(
    jsonText.map(({ text }) => text),
    deep,
  );
  holds(
    t,
    fc.property(fc.array(value, { maxLength: 3 }), fc.integer({ min: 3, max: 14 }), (values, depthMax) => {
      const body = utf8(`{"events":[${values.map((text) => `{"event_data":${text}}`).join(" ,\n")}]}`);
      const layouts = layOutBatch(body, depthMax);
      const isWithin = jsonDepth(body) <= depthMax;
      assert.equal(layouts !== undefined, isWithin);
      if (layouts === undefined) return;
      found += 1;
      assert.deepStrictEqual(
        layouts.map(({ start, end }) => ({ start, end })),
        sliceEvents(body),
      );
    }),
    2_000,
  );
  t.ok(found > 100);
});

await t.test("no depth escapes it: what it takes of a broken text is refused by JSON.parse", async (t) => {
  holds(
    t,
    fc.property(
      fc.string({ unit: fc.constantFrom(...Array.from('{}[]",:\\ae1\n ')) }),
      fc.nat(200),
      (text, at) => {
        const whole = `{"events":[${event},{"event_data":{"a":[[[[[[[[1]]]]]]]]}}]}`;
        const body = utf8(whole.slice(0, at) + text + whole.slice(at));
        const layouts = layOutBatch(body, 8);
        if (layouts === undefined || jsonDepth(body) <= 8) return;
        assert.throws(() => JSON.parse(body.toString()) as unknown);
      },
    ),
    5_000,
  );
});
