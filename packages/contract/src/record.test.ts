import assert from "node:assert/strict";
import * as fc from "fast-check";
import t from "tap";
import { decodeRecord, encodeRecord, RecordError, type SpoolRecord } from "./record.js";
import { jsonText } from "./testing/json-text.js";
import { holds } from "./testing/property.js";
import { textOf, utf8 } from "./testing/sample.js";

const AT = "2024-01-15T10:30:01.000Z";

await t.test("an event is one line of JSON whose last member is its own bytes", async (t) => {
  const payload = encodeRecord({
    kind: "event",
    eventId: "e",
    receivedAt: AT,
    key: "l",
    eventType: "lesson_started",
    value: utf8('{"n":\n1e400}'),
  });
  t.equal(
    textOf(payload),
    `{"kind":"event","id":"e","at":"${AT}","key":"l","type":"lesson_started","value":{"n": 1e400}}`,
  );
});

await t.test("a rejected event keeps its reasons, and its bytes as JSON or in base64", async (t) => {
  const record = {
    kind: "rejected",
    receivedAt: AT,
    violations: [{ code: "malformed_json", pointer: "", message: "the event is not JSON in UTF-8" }],
    protocol: "rest",
    encoding: "base64",
    value: Buffer.from([0x00, 0xff, 0x0a]),
  } satisfies SpoolRecord;
  const payload = encodeRecord(record);
  const line = JSON.parse(textOf(payload)) as unknown;
  t.match(line, { kind: "rejected", at: AT, protocol: "rest", violations: record.violations, value: "AP8K" });
  t.strictSame(plain(decodeRecord(payload)), plain(record));
});

// Strings that try to look like the start of the value.
const trap = fc.constantFrom(',"value":', '"value":', ",", '\\","value":', "\\", '"');
const someText = fc.oneof(trap, fc.string({ unit: "binary" }), fc.string({ unit: "grapheme" }));

const eventRecord = fc.record(
  {
    kind: fc.constant("event" as const),
    eventId: someText,
    receivedAt: someText,
    key: someText,
    eventType: someText,
    traceparent: someText,
    tracestate: someText,
    value: jsonText.map(({ text }) => utf8(text)),
  },
  { requiredKeys: ["kind", "eventId", "receivedAt", "key", "eventType", "value"], noNullPrototype: true },
);

const violations = fc.array(
  fc.record(
    {
      code: fc.constantFrom("missing_field" as const, "too_deep" as const),
      pointer: someText,
      message: someText,
    },
    { noNullPrototype: true },
  ),
);

const rejected = {
  kind: fc.constant("rejected" as const),
  eventId: someText,
  receivedAt: someText,
  key: someText,
  violations,
  protocol: someText,
};
const required = ["kind", "receivedAt", "violations", "protocol", "encoding", "value"] as const;
const rejectedJson = fc.record(
  { ...rejected, encoding: fc.constant("json" as const), value: jsonText.map(({ text }) => utf8(text)) },
  { requiredKeys: [...required], noNullPrototype: true },
);
const rejectedBytes = fc.record(
  { ...rejected, encoding: fc.constant("base64" as const), value: fc.uint8Array() },
  { requiredKeys: [...required], noNullPrototype: true },
);

await t.test("what was encoded is decoded, whatever it holds", async (t) => {
  holds(
    t,
    fc.property(fc.oneof(eventRecord, rejectedJson, rejectedBytes), (record) => {
      const payload = encodeRecord(record);
      assert.doesNotMatch(textOf(payload), /[\r\n]/);
      assert.ok(JSON.parse(textOf(payload)));
      assert.deepEqual(plain(decodeRecord(payload)), plain(record));
    }),
    2000,
  );
});

await t.test("a value may have a member of the name value", async (t) => {
  const value = utf8('{"a":1,"value":{"b":",\\"value\\":"}}');
  const record: SpoolRecord = {
    kind: "event",
    eventId: "e",
    receivedAt: AT,
    key: "l",
    eventType: "t",
    value,
  };
  t.strictSame(plain(decodeRecord(encodeRecord(record))), plain(record));
});

await t.test("a payload may be a part of a larger buffer", async (t) => {
  const record: SpoolRecord = {
    kind: "event",
    eventId: "e",
    receivedAt: AT,
    key: "l",
    eventType: "t",
    value: utf8("{}"),
  };
  const payload = encodeRecord(record);
  const around = Buffer.concat([utf8('{"value":1,"value":'), payload, utf8("}\n")]);
  const part = new Uint8Array(around.buffer, around.byteOffset + 19, payload.length);
  t.strictSame(plain(decodeRecord(part)), plain(record));
});

const DAMAGED: [string, string][] = [
  ["nothing", ""],
  ["no value", '{"kind":"event"}'],
  ["an empty value", '{"kind":"event","value":}'],
  ["no end", '{"kind":"event","id":"e","at":"x","key":"k","type":"t","value":12'],
  ["a head that is not JSON", '{"kind":event,"value":{}}'],
  ["a head that is no object", '["kind","value":{}}'],
  ["no kind", '{"id":"e","value":{}}'],
  ["another kind", '{"kind":"other","value":{}}'],
  ["an absent id", '{"kind":"event","at":"x","key":"k","type":"t","value":{}}'],
  ["an id that is a number", '{"kind":"event","id":1,"at":"x","key":"k","type":"t","value":{}}'],
  [
    "a trace that is a number",
    '{"kind":"event","id":"e","at":"x","key":"k","type":"t","traceparent":1,"value":{}}',
  ],
  ["another encoding", rejectedLine('[],"encoding":"hex"', '""')],
  ["no violations", rejectedLine('{},"encoding":"json"', "{}")],
  ["a violation that is no object", rejectedLine('[1],"encoding":"json"', "{}")],
  [
    "a violation of no code",
    rejectedLine('[{"code":"x","pointer":"","message":""}],"encoding":"json"', "{}"),
  ],
  ["a value that is not base64", rejectedLine('[],"encoding":"base64"', '"A*=="')],
  ["a value without quotes", rejectedLine('[],"encoding":"base64"', "AP8K")],
];

await t.test("refuses a payload that is no record", async (t) => {
  for (const [name, payload] of DAMAGED) t.throws(() => decodeRecord(utf8(payload)), RecordError, name);
});

function rejectedLine(violationsAndEncoding: string, value: string): string {
  return `{"kind":"rejected","at":"x","protocol":"rest","violations":${violationsAndEncoding},"value":${value}}`;
}

/** With the value as the text it decodes to: line breaks between tokens are spaces there. */
function plain(record: SpoolRecord): unknown {
  const value = Buffer.from(record.value).toString("latin1");
  const isJson = record.kind === "event" || record.encoding === "json";
  return { ...record, value: isJson ? value.replaceAll(/[\r\n]/g, " ") : value };
}
