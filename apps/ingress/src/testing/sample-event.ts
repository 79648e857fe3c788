/** An event that every rule accepts, to be bent by tests. */
import type { JsonObject } from "@event-collector/contract";

export function sampleEvent(changes: JsonObject = {}): JsonObject {
  return {
    learner_id: "learner123",
    course_id: "course456",
    lesson_id: "lesson789",
    event_type: "lesson_completed",
    event_data: { score: 95 },
    timestamp: "2024-01-15T10:30:00Z",
    ...changes,
  };
}

/** The body of a batch of these events. */
export function sampleBatch(...events: JsonObject[]): string {
  return JSON.stringify({ events });
}
