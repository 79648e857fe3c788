// The verdict on one event, and the record that goes to the spool for it. Both verdicts leave a record: an
// accepted event is published, a rejected one goes to the dead-letter topic with its reasons.
import type { SourceEvent } from "./batch.js";
import { checkEvent, violation, type LearnerEvent } from "./event.js";
import type { EventLimits } from "./event-limits.js";
import { composeEvent } from "./event-bytes.js";
import { isJsonObject } from "./json-object.js";
import type { Violation } from "./failure.js";
import type { EventRecord, RejectedRecord } from "./record.js";
import { hasCharactersAtMost, isIdentifierText } from "./text.js";

/** What is known about the request that an event came with. */
export interface Arrival {
  /** Makes an id; asked only for an accepted event that came without one. */
  readonly makeEventId: () => string;
  /** RFC 3339 in UTC, with milliseconds. */
  readonly receivedAt: string;
  /** "rest", "connect", "grpc" or "grpc-web". */
  readonly protocol: string;
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
}

export type Admission =
  { readonly ok: true; readonly eventId: string; readonly record: EventRecord } | Rejection;

export interface Rejection {
  readonly ok: false;
  readonly eventId?: string;
  readonly violations: Violation[];
  readonly record: RejectedRecord;
}

export function admitEvent(source: SourceEvent, limits: EventLimits, arrival: Arrival): Admission {
  const verdict = judge(source, limits);
  if (!verdict.ok) return reject(source, verdict.violations, limits, arrival);
  const record = recordOf(source, verdict.event, arrival);
  return { ok: true, eventId: record.eventId, record };
}

/** The record of an accepted event. */
export function recordOf({ bytes }: SourceEvent, event: LearnerEvent, arrival: Arrival): EventRecord {
  const { receivedAt, traceparent, tracestate } = arrival;
  const eventId = event.event_id ?? arrival.makeEventId();
  return {
    kind: "event",
    eventId,
    receivedAt,
    key: event.learner_id,
    eventType: event.event_type,
    ...(traceparent !== undefined && { traceparent }),
    ...(tracestate !== undefined && { tracestate }),
    value: composeEvent(bytes, { eventId, receivedAt }),
  };
}

export type Verdict =
  | { readonly ok: true; readonly event: LearnerEvent }
  | { readonly ok: false; readonly violations: readonly Violation[] };

export function judge(source: SourceEvent, limits: EventLimits): Verdict {
  const { value, findings, bytes } = source;
  if (findings === undefined && value !== undefined) return checkEvent(value, limits, bytes.length);
  const found = (findings ?? []).map(({ code, path }) => violation(code, path, limits));
  if (value === undefined) return { ok: false, violations: found };
  const check = checkEvent(value, limits, bytes.length);
  if (!check.ok) return { ok: false, violations: [...found, ...check.violations] };
  return found.length > 0 ? { ok: false, violations: found } : check;
}

export function reject(
  { bytes, value }: SourceEvent,
  found: readonly Violation[],
  limits: EventLimits,
  { receivedAt, protocol }: Arrival,
): Rejection {
  const violations = found.slice(0, limits.violationsMax);
  const eventId = readableId(value, "event_id", limits);
  const key = readableId(value, "learner_id", limits);
  const record: RejectedRecord = {
    kind: "rejected",
    ...(eventId !== undefined && { eventId }),
    receivedAt,
    ...(key !== undefined && { key }),
    violations,
    protocol,
    // Bytes that nobody could read do not stand in a line that everybody must be able to read.
    encoding: value === undefined ? "base64" : "json",
    value: bytes,
  };
  return { ok: false, ...(eventId !== undefined && { eventId }), violations, record };
}

/** An identifier of a bad event, if it is good enough to be repeated in an answer, a key and a log. */
function readableId(value: unknown, name: string, limits: EventLimits): string | undefined {
  if (!isJsonObject(value) || !Object.hasOwn(value, name)) return undefined;
  const id = value[name];
  if (typeof id !== "string" || id === "") return undefined;
  return hasCharactersAtMost(id, limits.idCharactersMax) && isIdentifierText(id) ? id : undefined;
}
