import assert from "node:assert/strict";
import * as fc from "fast-check";
import t from "tap";
import {
  endOfValue,
  isNamed,
  jsonDepth,
  sliceElements,
  sliceMembers,
  skipSpace,
  type Slice,
} from "./json.js";
import { jsonText, stringText } from "./testing/json-text.js";
import { holds } from "./testing/property.js";
import { textOf, utf8 } from "./testing/sample.js";

await t.test("counts the depth of brackets, and none of those in strings", async (t) => {
  const table: [string, number][] = [
    ["", 0],
    ["1", 0],
    ['"[[["', 0],
    ['"\\"[["', 0],
    ['"\\\\"', 0],
    ["[]", 1],
    ["[[],[]]", 2],
    ['{"a":{"[":[1]}}', 3],
    [`${"[".repeat(500_000)}${"]".repeat(500_000)}`, 500_000],
  ];
  for (const [text, depth] of table) t.equal(jsonDepth(utf8(text)), depth, text.slice(0, 20));
});

await t.test("stops counting at the first bracket that is too deep", async (t) => {
  t.equal(jsonDepth(utf8("[".repeat(1000)), 10), 11);
  t.equal(jsonDepth(utf8(`${"[".repeat(10)}${"]".repeat(10)}`), 10), 10);
});

await t.test("the depth of any JSON text is that of its brackets", async (t) => {
  holds(
    t,
    fc.property(jsonText, ({ text, depth }) => jsonDepth(utf8(text)) === depth),
  );
});

await t.test("the slices of any array are its elements", async (t) => {
  const arrayText = fc
    .array(jsonText)
    .map((elements) => `[${elements.map(({ text }) => ` ${text}\n`).join(",")}]`);
  holds(
    t,
    fc.property(arrayText, (text) => {
      const bytes = utf8(text);
      const { elements, end } = sliceElements(bytes, 0);
      assert.equal(end, bytes.length);
      assert.deepEqual(
        elements.map((slice) => valueOf(bytes, slice)),
        JSON.parse(text),
      );
    }),
  );
});

await t.test("the slices of any object are its members, the doubled ones too", async (t) => {
  const memberText = fc.tuple(stringText, jsonText).map(([name, { text }]) => ({ name, value: text }));
  holds(
    t,
    fc.property(fc.array(memberText), (sent) => {
      const text = `{${sent.map(({ name, value }) => `\t${name} : ${value}\r\n`).join(",")}}`;
      const bytes = utf8(text);
      const { members, end } = sliceMembers(bytes, 0);
      assert.equal(end, bytes.length);
      const found = members.map(({ name, value }) => ({
        name: spelling(bytes, name),
        value: spelling(bytes, value),
      }));
      assert.deepEqual(found, sent);
    }),
  );
});

await t.test("a name is known by what it says, however it is escaped", async (t) => {
  const table: [string, string, boolean][] = [
    ["learner_id", "learner_id", true],
    ["\\u006cearner_id", "learner_id", true],
    ["\\u006C\\u0065arner_id", "learner_id", true],
    ["learner_ix", "learner_id", false],
    ["learner_id2", "learner_id", false],
    ["learner_i", "learner_id", false],
    ["", "learner_id", false],
    ["earner_id\\n", "learner_id", false],
    ["\\u006cearner_ix", "learner_id", false],
    ["lärner_id", "learner_id", false],
  ];
  for (const [name, text, expected] of table) {
    const bytes = utf8(`"${name}"`);
    t.equal(isNamed(bytes, { start: 0, end: bytes.length }, text), expected, name);
  }
});

await t.test("ends on any bytes, and within them", async (t) => {
  const bits = fc.constantFrom(...utf8('"\\{}[],: \n1a'));
  holds(
    t,
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.array(bits).map((bytes) => Uint8Array.from(bytes)),
      ),
      (bytes) => {
        const inside = (slice: Slice): boolean =>
          slice.start >= 0 && slice.start <= slice.end && slice.end <= bytes.length;
        assert.ok(jsonDepth(bytes) <= bytes.length);
        for (let start = 0; start < bytes.length; start += 1) {
          assert.ok(skipSpace(bytes, start) >= start);
          assert.ok(inside({ start, end: endOfValue(bytes, start) }));
          const { elements, end } = sliceElements(bytes, start);
          assert.ok(end <= bytes.length && elements.every(inside));
          assert.ok(
            sliceMembers(bytes, start).members.every(({ name, value }) => inside(name) && inside(value)),
          );
        }
      },
    ),
    200,
  );
});

await t.test("names without end cost no more than their bytes", async (t) => {
  // A search that ran on past each name would take minutes here.
  const names = Array.from({ length: 100_000 }, (_, index) => `"name_that_is_long_${index}":0`);
  const bytes = utf8(`{${names.join(",")}}`);
  const { members } = sliceMembers(bytes, 0);
  t.equal(members.filter(({ name }) => isNamed(bytes, name, "events")).length, 0);
});

function spelling(bytes: Uint8Array, { start, end }: Slice): string {
  return textOf(bytes.subarray(start, end));
}

function valueOf(bytes: Uint8Array, slice: Slice): unknown {
  return JSON.parse(spelling(bytes, slice));
}
