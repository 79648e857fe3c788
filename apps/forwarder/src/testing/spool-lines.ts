/** Spool items as a reader would give them, without a disk. */
import { encodeRecord } from "@event-collector/contract";
import type { SpoolRecord } from "@event-collector/contract";
import type { Damage, DamageReason, Position, SpoolItem, SpoolLine } from "@event-collector/spool";

export const INSTANCE = "0123456789abcdef0123456789abcdef";
export const SEGMENT: string = `1700000000000-${INSTANCE}-000000.ndjson`;
/** As long as no line here is longer. */
const STEP = 1_000;

export function position(sequence: number): Position {
  return { segment: SEGMENT, offset: sequence * STEP, sequence };
}

/** An accepted event as the ingress would store it. */
export function eventRecord(number: number, more: { key?: string; value?: string } = {}): SpoolRecord {
  return {
    kind: "event",
    eventId: `event-${number}`,
    receivedAt: "2026-01-02T03:04:05.678Z",
    key: more.key ?? `learner-${number}`,
    eventType: "lesson_started",
    value: Buffer.from(more.value ?? `{"event_id":"event-${number}","learner_id":"learner-${number}"}`),
  };
}

export function line(number: number, record: SpoolRecord = eventRecord(number)): SpoolLine {
  return lineOf(number, encodeRecord(record));
}

export function lineOf(number: number, payload: Uint8Array): SpoolLine {
  return {
    type: "line",
    payload: Buffer.from(payload),
    source: payload,
    payloadFrom: 0,
    payloadTo: payload.byteLength,
    instance: INSTANCE,
    position: position(number),
    next: position(number + 1),
    length: STEP,
  };
}

export function damage(number: number, reason: DamageReason, bytes = "garbage"): Damage {
  return {
    type: "damage",
    reason,
    bytes: Buffer.from(bytes),
    length: Buffer.byteLength(bytes),
    message: "The checksum or the shape of the line is wrong.",
    instance: INSTANCE,
    position: position(number),
    next: position(number + 1),
  };
}

export function lines(count: number): SpoolItem[] {
  return Array.from({ length: count }, (_, number) => line(number));
}
