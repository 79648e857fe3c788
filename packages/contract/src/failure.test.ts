import { create, toBinary } from "@bufbuild/protobuf";
import t from "tap";
import { admitEvent, type Arrival } from "./admit.js";
import { readLines, type SourceEvent } from "./batch.js";
import { EVENT_LIMITS, type EventLimits } from "./event-limits.js";
import { FAILURES, isEventFailureCode, type EventFailureCode } from "./failure.js";
import { EventSchema } from "./gen/event_collector/v1/event_collector_pb.js";
import { BadRequestSchema } from "./gen/google/rpc/error_details_pb.js";
import { sourceFromMessage } from "./message.js";
import { sampleEvent, utf8 } from "./testing/sample.js";

const CONNECT_HTTP: Record<string, readonly number[]> = {
  invalid_argument: [400, 413, 415, 422],
  unauthenticated: [401],
  permission_denied: [403],
  not_found: [404],
  unimplemented: [405, 415],
  deadline_exceeded: [408],
  resource_exhausted: [413, 429, 431],
  canceled: [499],
  internal: [500],
  unavailable: [503],
};

await t.test("each failure has one answer in every protocol, and the answers agree", async (t) => {
  for (const [code, failure] of Object.entries(FAILURES)) {
    t.match(code, /^[a-z]+(_[a-z]+)*$/);
    t.ok(
      CONNECT_HTTP[failure.connect]?.includes(failure.http),
      `${code}: ${failure.connect} and ${failure.http}`,
    );
    t.match(failure.title, /^[A-Z].*[^.]$/, code);
  }
});

await t.test("a status of 4xx says: do not send it again as it is", async (t) => {
  const exceptions = ["request_timeout", "rate_limited", "canceled"];
  for (const [code, { http, retryable }] of Object.entries(FAILURES)) {
    t.equal(retryable, http >= 500 || exceptions.includes(code), code);
  }
});

await t.test("a bad event is never worth sending again", async (t) => {
  for (const [code, failure] of Object.entries(FAILURES)) {
    if (isEventFailureCode(code)) t.notOk(failure.retryable, code);
  }
});

const arrival: Arrival = {
  makeEventId: () => "made",
  receivedAt: "2024-01-15T10:30:01.000Z",
  protocol: "rest",
};
const limits: EventLimits = { ...EVENT_LIMITS, eventBytesMax: 2000, keysMax: 5, depthMax: 3 };

const REACHED: Record<EventFailureCode, SourceEvent> = {
  missing_field: spoilt({ learner_id: "" }),
  invalid_type: spoilt({ learner_id: 5 }),
  too_long: spoilt({ learner_id: "x".repeat(257) }),
  invalid_text: spoilt({ learner_id: "tab\there" }),
  unknown_event_type: spoilt({ event_type: "lesson_burnt" }),
  invalid_timestamp: spoilt({ timestamp: "yesterday" }),
  invalid_number: sourceFromMessage(create(EventSchema, { eventData: { score: NaN } })),
  too_deep: spoilt({ event_data: { a: { b: { c: {} } } } }),
  too_many_keys: spoilt({ event_data: { a: 1, b: 2, c: 3, d: 4, e: 5, f: 6 } }),
  forbidden_key: spoilt({ event_data: JSON.parse('{"__proto__":1}') as unknown }),
  event_too_large: spoilt({ event_data: { text: "x".repeat(2000) } }),
  malformed_json: onlyLine("{"),
};

await t.test(
  "every code of an event is reached, and leaves a record for the dead-letter topic",
  async (t) => {
    for (const [code, source] of Object.entries(REACHED)) {
      const admission = admitEvent(source, limits, arrival);
      t.equal(admission.ok, false, code);
      if (admission.ok) continue;
      t.ok(
        admission.violations.some((violation) => violation.code === code),
        code,
      );
      t.equal(admission.record.violations, admission.violations);
      t.strictSame(admission.record.value, source.bytes);
    }
  },
);

await t.test("the longest list of reasons fits into the trailers of a gRPC error", async (t) => {
  const name = "é".repeat(50);
  const event_data = { [name]: Array.from({ length: 1000 }, () => "\ud800") };
  const fields = { learner_id: "", event_type: "?", timestamp: "?", session_id: "\t", event_data };
  const admission = admitEvent(spoilt(fields), EVENT_LIMITS, arrival);
  if (admission.ok) return t.fail("accepted");
  t.equal(admission.violations.length, EVENT_LIMITS.violationsMax);
  const fieldViolations = admission.violations.map(({ code, pointer, message }) => ({
    field: `events[99]${pointer}`,
    description: message,
    reason: code,
  }));
  const details = toBinary(BadRequestSchema, create(BadRequestSchema, { fieldViolations }));
  // In base64, and with half a kilobyte to spare for the status around it and the other trailers.
  t.ok((details.length * 4) / 3 < 7.5 * 1024, String(details.length));
  return undefined;
});

function spoilt(fields: object): SourceEvent {
  return onlyLine(JSON.stringify({ ...sampleEvent(), ...fields }));
}

function onlyLine(line: string): SourceEvent {
  const reading = readLines(utf8(line), { eventsMax: 1, bodyDepthMax: 128 });
  const source = reading.ok ? reading.events[0] : undefined;
  if (source === undefined) throw new Error("no event");
  return source;
}
