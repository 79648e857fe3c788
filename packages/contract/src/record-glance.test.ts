import assert from "node:assert/strict";
import * as fc from "fast-check";
import t from "tap";
import { GLANCE_PLACES, glanceAtEvent } from "./record-glance.js";
import { decodeRecord, encodeRecord, type EventRecord } from "./record.js";
import { jsonText } from "./testing/json-text.js";
import { holds } from "./testing/property.js";
import { textOf, utf8 } from "./testing/sample.js";

const plainText = fc.stringMatching(/^[ !#-[\]-~]*$/);
const someText = fc.oneof(
  plainText,
  fc.constantFrom(',"value":', '"', "\\", "é", "\u007f", "\u0000"),
  fc.string({ unit: "binary" }),
);
const value = jsonText.map(({ text }) => utf8(text));

function eventOf(text: fc.Arbitrary<string>): fc.Arbitrary<EventRecord> {
  return fc.record({
    kind: fc.constant("event" as const),
    eventId: text,
    receivedAt: text,
    key: text,
    eventType: text,
    value,
  });
}

/** What is seen in these bytes is what decoding them gives. */
function assertAgrees(payload: Uint8Array): boolean {
  // As in a segment, other bytes stand around it.
  const source = Buffer.concat([utf8('{"n":1,"d":'), payload, utf8('","value":}')]);
  const places = new Int32Array(1 + GLANCE_PLACES);
  if (!glanceAtEvent(source, 11, 11 + payload.length, places, 1)) return false;
  const [, keyFrom, keyTo, valueFrom, valueTo] = places;
  const record = decodeRecord(payload);
  assert.equal(record.kind, "event");
  assert.equal(textOf(source.subarray(keyFrom, keyTo)), record.key);
  assert.deepEqual(Buffer.from(source.subarray(valueFrom, valueTo)), Buffer.from(record.value));
  return true;
}

await t.test("a common event is seen as decoding shows it", async (t) => {
  holds(
    t,
    fc.property(eventOf(plainText), (record) => assert.ok(assertAgrees(encodeRecord(record)))),
    2000,
  );
});

await t.test("of whatever else nothing is said, or the same as by decoding", async (t) => {
  const traced = fc.record({ traceparent: fc.option(someText), tracestate: fc.option(someText) });
  holds(
    t,
    fc.property(eventOf(someText), traced, (record, { traceparent, tracestate }) => {
      const isTraced = traceparent !== null || tracestate !== null;
      const seen = assertAgrees(
        encodeRecord({
          ...record,
          ...(traceparent !== null && { traceparent }),
          ...(tracestate !== null && { tracestate }),
        }),
      );
      assert.ok(!(seen && isTraced), "a trace needs headers");
    }),
    2000,
  );
});

await t.test("of a record that was changed nothing is said, or the same as by decoding", async (t) => {
  const change = fc.record({ at: fc.nat(), byte: fc.nat(255), cut: fc.boolean() });
  holds(
    t,
    fc.property(eventOf(plainText), change, (record, { at, byte, cut }) => {
      const payload = Buffer.from(encodeRecord(record));
      const place = at % payload.length;
      payload[place] = byte;
      // What is no longer a record is seen as one by neither.
      assertAgrees(cut ? payload.subarray(0, place) : payload);
    }),
    5000,
  );
});
