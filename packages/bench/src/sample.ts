/** The events that are sent: one of a common shape, and others of a given size. */
import { create, toBinary } from "@bufbuild/protobuf";
import { CollectEventsRequestSchema, eventToMessage, EventSchema } from "@event-collector/contract";
import type { LearnerEvent } from "@event-collector/contract";

/** A learner event as a web client sends it, about 400 bytes of JSON. */
export const SAMPLE: LearnerEvent = {
  learner_id: "learner-0000123",
  course_id: "course-typescript-101",
  lesson_id: "lesson-generics-07",
  event_type: "lesson_completed",
  event_data: { score: 95, duration_seconds: 312.5, passed: true, attempt: 2, answers: ["a", "c", "d"] },
  timestamp: "2024-01-15T10:30:00.123Z",
  session_id: "0197a5f0-7c4e-7bb1-8f0e-2d1c5a6b7c8d",
  metadata: { device: "mobile", app_version: "3.4.1", locale: "en-GB" },
};

/** The sample with a text in its data that makes its JSON about so long. */
export function eventOfBytes(bytes: number): LearnerEvent {
  const { session_id: _session, metadata: _metadata, ...event } = SAMPLE;
  const least = { ...event, event_data: { text: "" } };
  const missing = Math.max(0, bytes - Buffer.byteLength(JSON.stringify(least)));
  return { ...least, event_data: { text: "lorem ipsum ".repeat(Math.ceil(missing / 12)).slice(0, missing) } };
}

/** The body of `POST /collect`. */
export function restBody(events: readonly LearnerEvent[]): Buffer {
  return Buffer.from(JSON.stringify({ events }));
}

export function repeated(event: LearnerEvent, count: number): LearnerEvent[] {
  return Array.from({ length: count }, () => event);
}

/** One event as a protobuf message. */
export function eventMessage(event: LearnerEvent): Uint8Array {
  return toBinary(EventSchema, eventToMessage(event));
}

/** The request of a batch as a protobuf message. */
export function batchMessage(events: readonly LearnerEvent[]): Uint8Array {
  return toBinary(
    CollectEventsRequestSchema,
    create(CollectEventsRequestSchema, { events: events.map(eventToMessage) }),
  );
}

/** The frame of gRPC and gRPC-Web around a message: not compressed, four bytes of length. */
export function grpcFrame(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(5 + message.byteLength);
  frame.writeUInt32BE(message.byteLength, 1);
  frame.set(message, 5);
  return frame;
}
