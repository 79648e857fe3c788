/**
 * The events that the load sends. An event follows from its id alone, so that whoever finds an id anywhere knows
 * what must stand beside it, byte for byte as JSON says it.
 *
 * Invariant: the ids of one sender count up, and so does the order in which it sends: one event after the answer
 * to the one before.
 */
import type { JsonObject } from "@event-collector/contract";
import { checksum } from "./checksum.js";

export interface IssuedEvent {
  readonly id: string;
  /** Whether the service must accept it; one in `INVALID_ONE_IN` breaks a rule. */
  readonly valid: boolean;
  readonly json: IssuedJson;
}

/** The event as REST takes it. */
export interface IssuedJson {
  learner_id: string;
  course_id: string;
  lesson_id: string;
  event_type: string;
  event_data: JsonObject;
  timestamp: string;
  event_id: string;
}

const INVALID_ONE_IN = 31;

/** Most events are small; one in so many is larger than a page, and thus than a write that may be torn. */
const LARGE_ONE_IN = 53;
const SMALL_BYTES = 300;
const LARGE_BYTES = 20_000;

/** `<sender>.<number>`, with a sender's name that holds no dot. */
export function eventId(sender: string, number: number): string {
  return `${sender}.${number}`;
}

/** Sender and number of an id. */
export function splitEventId(id: string): { sender: string; number: number } {
  const dot = id.lastIndexOf(".");
  return { sender: id.slice(0, dot), number: Number(id.slice(dot + 1)) };
}

/** The event of an id. */
export function issuedEvent(id: string): IssuedEvent {
  const { sender, number } = splitEventId(id);
  const hash = checksum(Buffer.from(id));
  const valid = hash % INVALID_ONE_IN !== 0;
  const fillerBytes = hash % LARGE_ONE_IN === 0 ? LARGE_BYTES : hash % SMALL_BYTES;
  const json: IssuedJson = {
    learner_id: sender,
    course_id: `course-${hash % 7}`,
    lesson_id: `lesson-${hash % 101}`,
    event_type: valid ? "progress_updated" : "no_such_type",
    event_data: {
      number,
      share: hash / 2 ** 32,
      text: 'line\nfeed, "quotes", ünïcode',
      filler: "x".repeat(fillerBytes),
    },
    timestamp: new Date(1_700_000_000_000 + number).toISOString(),
    event_id: id,
  };
  return { id, valid, json };
}
