import t from "tap";
import type { JsonValue } from "@bufbuild/protobuf";
import { checkEvent } from "./event.js";
import { EVENT_LIMITS, EVENT_TYPES, type EventLimits } from "./event-limits.js";
import { sampleEvent } from "./testing/sample.js";

await t.test("takes an event with the required fields alone", async (t) => {
  t.same(checkEvent(sampleEvent()), { ok: true, event: sampleEvent() });
});

await t.test("takes every event type of the specification", async (t) => {
  t.equal(EVENT_TYPES.length, 8);
  for (const event_type of EVENT_TYPES) t.ok(checkEvent({ ...sampleEvent(), event_type }).ok, event_type);
});

await t.test("takes an event type that the operator has added", async (t) => {
  const event = { ...sampleEvent(), event_type: "badge_earned" };
  t.match(refused(event), [["unknown_event_type", "/event_type"]]);
  const limits = { ...EVENT_LIMITS, eventTypes: new Set([...EVENT_TYPES, "badge_earned"]) };
  t.ok(checkEvent(event, limits).ok);
});

await t.test("an optional field that is null or empty counts as absent", async (t) => {
  const event = { ...sampleEvent(), session_id: null, metadata: null, event_id: "" };
  t.same(checkEvent(event), { ok: true, event: sampleEvent() });
});

await t.test("keeps the optional fields, and drops what it does not know", async (t) => {
  const optional = { session_id: "s", metadata: { device: "mobile" }, event_id: "e" };
  const check = checkEvent({ ...sampleEvent(), ...optional, received_at: "x", more: 1 });
  t.same(check, { ok: true, event: { ...sampleEvent(), ...optional } });
});

const limits: EventLimits = {
  ...EVENT_LIMITS,
  idCharactersMax: 4,
  depthMax: 3,
  keysMax: 4,
  violationsMax: 3,
};
const short = { learner_id: "l", course_id: "c", lesson_id: "l" };
const PROTO = JSON.parse('{"__proto__":{"admin":true}}') as JsonValue;

const REFUSED: [string, Record<string, unknown>, [string, string][]][] = [
  ["an absent identifier", { learner_id: undefined }, [["missing_field", "/learner_id"]]],
  ["an empty identifier", { course_id: "" }, [["missing_field", "/course_id"]]],
  ["a null identifier", { lesson_id: null }, [["missing_field", "/lesson_id"]]],
  ["a numeric identifier", { learner_id: 7 }, [["invalid_type", "/learner_id"]]],
  ["a long identifier", { learner_id: "12345" }, [["too_long", "/learner_id"]]],
  ["a long identifier of astral characters", { learner_id: "😀😀😀😀😀" }, [["too_long", "/learner_id"]]],
  ["a line break in an identifier", { learner_id: "a\nb" }, [["invalid_text", "/learner_id"]]],
  ["NUL in an identifier", { learner_id: "a\0b" }, [["invalid_text", "/learner_id"]]],
  ["DEL in an identifier", { session_id: "a\x7f" }, [["invalid_text", "/session_id"]]],
  ["a C1 control in an identifier", { event_id: "a\x85" }, [["invalid_text", "/event_id"]]],
  ["half a pair in an identifier", { learner_id: "a\ud800" }, [["invalid_text", "/learner_id"]]],
  ["an absent type", { event_type: undefined }, [["missing_field", "/event_type"]]],
  ["a type of other case", { event_type: "Lesson_Started" }, [["unknown_event_type", "/event_type"]]],
  ["an endless type", { event_type: "x".repeat(65) }, [["too_long", "/event_type"]]],
  ["absent data", { event_data: undefined }, [["missing_field", "/event_data"]]],
  ["null data", { event_data: null }, [["missing_field", "/event_data"]]],
  ["an array as data", { event_data: [] }, [["invalid_type", "/event_data"]]],
  ["a text as data", { event_data: "{}" }, [["invalid_type", "/event_data"]]],
  ["an absent timestamp", { timestamp: undefined }, [["missing_field", "/timestamp"]]],
  ["a number as timestamp", { timestamp: 1705314600 }, [["invalid_type", "/timestamp"]]],
  ["a timestamp without zone", { timestamp: "2024-01-15T10:30:00" }, [["invalid_timestamp", "/timestamp"]]],
  [
    "an endless fraction",
    { timestamp: `2024-01-15T10:30:00.${"0".repeat(60)}Z` },
    [["too_long", "/timestamp"]],
  ],
  ["a number as session", { session_id: 5 }, [["invalid_type", "/session_id"]]],
  ["an array as metadata", { metadata: [] }, [["invalid_type", "/metadata"]]],
  ["a number as event id", { event_id: 5 }, [["invalid_type", "/event_id"]]],
  [
    "an object one level too deep",
    { event_data: { a: { b: { c: {} } } } },
    [["too_deep", "/event_data/a/b/c"]],
  ],
  ["an array one level too deep", { event_data: { a: [0, [[]]] } }, [["too_deep", "/event_data/a/1/0"]]],
  [
    "one member too many",
    { event_data: { a: { b: 1, c: 2 }, d: 3, e: 4 } },
    [["too_many_keys", "/event_data"]],
  ],
  ["half a pair in a text", { event_data: { a: ["ok", "\udc00"] } }, [["invalid_text", "/event_data/a/1"]]],
  ["half a pair in a name", { metadata: { "\ud83d": 1 } }, [["invalid_text", "/metadata/\ud83d"]]],
  ["a member __proto__", { event_data: PROTO }, [["forbidden_key", "/event_data/__proto__"]]],
  [
    "a member __proto__ further down",
    { metadata: { a: PROTO } },
    [["forbidden_key", "/metadata/a/__proto__"]],
  ],
  [
    "names with / and ~",
    { event_data: { "a/b": { "~c": "\ud800" } } },
    [["invalid_text", "/event_data/a~1b/~0c"]],
  ],
];

await t.test("refuses, with a code and a pointer,", async (t) => {
  for (const [name, fields, expected] of REFUSED) {
    const event = JSON.parse(JSON.stringify({ ...sampleEvent(), ...short, ...fields })) as unknown;
    t.same(refused(event, limits), expected, name);
    t.same(refused({ ...sampleEvent(), ...short, ...fields }, limits), expected, `${name}, not from JSON`);
  }
});

await t.test("refuses what is no object at all", async (t) => {
  for (const input of [null, undefined, 5, "event", true, [], [sampleEvent()]]) {
    t.same(refused(input), [["invalid_type", ""]], JSON.stringify(input));
  }
});

await t.test("allows at the limit what it refuses beyond it", async (t) => {
  const event = {
    ...sampleEvent(),
    ...short,
    learner_id: "😀😀😀😀",
    event_data: { a: [[1]], b: 2, c: 3, d: "\n\0" },
  };
  t.same(checkEvent(event, limits), { ok: true, event });
});

await t.test("reports several violations in the order of the fields, and not more than it may", async (t) => {
  const event = {
    ...sampleEvent(),
    ...short,
    learner_id: "",
    lesson_id: 5,
    event_data: undefined,
    timestamp: "",
  };
  const expected = [
    ["missing_field", "/learner_id"],
    ["invalid_type", "/lesson_id"],
    ["missing_field", "/event_data"],
  ];
  t.same(refused(event, limits), expected);
  t.equal(refused({ ...sampleEvent(), event_data: { a: Array(10_000).fill("\ud800") } }).length, 20);
});

await t.test("judges the size of the text before anything else", async (t) => {
  t.ok(checkEvent(sampleEvent(), EVENT_LIMITS, EVENT_LIMITS.eventBytesMax).ok);
  const check = checkEvent({}, EVENT_LIMITS, EVENT_LIMITS.eventBytesMax + 1);
  t.match(check, { ok: false, violations: [{ code: "event_too_large", pointer: "" }] });
});

await t.test("is not overcome by a depth of 500,000", async (t) => {
  for (const [open, close] of [
    ["[", "]"],
    ['{"a":', "}"],
  ] as const) {
    const deep = JSON.parse(`{"a":${open.repeat(500_000)}0${close.repeat(500_000)}}`) as JsonValue;
    t.match(refused({ ...sampleEvent(), event_data: deep }), [["too_deep", /^\/event_data\/a/]]);
    t.same(refused({ ...sampleEvent(), learner_id: deep }), [["invalid_type", "/learner_id"]]);
  }
});

await t.test("a pointer that would be endless stops at the deepest ancestor that fits", async (t) => {
  const event_data = { a: { ["x".repeat(10_000)]: "\ud800" } };
  t.same(refused({ ...sampleEvent(), event_data }), [["invalid_text", "/event_data/a"]]);
});

await t.test("a member __proto__ neither supplies a field nor changes an object", async (t) => {
  const event = JSON.parse(`{"__proto__":${JSON.stringify(sampleEvent())}}`) as unknown;
  t.equal(refused(event).length, 6);
  const check = checkEvent(
    JSON.parse(`{"__proto__":{"admin":true},${JSON.stringify(sampleEvent()).slice(1)}`),
  );
  t.same(check, { ok: true, event: sampleEvent() });
  t.equal((Object.prototype as { admin?: boolean }).admin, undefined);
});

await t.test("a message names the limit and quotes nothing of the event", async (t) => {
  const check = checkEvent({ ...sampleEvent(), learner_id: "secret".repeat(100), event_type: "secret" });
  if (check.ok) return t.fail("accepted");
  t.same(
    check.violations.map(({ message }) => message),
    ["learner_id must have at most 256 characters", `event_type must be one of ${EVENT_TYPES.join(", ")}`],
  );
  return undefined;
});

function refused(event: unknown, limits: EventLimits = EVENT_LIMITS): [string, string][] {
  const check = checkEvent(event, limits);
  return check.ok ? [] : check.violations.map(({ code, pointer }) => [code, pointer]);
}
