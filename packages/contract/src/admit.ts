// The verdict on one event, and the record that goes to the spool for it. Both verdicts leave a record: an
// accepted event is published, a rejected one goes to the dead-letter topic with its reasons.
import type { SourceEvent } from "./batch.js";
import { checkEvent, violation, type EventLimits, type LearnerEvent } from "./event.js";
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
  readonly traceparent?: string;
  readonly tracestate?: string;
}

export type Admission =
  | { readonly ok: true; readonly eventId: string; readonly record: EventRecord }
  | {
      readonly ok: false;
      readonly eventId?: string;
      readonly violations: Violation[];
      readonly record: RejectedRecord;
    };

export function admitEvent(source: SourceEvent, limits: EventLimits, arrival: Arrival): Admission {
  const found = (source.findings ?? []).map(({ code, path }) => violation(code, path, limits));
  if (source.value === undefined) return reject(source, found, limits, arrival);
  const check = checkEvent(source.value, limits, source.bytes.length);
  if (!check.ok) return reject(source, [...found, ...check.violations], limits, arrival);
  return found.length > 0 ? reject(source, found, limits, arrival) : accept(source, check.event, arrival);
}

function accept(source: SourceEvent, event: LearnerEvent, arrival: Arrival): Admission {
  const { receivedAt, traceparent, tracestate } = arrival;
  const eventId = event.event_id ?? arrival.makeEventId();
  const record: EventRecord = {
    kind: "event",
    eventId,
    receivedAt,
    key: event.learner_id,
    eventType: event.event_type,
    ...(traceparent !== undefined && { traceparent }),
    ...(tracestate !== undefined && { tracestate }),
    value: composeEvent(source.bytes, { eventId, receivedAt }),
  };
  return { ok: true, eventId, record };
}

function reject(
  { bytes, value }: SourceEvent,
  found: readonly Violation[],
  limits: EventLimits,
  { receivedAt, protocol }: Arrival,
): Admission {
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
