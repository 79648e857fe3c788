// What each field of an event means, for people who read the description of the API. The schema of the event carries
// it, so that a field cannot be there without its meaning.
import type { LearnerEvent } from "./event.js";

/** Keywords of JSON Schema that say nothing about validity. */
export interface Documentation {
  readonly description: string;
  readonly examples: readonly unknown[];
}

export const EVENT_DOCUMENTATION: Readonly<Record<keyof LearnerEvent, Documentation>> = {
  learner_id: {
    description: "Who. Also the partition key: events of one learner keep their order.",
    examples: ["learner123"],
  },
  course_id: { description: "The course it happened in.", examples: ["course456"] },
  lesson_id: { description: "The lesson it happened in.", examples: ["lesson789"] },
  event_type: { description: "What happened.", examples: ["lesson_completed"] },
  event_data: {
    description:
      "What is particular to this event; may be empty, must be there. At most 32 levels deep and 1,000 members in " +
      "all. Its own bytes are what is published: a number of any size arrives as it was written.",
    examples: [{ score: 95 }],
  },
  timestamp: {
    description: "When it happened: RFC 3339 with a zone.",
    examples: ["2024-01-15T10:30:00Z", "2024-01-15T12:30:00.123+02:00"],
  },
  session_id: { description: "The session it belongs to.", examples: ["session123"] },
  metadata: {
    description:
      "About the client rather than about the learning: device, version of the app. The limits are those of " +
      "`event_data`.",
    examples: [{ device: "mobile", app_version: "1.0.0" }],
  },
  event_id: {
    description:
      "Names this event for good. Send one, and keep it when you send the event again, and consumers can drop the " +
      "second copy. If it is absent the service makes one (a UUIDv7), and a repeated send is another event.",
    examples: ["018d0a2b-7c3d-7e4f-8a5b-6c7d8e9f0a1b"],
  },
};
