import t from "tap";
import { admitEvent, type Arrival } from "./admit.js";
import { EVENT_LIMITS } from "./event-limits.js";
import { readLines, type SourceEvent } from "./batch.js";
import { decodeRecord, encodeRecord } from "./record.js";
import { sampleEvent, textOf, utf8 } from "./testing/sample.js";

const arrival: Arrival = {
  makeEventId: () => "made",
  receivedAt: "2024-01-15T10:30:01.000Z",
  protocol: "rest",
};

await t.test(
  "an accepted event becomes a record with its key, its type and the trace of its request",
  async (t) => {
    const trace = {
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      tracestate: "a=b",
    };
    const admission = admitEvent(line(JSON.stringify(sampleEvent())), EVENT_LIMITS, { ...arrival, ...trace });
    t.match(admission, { ok: true, eventId: "made" });
    const expected = {
      kind: "event",
      eventId: "made",
      receivedAt: arrival.receivedAt,
      key: "learner123",
      ...trace,
    };
    t.match(admission.record, { ...expected, eventType: "lesson_completed" });
    const published = { ...sampleEvent(), event_id: "made", received_at: arrival.receivedAt };
    t.strictSame(JSON.parse(textOf(decodeRecord(encodeRecord(admission.record)).value)), published);
  },
);

await t.test("an event with an id of its own keeps it, and no other is made", async (t) => {
  const source = line(JSON.stringify({ ...sampleEvent(), event_id: "own" }));
  const makeEventId = (): string => t.fail("an id was made") as never;
  const admission = admitEvent(source, EVENT_LIMITS, { ...arrival, makeEventId });
  t.match(admission, { ok: true, eventId: "own" });
  t.match(JSON.parse(textOf(admission.record.value)), { event_id: "own" });
});

await t.test("a rejected event keeps its bytes, its reasons, and the ids that can be read", async (t) => {
  const source = line('{"learner_id":"l","event_id":"e","n":12345678901234567890}\r');
  const admission = admitEvent(source, EVENT_LIMITS, arrival);
  t.match(admission, { ok: false, eventId: "e", record: { kind: "rejected", eventId: "e", key: "l" } });
  t.match(admission.record, { protocol: "rest", encoding: "json", receivedAt: arrival.receivedAt });
  t.equal(textOf(admission.record.value), textOf(source.bytes));
});

await t.test("an id that is unfit for a log or a key is not repeated", async (t) => {
  for (const id of ["", "a\nb", "\ud800", "x".repeat(257), 5, null]) {
    const admission = admitEvent(
      line(JSON.stringify({ learner_id: id, event_id: id })),
      EVENT_LIMITS,
      arrival,
    );
    t.notHas(admission, { eventId: String(id) });
    t.strictSame(
      Object.keys(admission.record).filter((name) => name === "eventId" || name === "key"),
      [],
    );
  }
});

await t.test("what is not JSON is kept byte for byte", async (t) => {
  const source = line('{"learner_id":');
  const admission = admitEvent(source, EVENT_LIMITS, arrival);
  t.match(admission, { ok: false, violations: [{ code: "malformed_json" }], record: { encoding: "base64" } });
  t.strictSame(Buffer.from(decodeRecord(encodeRecord(admission.record)).value), Buffer.from(source.bytes));
});

await t.test("an event that is too deep to be looked at is kept in base64", async (t) => {
  const deep = `{"event_data":${'{"a":'.repeat(500_000)}0${"}".repeat(500_000)}}`;
  const admission = admitEvent(line(deep), EVENT_LIMITS, arrival);
  t.match(admission, { ok: false, violations: [{ code: "too_deep" }], record: { encoding: "base64" } });
});

function line(text: string): SourceEvent {
  const reading = readLines(utf8(text), { eventsMax: 1, bodyDepthMax: 128 });
  const source = reading.ok ? reading.events[0] : undefined;
  if (source === undefined) throw new Error("no event");
  return source;
}
