import assert from "node:assert/strict";
import * as fc from "fast-check";
import t from "tap";
import { admitBatch, spellId, type IdSeries } from "./admit-batch.js";
import { admitEvent } from "./admit.js";
import { readBatch } from "./batch.js";
import { EVENT_LIMITS } from "./event-limits.js";
import { encodeRecord } from "./record.js";
import { holds } from "./testing/property.js";
import { sampleEvent, textOf, utf8 } from "./testing/sample.js";

const BODY = utf8(
  JSON.stringify({ events: [sampleEvent(), { ...sampleEvent(), event_id: "own" }, sampleEvent()] }),
);

const batch = fc.record({
  receivedAt: fc.constantFrom(
    "2024-01-15T10:30:01.000Z",
    "2024-01-15T10:30:01.001Z",
    "+012024-01-15T10:30:01.000Z",
  ),
  prefix: fc.constantFrom("0190b2a4-0000-7000-8000-0000", "0190b2a4-0001-7000-8000-abcd", "short-"),
  first: fc.integer({ min: 0, max: 0xffff_fff0 }),
});

function series(prefix: string, first: number): IdSeries {
  let number = first;
  return { prefix, next: () => number++ };
}

await t.test("what records have in common is that of their own batch, whichever came before", async (t) => {
  const reading = readBatch(BODY, { eventsMax: 10, bodyDepthMax: 10 });
  const events = reading.ok ? reading.events : [];
  t.equal(events.length, 3);
  holds(
    t,
    fc.property(fc.array(batch), (batches) => {
      for (const { receivedAt, prefix, first } of batches) {
        const arrival = { receivedAt, protocol: "rest" };
        const { records } = admitBatch(events, EVENT_LIMITS, { ...arrival, ids: series(prefix, first) });
        const ids = series(prefix, first);
        const expected = events.map((event) =>
          encodeRecord(
            admitEvent(event, EVENT_LIMITS, { ...arrival, makeEventId: () => spellId(ids, ids.next()) })
              .record,
          ),
        );
        assert.equal(
          textOf(records.bytes.subarray(0, records.ends.at(-1))),
          expected.map((record) => textOf(record)).join(""),
        );
      }
    }),
  );
});
