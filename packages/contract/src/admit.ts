// The verdict on one event, and the record that goes to the spool for it. Both verdicts leave a record: an
// accepted event is published, a rejected one goes to the dead-letter topic with its reasons.
import type { SourceEvent } from "./batch.js";
import { checkEvent, violation, type EventLimits } from "./event.js";
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
  if ("failure" in source) {
    return reject(source.bytes, undefined, [violation(source.failure, [], limits)], limits, arrival);
  }
  const check = checkEvent(source.value, limits, source.bytes.length);
  if (!check.ok) return reject(source.bytes, source.value, check.violations, limits, arrival);
  const { event } = check;
  const { receivedAt, traceparent, tracestate } = arrival;
  const eventId = event.event_id ?? arrival.makeEventId();
  return {
    ok: true,
    eventId,
    record: {
      kind: "event",
      eventId,
      receivedAt,
      key: event.learner_id,
      eventType: event.event_type,
      ...(traceparent !== undefined && { traceparent }),
      ...(tracestate !== undefined && { tracestate }),
      value: composeEvent(source.bytes, { eventId, receivedAt }),
    },
  };
}

/** `value` is undefined where the bytes are not JSON, or too deep to stand in a line that others must read. */
function reject(
  bytes: Uint8Array,
  value: unknown,
  violations: Violation[],
  limits: EventLimits,
  arrival: Arrival,
): Admission {
  const eventId = readableId(value, "event_id", limits);
  const key = readableId(value, "learner_id", limits);
  return {
    ok: false,
    ...(eventId !== undefined && { eventId }),
    violations,
    record: {
      kind: "rejected",
      ...(eventId !== undefined && { eventId }),
      receivedAt: arrival.receivedAt,
      ...(key !== undefined && { key }),
      violations,
      protocol: arrival.protocol,
      encoding: value === undefined ? "base64" : "json",
      value: bytes,
    },
  };
}

/** An identifier of a bad event, if it is good enough to be repeated in an answer, a key and a log. */
function readableId(value: unknown, name: string, limits: EventLimits): string | undefined {
  if (!isJsonObject(value) || !Object.hasOwn(value, name)) return undefined;
  const id = value[name];
  if (typeof id !== "string" || id === "") return undefined;
  return hasCharactersAtMost(id, limits.idCharactersMax) && isIdentifierText(id) ? id : undefined;
}
