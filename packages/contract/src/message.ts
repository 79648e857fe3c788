// The event of the wire contract (protobuf) as the JSON object that REST would have brought, and back.
//
// In proto3 an absent string and an empty one are the same, so an empty one is left out here: the check then
// answers what it answers to a JSON object without that member.
import { create, type JsonObject } from "@bufbuild/protobuf";
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
  return { value, bytes: Buffer.from(JSON.stringify(value)) };
}
