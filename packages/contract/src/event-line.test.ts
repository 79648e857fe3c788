import assert from "node:assert/strict";
import * as fc from "fast-check";
import t from "tap";
import { admitEncoded, admitEvent, type Arrival } from "./admit.js";
import { readBatch, readLines, type SourceEvent } from "./batch.js";
import { EVENT_LIMITS } from "./event-limits.js";
import { encodeRecord } from "./record.js";
import { bodyText } from "./testing/body-text.js";
import { holds } from "./testing/property.js";
import { sampleEvent, textOf, utf8 } from "./testing/sample.js";

const limits = { eventsMax: 3, bodyDepthMax: 128 };

const arrival: fc.Arbitrary<Arrival> = fc.record(
  {
    makeEventId: fc.constantFrom(
      () => "made",
      () => 'm"é\\',
    ),
    receivedAt: fc.constant("2024-01-15T10:30:01.000Z"),
    protocol: fc.constant("rest"),
    traceparent: fc.constantFrom("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    tracestate: fc.constantFrom("a=b", 'quoted="x"'),
  },
  { requiredKeys: ["makeEventId", "receivedAt", "protocol"] },
);

await t.test("the record that is written in one go is the one that is made step by step", async (t) => {
  let laidOut = 0;
  holds(
    t,
    fc.property(bodyText, arrival, (text, given) => {
      const reading = readBatch(utf8(text), limits);
      const events: readonly SourceEvent[] = reading.ok ? reading.events : [];
      for (const source of events) {
        if (source.layout !== undefined) laidOut += 1;
        const stepwise = admitEvent(source, EVENT_LIMITS, given);
        const { payload, ...verdict } = admitEncoded(source, EVENT_LIMITS, given);
        const { record, ...expected } = stepwise;
        assert.deepStrictEqual(verdict, expected);
        assert.equal(textOf(payload), textOf(encodeRecord(record)));
      }
    }),
    3_000,
  );
  t.ok(laidOut > 100, `both ways are common: ${laidOut} events were laid out`);
});

await t.test("a line of NDJSON is written as the same event of a batch is", async (t) => {
  const text = JSON.stringify({ ...sampleEvent(), event_id: "e" });
  const given = { makeEventId: () => "made", receivedAt: "2024-01-15T10:30:01.000Z", protocol: "rest" };
  const payloads = [readBatch(utf8(`{"events":[${text}]}`), limits), readLines(utf8(text), limits)].map(
    (reading) => {
      const source = reading.ok ? reading.events[0] : undefined;
      return source && textOf(admitEncoded(source, EVENT_LIMITS, given).payload);
    },
  );
  t.equal(payloads[0], payloads[1]);
  t.type(payloads[0], "string");
});
