/** Events to send: valid ones, each with an id and a learner of its own. */
import { randomUUID } from "node:crypto";

export interface SampleEvent {
  event_id: string;
  learner_id: string;
  course_id: string;
  lesson_id: string;
  event_type: string;
  event_data: Record<string, unknown>;
  timestamp: string;
  session_id?: string;
  metadata?: Record<string, unknown>;
}

/** A valid event; `members` win. */
export function sampleEvent(members: Partial<SampleEvent> = {}): SampleEvent {
  const event_id = randomUUID();
  return {
    event_id,
    learner_id: `learner-${event_id.slice(0, 8)}`,
    course_id: "course456",
    lesson_id: "lesson789",
    event_type: "lesson_completed",
    event_data: { score: 95, answers: ["a", "b"], passed: true },
    timestamp: "2024-01-15T10:30:00Z",
    ...members,
  };
}
