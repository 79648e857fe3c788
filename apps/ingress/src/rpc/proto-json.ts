/**
 * Reads the events of a message in the JSON form of protobuf, where there is nothing unusual about it. The library does
 * the same by reflection, at many times the cost.
 *
 * **Invariant:** what is read here is what the library reads, and `sourceFromMessage` makes of that. Where it would have
 * to think (a member that comes twice, or under both of its names; a value of another kind; a number that JSON does not
 * have; a text that is no Unicode; `__proto__`; more levels than an event may have) this gives up, and the library is
 * asked. A property test holds both against each other.
 */
import { sourceFromValue } from "@event-collector/contract";
import type { JsonObject, SourceEvent } from "@event-collector/contract";
import { isUtf8 } from "node:buffer";

/** Deeper ones are the library's to read, and the check's to refuse. */
const LEVELS_MAX = 40;

interface Field {
  /** As it is stored. */
  readonly name: string;
  /** The other name that a sender may use; undefined where there is none. */
  readonly jsonName: string | undefined;
  readonly isStruct: boolean;
}

/** In the order in which they are stored. */
const FIELDS: readonly Field[] = [
  { name: "learner_id", jsonName: "learnerId", isStruct: false },
  { name: "course_id", jsonName: "courseId", isStruct: false },
  { name: "lesson_id", jsonName: "lessonId", isStruct: false },
  { name: "event_type", jsonName: "eventType", isStruct: false },
  { name: "event_data", jsonName: "eventData", isStruct: true },
  { name: "timestamp", jsonName: undefined, isStruct: false },
  { name: "session_id", jsonName: "sessionId", isStruct: false },
  { name: "metadata", jsonName: undefined, isStruct: true },
  { name: "event_id", jsonName: "eventId", isStruct: false },
];

/** The event of a message `Event`; undefined if the library must be asked. */
export function readJsonEvent(message: Buffer): SourceEvent | undefined {
  const value = parsePlain(message);
  return value && sourceOf(value);
}

/** The events of a message `CollectEventsRequest`; undefined if the library must be asked. */
export function readJsonBatch(message: Buffer): SourceEvent[] | undefined {
  const values = parsePlain(message)?.["events"];
  if (!Array.isArray(values)) return undefined;
  const events: SourceEvent[] = [];
  for (const value of values as unknown[]) {
    const event = isObject(value) ? sourceOf(value) : undefined;
    if (event === undefined) return undefined;
    events.push(event);
  }
  return events;
}

function sourceOf(object: JsonObject): SourceEvent | undefined {
  const event: JsonObject = {};
  for (const { name, jsonName, isStruct } of FIELDS) {
    const own = object[name];
    const other = jsonName === undefined ? undefined : object[jsonName];
    if (own !== undefined && other !== undefined) return undefined;
    const value = own ?? other ?? null;
    if (value === null) continue;
    if (isStruct ? !isObject(value) : typeof value !== "string") return undefined;
    // An empty text counts as an absent one.
    if (value !== "") event[name] = value;
  }
  return sourceFromValue(event);
}

/** The object that the bytes say, if it means to the library what it means to JSON.parse. */
function parsePlain(bytes: Buffer): JsonObject | undefined {
  const members = countColons(bytes);
  if (members === undefined || !isUtf8(bytes)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
  // JSON.parse keeps the last of members with the same name: fewer are there than were written.
  return isObject(value) && countMembers(value) === members ? value : undefined;
}

const QUOTE = 0x22;
const COLON = 0x3a;
const BACKSLASH = 0x5c;
const LETTER_U = 0x75;
const LETTER_D = 0x64;
/** What tells a capital from a small letter, and a bracket from a brace. */
const CASE_BIT = 0x20;
const OPEN = 0x7b;
const CLOSE = 0x7d;

/**
 * The colons outside of texts: as many as there are members. Undefined where the levels are too many, or a text holds
 * an escape that may be half a character. On bytes that are no JSON the answer means nothing, and comes soon.
 */
function countColons(bytes: Buffer): number | undefined {
  const { length } = bytes;
  let colons = 0;
  let levels = 0;
  for (let index = 0; index < length; index += 1) {
    const byte = bytes[index] ?? 0;
    if (byte === QUOTE) {
      for (index += 1; index < length && bytes[index] !== QUOTE; index += 1) {
        if (bytes[index] !== BACKSLASH) continue;
        index += 1;
        if (bytes[index] === LETTER_U && ((bytes[index + 1] ?? 0) | CASE_BIT) === LETTER_D) return undefined;
      }
    } else if (byte === COLON) {
      colons += 1;
    } else if ((byte | CASE_BIT) === OPEN) {
      levels += 1;
      if (levels > LEVELS_MAX) return undefined;
    } else if ((byte | CASE_BIT) === CLOSE) {
      levels -= 1;
    }
  }
  return colons;
}

/** The members of a value of bounded depth, at any level; NaN if one of them is unusual. */
function countMembers(value: unknown): number {
  if (typeof value === "number") return Number.isFinite(value) ? 0 : NaN;
  if (typeof value !== "object" || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const element of value as unknown[]) count += countMembers(element);
    return count;
  }
  for (const [name, member] of Object.entries(value)) {
    if (name === "__proto__") return NaN;
    count += 1 + countMembers(member);
  }
  return count;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
