// The event of the wire contract (protobuf) as the JSON object that REST would have brought, and back.
//
// In proto3 an absent string and an empty one are the same, so an empty one is left out here: the check then
// answers what it answers to a JSON object without that member. A member named `__proto__` in a Struct never gets
// here: the decoder drops it, where REST refuses it.
import { create, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { EventSchema, type Event } from "./gen/event_collector/v1/event_collector_pb.js";
import type { SourceEvent } from "./batch.js";
import type { LearnerEvent } from "./event.js";

/** The event as a JSON object; its members are in the order of the documentation. */
export function eventFromMessage(message: Event): JsonObject {
  const event: JsonObject = {};
  if (message.learnerId) event["learner_id"] = message.learnerId;
  if (message.courseId) event["course_id"] = message.courseId;
  if (message.lessonId) event["lesson_id"] = message.lessonId;
  if (message.eventType) event["event_type"] = message.eventType;
  if (message.eventData) event["event_data"] = message.eventData;
  if (message.timestamp) event["timestamp"] = message.timestamp;
  if (message.sessionId) event["session_id"] = message.sessionId;
  if (message.metadata) event["metadata"] = message.metadata;
  if (message.eventId) event["event_id"] = message.eventId;
  return event;
}

/** The message of an event, as a client would send it. */
export function eventToMessage(event: LearnerEvent): Event {
  return create(EventSchema, {
    learnerId: event.learner_id,
    courseId: event.course_id,
    lessonId: event.lesson_id,
    eventType: event.event_type,
    eventData: event.event_data,
    timestamp: event.timestamp,
    ...(event.session_id !== undefined && { sessionId: event.session_id }),
    ...(event.metadata !== undefined && { metadata: event.metadata }),
    ...(event.event_id !== undefined && { eventId: event.event_id }),
  });
}

/** The event with the bytes that stand for it: JSON as REST would have brought it. */
export function sourceFromMessage(message: Event): SourceEvent {
  const value = eventFromMessage(message);
  const path = findNonFinite(value);
  if (path === undefined) return sourceFromValue(value);
  return {
    value,
    bytes: Buffer.from(JSON.stringify(value, spellNonFinite)),
    findings: [{ code: "invalid_number", path }],
  };
}

/** `value` has known members only, and no number that JSON does not have. */
export function sourceFromValue(value: JsonObject): SourceEvent {
  return laidOut(value, Buffer.from(JSON.stringify(value)));
}

/** `bytes` are what JSON.stringify writes of such a value. */
export function sourceFromText(bytes: Buffer): SourceEvent {
  return laidOut(JSON.parse(bytes.toString("utf8")) as JsonObject, bytes);
}

function laidOut(value: JsonObject, bytes: Uint8Array): SourceEvent {
  const hasId = value["event_id"] !== undefined;
  const layout = { close: bytes.length - 1, isEmpty: bytes.length === 2, hasId, isOneLine: true };
  return { value, bytes, layout };
}

/**
 * The path to the first number of a Struct that JSON does not have. JSON.stringify would make null of it, and
 * the event would say something else than its sender did. Recursion is safe: the decoders of protobuf-es stop at
 * a depth of a hundred, for the binary form and for the JSON form.
 */
function findNonFinite(value: JsonValue): (string | number)[] | undefined {
  if (typeof value === "number") return Number.isFinite(value) ? undefined : [];
  if (typeof value !== "object" || value === null) return undefined;
  const children: Iterable<[string | number, JsonValue]> = Array.isArray(value)
    ? value.entries()
    : Object.entries(value);
  for (const [step, child] of children) {
    const path = findNonFinite(child);
    if (path !== undefined) return [step, ...path];
  }
  return undefined;
}

/** As the JSON form of protobuf has them, for the dead-letter topic: "NaN", "Infinity", "-Infinity". */
function spellNonFinite(_name: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}
