import { EVENT_LIMITS, FAILURES } from "@event-collector/contract";
import type { EventFailureCode, SourceEvent } from "@event-collector/contract";
import { SPOOL_ERROR_CODES, SpoolError } from "@event-collector/spool";
import { pino } from "pino";
import t from "tap";
import { createIngest, refusalOf } from "./ingest.js";
import type { Batch, Ingest } from "./ingest.js";
import { createFakeWriter } from "./testing/fake-writer.js";
import type { FakeWriter } from "./testing/fake-writer.js";
import { sampleEvent } from "./testing/sample-event.js";

const NOW = Date.parse("2026-02-03T04:05:06.789Z");
const clock = { now: () => NOW, monotonic: () => 0 };

interface Fixture {
  ingest: Ingest;
  writer: FakeWriter;
  accepted: [string, number][];
  rejected: [string, EventFailureCode][];
}

function fixture(): Fixture {
  const writer = createFakeWriter();
  const accepted: [string, number][] = [];
  const rejected: [string, EventFailureCode][] = [];
  const observer = {
    refused: () => undefined,
    accepted: (protocol: string, events: number) => void accepted.push([protocol, events]),
    rejected: (protocol: string, reason: EventFailureCode) => void rejected.push([protocol, reason]),
  };
  const ingest = createIngest(writer, clock, pino({ level: "silent" }), observer, {
    eventsMax: 3,
    limits: EVENT_LIMITS,
  });
  return { ingest, writer, accepted, rejected };
}

function source(text: string): SourceEvent {
  return { bytes: Buffer.from(text), value: JSON.parse(text) };
}

function batch(...events: SourceEvent[]): Batch {
  return { events, protocol: "rest", requestId: "request" };
}

const good = source(JSON.stringify(sampleEvent()));
const bad = source(JSON.stringify(sampleEvent({ learner_id: "", event_id: "mine" })));

await t.test("an answer waits until the append has resolved", async (t) => {
  const { ingest, writer, accepted } = fixture();
  const release = writer.hold();
  let answered = false;
  const result = ingest(batch(good)).then((value) => {
    answered = true;
    return value;
  });
  await new Promise((resolve) => void setImmediate(resolve));
  t.equal(writer.appends.length, 1, "the append is under way");
  t.notOk(answered);
  t.same(accepted, [], "and nothing is counted as accepted");
  release();
  t.match(await result, { ok: true, receipt: { accepted: 1, rejected: 0 } });
  t.same(accepted, [["rest", 1]]);
});

await t.test("each event has its own outcome, and all records are one append", async (t) => {
  const { ingest, writer, accepted, rejected } = fixture();
  const result = await ingest(batch(good, bad, good));
  t.match(result, {
    ok: true,
    receipt: {
      batchId: /^batch_[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      receivedAt: "2026-02-03T04:05:06.789Z",
      accepted: 2,
      rejected: 1,
      outcomes: [
        { accepted: true, eventId: /^[0-9a-f-]{36}$/ },
        { accepted: false, eventId: "mine", violations: [{ code: "missing_field", pointer: "/learner_id" }] },
        { accepted: true },
      ],
    },
  });
  t.match(writer.appends, [
    [{ kind: "event" }, { kind: "rejected", eventId: "mine", protocol: "rest" }, { kind: "event" }],
  ]);
  t.same(accepted, [["rest", 2]]);
  t.same(rejected, [["rest", "missing_field"]]);
});

await t.test("the bytes of an accepted event are kept as they were spelt", async (t) => {
  const { ingest, writer } = fixture();
  const text = JSON.stringify(sampleEvent()).replace("95", "12345678901234567890").replace("{", "{ ");
  await ingest(batch(source(text)));
  const [[record] = []] = writer.appends;
  const value = Buffer.from(record?.value ?? []).toString();
  t.ok(value.startsWith(text.slice(0, -1)));
  t.match(JSON.parse(value), { event_id: /-/, received_at: "2026-02-03T04:05:06.789Z" });
});

await t.test("the client's event id is kept, else one is made", async (t) => {
  const { ingest } = fixture();
  const result = await ingest(batch(source(JSON.stringify(sampleEvent({ event_id: "mine" }))), good));
  if (!result.ok) throw new Error("refused");
  t.match(result.receipt.outcomes, [{ eventId: "mine" }, { eventId: /^[0-9a-f]{8}-[0-9a-f]{4}-7/ }]);
});

await t.test("trace context goes into the record", async (t) => {
  const { ingest, writer } = fixture();
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  await ingest({ ...batch(good), trace: { traceparent, tracestate: "a=1" } });
  t.match(writer.appends, [[{ traceparent, tracestate: "a=1" }]]);
});

await t.test("an empty or too large batch is refused and nothing of it stored", async (t) => {
  const { ingest, writer } = fixture();
  t.match(await ingest(batch()), { ok: false, refusal: { code: "empty_batch" } });
  t.match(await ingest(batch(good, good, good, good)), { ok: false, refusal: { code: "batch_too_large" } });
  t.same(writer.appends, []);
});

await t.test("a spool that refuses refuses the batch, and nothing is counted", async (t) => {
  const { ingest, writer, accepted, rejected } = fixture();
  writer.fail(new SpoolError("disk_full", "No space left at /secret/path."));
  const result = await ingest(batch(good, bad));
  t.match(result, { ok: false, refusal: { code: "spool_full" } });
  t.notMatch(JSON.stringify(result), /secret/, "the sender learns nothing of the disk");
  t.same([accepted, rejected], [[], []]);
});

await t.test("what is no error of the spool is a defect and not hidden", async (t) => {
  const { writer } = fixture();
  const ingest = createIngest(
    { ...writer, append: () => Promise.reject(new TypeError("defect")) },
    clock,
    pino({ level: "silent" }),
    { accepted: () => undefined, rejected: () => undefined, refused: () => undefined },
    { eventsMax: 3, limits: EVENT_LIMITS },
  );
  await t.rejects(ingest(batch(good)), TypeError);
});

await t.test("a spool that failed is never said to have stored nothing", async (t) => {
  for (const code of SPOOL_ERROR_CODES) {
    t.notMatch(refusalOf(code).message, /nothing/, code);
    t.match(refusalOf(code).message, /same event_id/, code);
  }
});

await t.test("every error of the spool is a setback that the sender may retry", async (t) => {
  for (const code of SPOOL_ERROR_CODES) {
    const failure = FAILURES[refusalOf(code).code];
    t.ok(failure.retryable, code);
    t.ok(failure.http >= 500, code);
  }
});
