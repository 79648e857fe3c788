/** A spool on the disk, written by the writer that the ingress uses. */
import { encodeRecord } from "@event-collector/contract";
import type { EventRecord, RejectedRecord, SpoolRecord } from "@event-collector/contract";
import { nodeDisk, openWriter, systemClock } from "@event-collector/spool";
import type { WriterOptions } from "@event-collector/spool";

const MIB = 1024 * 1024;

const WRITER: Omit<WriterOptions, "directory"> = {
  segmentBytesMax: MIB,
  segmentAgeMs: 60_000,
  spoolBytesMax: 64 * MIB,
  freeBytesMin: 0,
  lineBytesMax: MIB,
  queueBytesMax: 16 * MIB,
  appendTimeoutMs: 60_000,
  checkIntervalMs: 1_000,
};

/** Appends the records in their order and seals the last segment, as an ingress does that ends. */
export async function writeSpool(
  directory: string,
  records: readonly SpoolRecord[],
  options: Partial<WriterOptions> = {},
): Promise<void> {
  const writer = await openWriter(nodeDisk, systemClock, { directory, ...WRITER, ...options });
  await Promise.all(records.map((record) => writer.append([encodeRecord(record)])));
  await writer.close();
}

export function eventRecord(members: Partial<EventRecord> = {}): EventRecord {
  const eventId = members.eventId ?? "e1";
  const receivedAt = members.receivedAt ?? "2026-01-01T10:00:00.000Z";
  const event = { event_id: eventId, received_at: receivedAt, big: "12345678901234567890" };
  return {
    kind: "event",
    eventId,
    receivedAt,
    key: "learner1",
    eventType: "lesson_started",
    value: Buffer.from(JSON.stringify(event).replaceAll('"12345678901234567890"', "12345678901234567890")),
    ...members,
  };
}

export function rejectedRecord(members: Partial<RejectedRecord> = {}): RejectedRecord {
  return {
    kind: "rejected",
    receivedAt: "2026-01-01T11:00:00.000Z",
    violations: [{ code: "missing_field", pointer: "/learner_id", message: "learner_id is required" }],
    protocol: "rest",
    encoding: "json",
    value: Buffer.from('{"event_type":"lesson_started"}'),
    ...members,
  };
}
