/**
 * The Kafka message of a record that cannot be published: the original key, bytes and headers, and why.
 *
 *   __dlq.errors.topic, .message, .delivery.count   as Kafka's own dead-letter queues name them (KIP-1191)
 *   dlq.reason            a stable code to route on
 *   dlq.stage             validate | spool | publish
 *   dlq.failed-at, dlq.first-failed-at              RFC 3339
 *   dlq.source-segment, dlq.source-offset           where the line stands in the spool
 *   dlq.violations        of a rejected event: JSON, as in the answer to its sender
 *   dlq.truncated, dlq.original-length, dlq.quarantine   only the beginning is here; the whole line is in that file
 *
 * A message with `dlq.receipt-of` is no dead letter but the receipt of one that was redriven.
 */
import type { RejectedRecord, Violation } from "@event-collector/contract";
import type { Damage, SpoolItem } from "@event-collector/spool";
import type { Header, Message } from "./broker.js";

/** Where a record could go no further. */
export type DeadLetterStage = "validate" | "spool" | "publish";

export interface DeadLetterCause {
  /** A stable code. */
  readonly reason: string;
  readonly stage: DeadLetterStage;
  /** For people. */
  readonly message: string;
  /** How often it was sent in vain; 0 if it never was. */
  readonly attempts: number;
  /** RFC 3339. */
  readonly failedAt: string;
  readonly firstFailedAt: string;
}

/** What is dead: its key and bytes as they are, and the headers it has or would have had. */
export interface DeadLetterOrigin {
  /** The topic it was for. */
  readonly topic: string;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array;
  readonly headers: readonly Header[];
  readonly item: SpoolItem;
  readonly violations?: readonly Violation[];
}

/** Characters of a message in a header; enough for a sentence, too little to fill the topic. */
const MESSAGE_CHARACTERS_MAX = 1_000;
/** Violations in a header. A sender sees as many at most. */
const VIOLATIONS_MAX = 100;
/** Bytes of the value in a short dead letter: enough to recognise the sender by; and its part of what is allowed. */
const SHORT_VALUE_BYTES = 16 * 1024;
const SHORT_VALUE_PART = 1 / 4;
/** Bytes of the key, and characters of each header, in a short one: of a rejected event they may have any length. */
const SHORT_KEY_BYTES = 1024;
const SHORT_HEADER_CHARACTERS = 512;

export function deadLetter(topic: string, origin: DeadLetterOrigin, cause: DeadLetterCause): Message {
  const { violations } = origin;
  const headers = [...origin.headers, ...causeHeaders(origin, cause)];
  if (violations !== undefined) {
    headers.push({ "dlq.violations": JSON.stringify(violations.slice(0, VIOLATIONS_MAX)) });
  }
  return { topic, key: origin.key, value: origin.value, headers };
}

/**
 * The same with no more than the beginning of the value, for a topic that refused the whole. `bytesMax` is the
 * largest message; `quarantine` names the file that holds the whole.
 */
export function shortDeadLetter(
  topic: string,
  origin: DeadLetterOrigin,
  cause: DeadLetterCause,
  { bytesMax, quarantine }: { bytesMax: number; quarantine: string },
): Message {
  const headers = [
    ...origin.headers.map(shortHeader),
    ...causeHeaders(origin, cause),
    { "dlq.truncated": "true" },
    { "dlq.original-length": String(origin.value.byteLength) },
    { "dlq.quarantine": quarantine },
  ];
  const key = origin.key?.subarray(0, SHORT_KEY_BYTES) ?? null;
  const valueBytes = Math.min(SHORT_VALUE_BYTES, bytesMax * SHORT_VALUE_PART);
  return { topic, key, value: origin.value.subarray(0, valueBytes), headers };
}

function shortHeader(header: Header): Header {
  const short = Object.entries(header).map(([name, value]) => [
    name,
    value.slice(0, SHORT_HEADER_CHARACTERS),
  ]);
  return Object.fromEntries(short) as Header;
}

function causeHeaders({ topic, item }: DeadLetterOrigin, cause: DeadLetterCause): Header[] {
  return [
    { "__dlq.errors.topic": topic },
    { "__dlq.errors.message": cause.message.slice(0, MESSAGE_CHARACTERS_MAX) },
    { "__dlq.errors.delivery.count": String(cause.attempts) },
    { "dlq.reason": cause.reason },
    { "dlq.stage": cause.stage },
    { "dlq.failed-at": cause.failedAt },
    { "dlq.first-failed-at": cause.firstFailedAt },
    { "dlq.source-segment": item.position.segment },
    { "dlq.source-offset": String(item.position.offset) },
  ];
}

/** A rejected event, as it was sent. */
export function rejectedOrigin(record: RejectedRecord, item: SpoolItem, topic: string): DeadLetterOrigin {
  const headers: Header[] = [
    { "content-type": record.encoding === "json" ? "application/json" : "application/octet-stream" },
    { "received-at": record.receivedAt },
    { "dlq.protocol": record.protocol },
  ];
  if (record.eventId !== undefined) headers.push({ "event-id": record.eventId });
  return {
    topic,
    key: record.key === undefined ? null : Buffer.from(record.key),
    value: record.value,
    headers,
    item,
    violations: record.violations,
  };
}

/** Why an event was rejected. Its first violation names the whole: most have one. */
export function rejectedCause(record: RejectedRecord, now: string): DeadLetterCause {
  const first = record.violations[0];
  return {
    reason: first?.code ?? "rejected",
    stage: "validate",
    message: first === undefined ? "The event was rejected." : `${first.pointer}: ${first.message}`,
    attempts: 0,
    failedAt: now,
    firstFailedAt: record.receivedAt,
  };
}

/** Bytes of the spool that are no line, or lines that are missing. */
export function damageOrigin(damage: Damage, topic: string): DeadLetterOrigin {
  const headers: Header[] = [
    { "content-type": "application/octet-stream" },
    { "dlq.original-length": String(damage.length) },
  ];
  return { topic, key: null, value: damage.bytes, headers, item: damage };
}

export function spoolCause(reason: string, message: string, now: string): DeadLetterCause {
  return { reason, stage: "spool", message, attempts: 0, failedAt: now, firstFailedAt: now };
}
