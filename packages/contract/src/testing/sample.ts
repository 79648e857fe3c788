// One good event for tests to spoil.
import type { LearnerEvent } from "../event.js";

export function sampleEvent(): LearnerEvent {
  return {
    learner_id: "learner123",
    course_id: "course456",
    lesson_id: "lesson789",
    event_type: "lesson_completed",
    event_data: { score: 95 },
    timestamp: "2024-01-15T10:30:00Z",
  };
}

/** The UTF-8 bytes of a text. */
export function utf8(text: string): Buffer {
  return Buffer.from(text, "utf8");
}

/** The text of UTF-8 bytes. */
export function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("utf8");
}
