// Everything that can be refused, in one closed table: a stable code, and how each protocol says it.
//
// Invariants: a code never changes its meaning; `retryable` is true exactly if the same bytes sent again later
// may succeed; an event-level code is never retryable. Nothing else in the project maps a failure to a status.

/** The names of the Connect (and gRPC) status codes that are used here. */
export type ConnectCodeName =
  | "canceled"
  | "deadline_exceeded"
  | "internal"
  | "invalid_argument"
  | "not_found"
  | "permission_denied"
  | "resource_exhausted"
  | "unauthenticated"
  | "unavailable"
  | "unimplemented";

/** What one event can do wrong. Its neighbours in the batch are not touched by it. */
export type EventFailureCode =
  // The member is absent, null or an empty string. It is one code for all three because proto3 cannot tell an
  // absent string from an empty one, and an event gets the same answer over gRPC and REST.
  | "missing_field"
  | "invalid_type"
  | "too_long"
  // A control character where an identifier stands, or half of a surrogate pair anywhere.
  | "invalid_text"
  | "unknown_event_type"
  | "invalid_timestamp"
  // NaN or an infinity in a protobuf Struct: JSON has no such numbers.
  | "invalid_number"
  | "too_deep"
  | "too_many_keys"
  | "forbidden_key"
  | "event_too_large"
  // A line of NDJSON, or with 400 a whole body, that is not JSON in UTF-8.
  | "malformed_json";

/** What a whole request can do wrong, or what can go wrong with it: no event of it was stored. */
export type RequestFailureCode =
  | "malformed_compression"
  | "malformed_request"
  | "body_too_deep"
  | "invalid_batch"
  | "empty_batch"
  | "batch_too_large"
  | "body_too_large"
  | "headers_too_large"
  | "unsupported_media_type"
  | "unsupported_encoding"
  | "unauthenticated"
  | "permission_denied"
  | "origin_forbidden"
  | "not_found"
  | "method_not_allowed"
  | "request_timeout"
  | "rate_limited"
  | "canceled"
  | "internal"
  | "overloaded"
  | "spool_full"
  | "spool_unavailable"
  | "draining"
  | "not_ready";

export type FailureCode = EventFailureCode | RequestFailureCode;

export interface Failure {
  readonly connect: ConnectCodeName;
  readonly http: number;
  readonly retryable: boolean;
  /** A short phrase for people that is the same each time: the `title` of a problem document. */
  readonly title: string;
}

export const FAILURES: Readonly<Record<FailureCode, Failure>> = {
  missing_field: invalid("A required field is missing or empty"),
  invalid_type: invalid("A field has the wrong type"),
  too_long: invalid("A field is too long"),
  invalid_text: invalid("A text holds characters that are not allowed"),
  unknown_event_type: invalid("The event type is not known"),
  invalid_timestamp: invalid("The timestamp is not an RFC 3339 date and time with a zone"),
  invalid_number: invalid("A number is not finite"),
  too_deep: invalid("The event is nested too deeply"),
  too_many_keys: invalid("The event has too many members"),
  forbidden_key: invalid("The name of a member is not allowed"),
  event_too_large: invalid("The event is too large"),

  malformed_json: refusal("invalid_argument", 400, "The body is not JSON in UTF-8"),
  malformed_compression: refusal("invalid_argument", 400, "The compressed body cannot be decoded"),
  malformed_request: refusal("invalid_argument", 400, "The request is malformed"),
  body_too_deep: refusal("invalid_argument", 400, "The body is nested too deeply"),
  invalid_batch: refusal("invalid_argument", 422, "The body is not a batch of events"),
  empty_batch: refusal("invalid_argument", 422, "The batch holds no event"),
  batch_too_large: refusal("invalid_argument", 413, "The batch holds too many events"),
  // gRPC libraries answer a message over their limit with resource_exhausted by themselves.
  body_too_large: refusal("resource_exhausted", 413, "The body is too large"),
  headers_too_large: refusal("resource_exhausted", 431, "The head of the request is too large"),
  unsupported_media_type: refusal("invalid_argument", 415, "The media type is not supported"),
  unsupported_encoding: refusal("unimplemented", 415, "The content encoding is not supported"),
  unauthenticated: refusal("unauthenticated", 401, "The API key is missing or not known"),
  permission_denied: refusal("permission_denied", 403, "The API key does not allow this"),
  origin_forbidden: refusal("permission_denied", 403, "The origin is not allowed"),
  not_found: refusal("not_found", 404, "There is nothing at this path"),
  method_not_allowed: refusal("unimplemented", 405, "The method is not allowed at this path"),

  request_timeout: setback("deadline_exceeded", 408, "The request took too long to arrive"),
  rate_limited: setback("resource_exhausted", 429, "Too many requests"),
  canceled: setback("canceled", 499, "The caller gave up"),
  internal: setback("internal", 500, "The service failed"),
  overloaded: setback("unavailable", 503, "The service is busy"),
  spool_full: setback("unavailable", 503, "The spool is full"),
  spool_unavailable: setback("unavailable", 503, "The spool cannot be written"),
  draining: setback("unavailable", 503, "The service is shutting down"),
  not_ready: setback("unavailable", 503, "The service is not ready"),
};

/** One reason why one event is refused. */
export interface Violation {
  readonly code: EventFailureCode;
  /** Where in the event, as an RFC 6901 JSON pointer: "/learner_id". Empty is the event as a whole. */
  readonly pointer: string;
  /** For people. It quotes nothing of the event. */
  readonly message: string;
}

/** Why a whole request is refused. */
export interface Refusal {
  readonly code: FailureCode;
  /** For people. */
  readonly message: string;
}

const EVENT_FAILURE_CODES: ReadonlySet<string> = new Set<EventFailureCode>([
  "missing_field",
  "invalid_type",
  "too_long",
  "invalid_text",
  "unknown_event_type",
  "invalid_timestamp",
  "invalid_number",
  "too_deep",
  "too_many_keys",
  "forbidden_key",
  "event_too_large",
  "malformed_json",
]);

/** True if the text is the code of something that one event can do wrong. */
export function isEventFailureCode(text: string): text is EventFailureCode {
  return EVENT_FAILURE_CODES.has(text);
}

function invalid(title: string): Failure {
  return { connect: "invalid_argument", http: 422, retryable: false, title };
}

function refusal(connect: ConnectCodeName, http: number, title: string): Failure {
  return { connect, http, retryable: false, title };
}

function setback(connect: ConnectCodeName, http: number, title: string): Failure {
  return { connect, http, retryable: true, title };
}
