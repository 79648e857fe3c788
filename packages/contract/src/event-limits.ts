// The limits of an event, each with the reason for its default.

/** The event types of the specification; an operator may add more. */
export const EVENT_TYPES: readonly string[] = [
  "lesson_started",
  "lesson_completed",
  "lesson_paused",
  "lesson_resumed",
  "assessment_started",
  "assessment_completed",
  "assessment_submitted",
  "progress_updated",
];

export interface EventLimits {
  /** Characters of `learner_id`, `course_id`, `lesson_id`, `session_id` and `event_id`, each. */
  readonly idCharactersMax: number;
  /** Characters of `event_type`. */
  readonly typeCharactersMax: number;
  /** Bytes of the event's JSON as it was sent. */
  readonly eventBytesMax: number;
  /** Levels of `event_data` and of `metadata`, each; the object itself is the first. */
  readonly depthMax: number;
  /** Members of all objects in `event_data`, and in `metadata`, each. */
  readonly keysMax: number;
  /** The event types that are accepted. */
  readonly eventTypes: ReadonlySet<string>;
  /** How many violations of one event are reported. */
  readonly violationsMax: number;
}

/** Room for a UUID, a URN, and the longest e-mail address (254); small enough for a Kafka key and a header. */
export const ID_CHARACTERS_MAX = 256;

/** Twice the longest name in sight; it also becomes a label and a header. */
export const TYPE_CHARACTERS_MAX = 64;

/** A quarter of the 1 MiB a broker takes by default, so that a dead letter with its reasons, in base64, fits. */
export const EVENT_BYTES_MAX: number = 256 * 1024;

/** What a protobuf Struct can carry: a level costs three messages, and decoders stop at a hundred. */
export const DEPTH_MAX = 32;

/** Bounds what consumers index and make columns of; what needs more members is a document rather than an event. */
export const KEYS_MAX = 1000;

/** An error with twenty reasons, each with its pointer, fits into the 8 KiB that gRPC clients allow for trailers. */
export const VIOLATIONS_MAX = 20;

/** RFC 3339 needs 25 characters; the rest is for the digits of a fraction that nobody needs. */
export const TIMESTAMP_CHARACTERS_MAX = 64;

export const EVENT_LIMITS: EventLimits = Object.freeze({
  idCharactersMax: ID_CHARACTERS_MAX,
  typeCharactersMax: TYPE_CHARACTERS_MAX,
  eventBytesMax: EVENT_BYTES_MAX,
  depthMax: DEPTH_MAX,
  keysMax: KEYS_MAX,
  eventTypes: new Set(EVENT_TYPES),
  violationsMax: VIOLATIONS_MAX,
});
