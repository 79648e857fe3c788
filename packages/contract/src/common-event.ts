// The check of events that have nothing unusual about them, which are nearly all: written out by hand, it takes a
// fraction of the time that the schema takes.
//
// Invariant: it says yes exactly where the schema says yes, and then with the same event. Where it does not, the
// schema is asked, so every no, and its reasons, are the schema's. A property test holds both against each other.
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import type { LearnerEvent } from "./event.js";
import { TIMESTAMP_CHARACTERS_MAX, type EventLimits } from "./event-limits.js";
import { isJsonObject, type JsonObjectLimits } from "./json-object.js";
import { hasCharactersAtMost, isIdentifierText, isWellFormed } from "./text.js";
import { isTimestamp } from "./timestamp.js";

/** The event, or undefined if the schema must be asked. */
export function recognizeEvent(input: unknown, limits: EventLimits): LearnerEvent | undefined {
  if (!isJsonObject(input)) return undefined;
  const { learner_id, course_id, lesson_id, event_type, event_data, timestamp } = input;
  const ids = limits.idCharactersMax;
  if (!isRequiredText(learner_id, ids) || !isRequiredText(course_id, ids)) return undefined;
  if (!isRequiredText(lesson_id, ids) || !isRequiredText(event_type, limits.typeCharactersMax)) {
    return undefined;
  }
  if (!limits.eventTypes.has(event_type)) return undefined;
  if (!isRequiredText(timestamp, TIMESTAMP_CHARACTERS_MAX) || !isTimestamp(timestamp)) return undefined;
  if (!isSoundObject(event_data, limits)) return undefined;
  const event: LearnerEvent = { learner_id, course_id, lesson_id, event_type, event_data, timestamp };
  return addOptional(event, input, limits);
}

function addOptional(event: LearnerEvent, input: JsonObject, limits: EventLimits): LearnerEvent | undefined {
  const { session_id, metadata, event_id } = input;
  if (session_id !== undefined && session_id !== null) {
    if (!isText(session_id, limits.idCharactersMax)) return undefined;
    if (session_id !== "") event.session_id = session_id;
  }
  if (metadata !== undefined && metadata !== null) {
    if (!isSoundObject(metadata, limits)) return undefined;
    event.metadata = metadata;
  }
  if (event_id !== undefined && event_id !== null) {
    if (!isText(event_id, limits.idCharactersMax)) return undefined;
    if (event_id !== "") event.event_id = event_id;
  }
  return event;
}

function isRequiredText(value: JsonValue | undefined, charactersMax: number): value is string {
  return value !== "" && isText(value, charactersMax);
}

function isText(value: JsonValue | undefined, charactersMax: number): value is string {
  return typeof value === "string" && hasCharactersAtMost(value, charactersMax) && isIdentifierText(value);
}

function isSoundObject(value: JsonValue | undefined, limits: JsonObjectLimits): value is JsonObject {
  return isJsonObject(value) && keysLeft(value, limits.depthMax, limits.keysMax) >= 0;
}

/** How many more members there may be behind this value; negative if a rule is broken. Recurses `levels` deep. */
function keysLeft(container: JsonObject | JsonValue[], levels: number, keys: number): number {
  if (levels === 0) return -1;
  let left = keys;
  if (Array.isArray(container)) {
    for (const child of container) {
      left = keysLeftBehind(child, levels, left);
      if (left < 0) return left;
    }
    return left;
  }
  for (const name of Object.keys(container)) {
    if (name === "__proto__" || !isWellFormed(name)) return -1;
    left = keysLeftBehind(container[name], levels, left - 1);
    if (left < 0) return left;
  }
  return left;
}

function keysLeftBehind(child: JsonValue | undefined, levels: number, left: number): number {
  if (typeof child === "string") return isWellFormed(child) ? left : -1;
  return typeof child === "object" && child !== null ? keysLeft(child, levels - 1, left) : left;
}
