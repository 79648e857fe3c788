import assert from "node:assert/strict";
import * as fc from "fast-check";
import t from "tap";
import { admitBatch } from "./admit-batch.js";
import { admitEvent } from "./admit.js";
import { readBatch, readLines, type SourceEvent } from "./batch.js";
import { EVENT_LIMITS } from "./event-limits.js";
import type { TraceContext } from "./event-line.js";
import { sourceFromValue } from "./message.js";
import { encodeRecord } from "./record.js";
import { bodyText } from "./testing/body-text.js";
import { holds } from "./testing/property.js";
import { sampleEvent, textOf, utf8 } from "./testing/sample.js";

const limits = { eventsMax: 3, bodyDepthMax: 128 };

const around = { receivedAt: "2024-01-15T10:30:01.000Z", protocol: "rest" };

const traces: fc.Arbitrary<TraceContext | undefined> = fc.constantFrom(
  undefined,
  { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" },
  { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate: 'a="é"' },
);

const ids = { prefix: "0190b2a4-0000-7000-8000-0000", next: () => 7 };

function recordOf(source: SourceEvent, trace?: TraceContext): string {
  const { bytes, ends } = admitBatch([source], EVENT_LIMITS, { ...around, ids, trace }).records;
  return textOf(bytes.subarray(0, ends[0]));
}

await t.test("the record that is written in one go is the one that is made step by step", async (t) => {
  let laidOut = 0;
  holds(
    t,
    fc.property(bodyText, traces, (text, trace) => {
      const reading = readBatch(utf8(text), limits);
      const events: readonly SourceEvent[] = reading.ok ? reading.events : [];
      for (const { bytes, value, layout } of events) {
        // Without its scanner: as the events of a message come.
        const source = { bytes, value, ...(layout !== undefined && { layout }) };
        if (layout !== undefined) laidOut += 1;
        const given = { ...around, ...trace, makeEventId: () => `${ids.prefix}00000007` };
        const { record } = admitEvent(source, EVENT_LIMITS, given);
        assert.equal(recordOf(source, trace), textOf(encodeRecord(record)));
      }
    }),
    3_000,
  );
  t.ok(laidOut > 100, `both ways are common: ${laidOut} events were laid out`);
});

await t.test("an id, a key and a type that need escapes get them", async (t) => {
  const value = { ...sampleEvent(), event_id: 'o"w\\né', learner_id: 'a"\\é😀' };
  const source = sourceFromValue(value);
  const expected = admitEvent(source, EVENT_LIMITS, {
    ...around,
    makeEventId: () => t.fail("made") as never,
  });
  t.equal(recordOf(source), textOf(encodeRecord(expected.record)));
});

await t.test("a line of NDJSON is written as the same event of a batch is", async (t) => {
  const text = JSON.stringify({ ...sampleEvent(), event_id: "e" });
  const records = [readBatch(utf8(`{"events":[${text}]}`), limits), readLines(utf8(text), limits)].map(
    (reading) => {
      const source = reading.ok ? reading.events[0] : undefined;
      return source && recordOf(source);
    },
  );
  t.equal(records[0], records[1]);
  t.type(records[0], "string");
});
