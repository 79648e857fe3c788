// A learner event: its fields, its limits, and the check that every event passes whatever protocol it came by.
//
// The valibot schema is the one source of truth; `common-event.ts` only says yes sooner. Its messages are failure codes; the texts for people are made
// from them at the end, so that no word of an event can slip into an answer or a log.
import type { JsonObject } from "@bufbuild/protobuf";
import * as v from "valibot";
import { recognizeEvent } from "./common-event.js";
import { EVENT_DOCUMENTATION, type Documentation } from "./event-documentation.js";
import { EVENT_LIMITS, TIMESTAMP_CHARACTERS_MAX, type EventLimits } from "./event-limits.js";
import { isEventFailureCode, type EventFailureCode, type Violation } from "./failure.js";
import { inspectJsonObject, isJsonObject } from "./json-object.js";
import { pointerTo } from "./pointer.js";
import { hasCharactersAtMost, isIdentifierText } from "./text.js";
import { isTimestamp } from "./timestamp.js";

/** What is known about an event that was accepted. An optional field that was null or empty is absent. */
export interface LearnerEvent {
  learner_id: string;
  course_id: string;
  lesson_id: string;
  event_type: string;
  event_data: JsonObject;
  timestamp: string;
  session_id?: string;
  metadata?: JsonObject;
  event_id?: string;
}

/** The names an event may carry, in the order in which they are documented. */
export const EVENT_FIELDS: readonly (keyof LearnerEvent)[] = [
  "learner_id",
  "course_id",
  "lesson_id",
  "event_type",
  "event_data",
  "timestamp",
  "session_id",
  "metadata",
  "event_id",
];

export type EventCheck =
  | { readonly ok: true; readonly event: LearnerEvent }
  | { readonly ok: false; readonly violations: Violation[] };

/** Says whether a parsed JSON value is an event; `bytes` is the size of its text, where there is one. */
export function checkEvent(input: unknown, limits: EventLimits = EVENT_LIMITS, bytes = 0): EventCheck {
  if (bytes > limits.eventBytesMax) {
    return { ok: false, violations: [violation("event_too_large", [], limits)] };
  }
  const event = recognizeEvent(input, limits);
  return event === undefined ? checkBySchema(input, limits) : { ok: true, event };
}

/** The judgement of the schema, from which all reasons come. */
export function checkBySchema(input: unknown, limits: EventLimits): EventCheck {
  const result = v.safeParse(eventSchema(limits), input, { abortPipeEarly: true });
  if (result.success) return { ok: true, event: learnerEvent(result.output) };
  const violations = result.issues
    .slice(0, limits.violationsMax)
    .map((issue) => violation(codeOf(issue.message), pathOf(issue.path), limits));
  return { ok: false, violations };
}

/** An event as the schema leaves it: its own fields only, with the optional ones perhaps null or empty. */
export interface SentEvent {
  learner_id: string;
  course_id: string;
  lesson_id: string;
  event_type: string;
  event_data: JsonObject;
  timestamp: string;
  session_id?: string | null | undefined;
  metadata?: JsonObject | null | undefined;
  event_id?: string | null | undefined;
}

const schemas = new WeakMap<EventLimits, v.GenericSchema<unknown, SentEvent>>();

/** The schema for these limits. The same limits give the same schema. */
export function eventSchema(limits: EventLimits): v.GenericSchema<unknown, SentEvent> {
  let schema = schemas.get(limits);
  if (schema === undefined) {
    schema = makeSchema(limits);
    schemas.set(limits, schema);
  }
  return schema;
}

function makeSchema(limits: EventLimits): v.GenericSchema<unknown, SentEvent> {
  const ids = limits.idCharactersMax;
  const fields = v.object(
    {
      learner_id: requiredText(ids, EVENT_DOCUMENTATION.learner_id),
      course_id: requiredText(ids, EVENT_DOCUMENTATION.course_id),
      lesson_id: requiredText(ids, EVENT_DOCUMENTATION.lesson_id),
      event_type: v.pipe(
        requiredText(limits.typeCharactersMax, EVENT_DOCUMENTATION.event_type),
        v.check((type) => limits.eventTypes.has(type), "unknown_event_type"),
        v.metadata({ enum: [...limits.eventTypes] }),
      ),
      event_data: jsonObject(limits, EVENT_DOCUMENTATION.event_data),
      timestamp: v.pipe(
        requiredText(TIMESTAMP_CHARACTERS_MAX, EVENT_DOCUMENTATION.timestamp),
        v.check(isTimestamp, "invalid_timestamp"),
        v.metadata({ format: "date-time" }),
      ),
      session_id: optionalText(ids, EVENT_DOCUMENTATION.session_id),
      metadata: v.nullish(jsonObject(limits, EVENT_DOCUMENTATION.metadata)),
      event_id: optionalText(ids, EVENT_DOCUMENTATION.event_id),
    },
    // The object is known to be one here: what is left to say is that a member is not there.
    "missing_field",
  );
  return v.pipe(v.custom<v.InferInput<typeof fields>>(isJsonObject, "invalid_type"), fields);
}

function requiredText(charactersMax: number, documentation: Documentation): v.GenericSchema<unknown, string> {
  return v.pipe(
    v.string(mistyped),
    v.nonEmpty("missing_field"),
    ...textRules(charactersMax),
    v.metadata({ ...textKeywords(charactersMax), ...documentation }),
  );
}

function optionalText(
  charactersMax: number,
  documentation: Documentation,
): v.GenericSchema<unknown, string | null | undefined> {
  const text = v.pipe(
    v.string(mistyped),
    ...textRules(charactersMax),
    v.metadata({ ...textKeywords(charactersMax), ...documentation }),
  );
  return v.nullish(text);
}

function textRules(charactersMax: number): [v.CheckAction<string, string>, v.CheckAction<string, string>] {
  return [
    v.check((text) => hasCharactersAtMost(text, charactersMax), "too_long"),
    v.check(isIdentifierText, "invalid_text"),
  ];
}

/** What the rules say, in the words of JSON Schema, which counts code points too. */
function textKeywords(charactersMax: number): { maxLength: number; pattern: string } {
  return { maxLength: charactersMax, pattern: "^[^\\u0000-\\u001f\\u007f-\\u009f]*$" };
}

function jsonObject(limits: EventLimits, documentation: Documentation): v.GenericSchema<unknown, JsonObject> {
  return v.pipe(
    v.custom<JsonObject>(isJsonObject, mistyped),
    v.rawCheck(({ dataset, addIssue }) => {
      if (!dataset.typed) return;
      let left = limits.violationsMax;
      inspectJsonObject(dataset.value, limits, (code, path) => {
        addIssue({ message: code, ...(path.length > 0 && { path: issuePath(path) }) });
        left -= 1;
        return left > 0;
      });
    }),
    v.metadata({ type: "object", ...documentation }),
  );
}

/** Where a text or an object must stand: null is as good as nothing, anything else is of the wrong type. */
function mistyped(issue: v.BaseIssue<unknown>): EventFailureCode {
  return issue.input === null || issue.input === undefined ? "missing_field" : "invalid_type";
}

function issuePath(path: readonly (string | number)[]): [v.UnknownPathItem, ...v.UnknownPathItem[]] {
  const [first = "", ...rest] = path;
  return [issuePathItem(first), ...rest.map(issuePathItem)];
}

function issuePathItem(key: string | number): v.UnknownPathItem {
  return { type: "unknown", origin: "value", input: undefined, key, value: undefined };
}

function pathOf(path: readonly v.IssuePathItem[] | undefined): (string | number)[] {
  return (path ?? []).map(({ key }) => (typeof key === "number" ? key : String(key)));
}

function learnerEvent(sent: SentEvent): LearnerEvent {
  const { learner_id, course_id, lesson_id, event_type, event_data, timestamp } = sent;
  const event: LearnerEvent = { learner_id, course_id, lesson_id, event_type, event_data, timestamp };
  if (sent.session_id) event.session_id = sent.session_id;
  if (sent.metadata) event.metadata = sent.metadata;
  if (sent.event_id) event.event_id = sent.event_id;
  return event;
}

/** A violation with its text for people. */
export function violation(
  code: EventFailureCode,
  path: readonly (string | number)[],
  limits: EventLimits,
): Violation {
  return { code, pointer: pointerTo(path), message: explain(code, path, limits) };
}

function explain(code: EventFailureCode, path: readonly (string | number)[], limits: EventLimits): string {
  const field = EVENT_FIELDS.find((name) => name === path[0]);
  const subject = field ?? "the event";
  switch (code) {
    case "missing_field":
      return `${subject} is required and must not be empty`;
    case "invalid_type":
      return `${subject} must be ${isObjectField(field) ? "an object" : "a string"}`;
    case "too_long":
      return `${subject} must have at most ${charactersMax(field, limits)} characters`;
    case "invalid_text":
      return isObjectField(field)
        ? `${subject} must not hold half of a surrogate pair`
        : `${subject} must not hold control characters or half of a surrogate pair`;
    case "unknown_event_type":
      return `event_type must be one of ${[...limits.eventTypes].join(", ")}`;
    case "invalid_timestamp":
      return `${subject} must be an RFC 3339 date and time with a zone, such as 2024-01-15T10:30:00Z`;
    case "invalid_number":
      return `${subject} must not hold NaN or an infinity`;
    case "too_deep":
      return `${subject} must have at most ${limits.depthMax} levels`;
    case "too_many_keys":
      return `${subject} must have at most ${limits.keysMax} members in all`;
    case "forbidden_key":
      return `${subject} must not have a member named __proto__`;
    case "event_too_large":
      return `the event must have at most ${limits.eventBytesMax} bytes as JSON`;
    case "malformed_json":
      return "the event is not JSON in UTF-8";
  }
}

/** The event as a whole, and two of its fields, are objects; all other fields are texts. */
function isObjectField(field: keyof LearnerEvent | undefined): boolean {
  return field === undefined || field === "event_data" || field === "metadata";
}

function charactersMax(field: keyof LearnerEvent | undefined, limits: EventLimits): number {
  if (field === "event_type") return limits.typeCharactersMax;
  return field === "timestamp" ? TIMESTAMP_CHARACTERS_MAX : limits.idCharactersMax;
}

function codeOf(message: string): EventFailureCode {
  if (!isEventFailureCode(message))
    throw new Error(`the event schema has a message that is no code: ${message}`);
  return message;
}
