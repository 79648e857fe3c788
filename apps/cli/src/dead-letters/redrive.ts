/**
 * What becomes of a dead letter that is to be sent once more: the event, judged again as the ingress judges it, or the
 * reason why it stays dead.
 *
 * **Invariant:** nothing is redriven that the ingress would not accept today. **Invariant:** the same letter makes an
 * event with the same id each time.
 */
import { createHash } from "node:crypto";
import { admitEvent, BODY_DEPTH_MAX, readLines } from "@event-collector/contract";
import type { EventLimits, Violation } from "@event-collector/contract";
import { eventMessage } from "@event-collector/kafka";
import type { Header, Message, MessageOptions } from "@event-collector/kafka";
import { RECEIPT_OF, REDRIVE_COUNT } from "../kafka/mark.js";
import { headerOf } from "../kafka/topic-message.js";
import { countOf } from "../table.js";
import type { DeadLetter } from "./dead-letter.js";

export interface RedriveOptions {
  readonly limits: EventLimits;
  readonly message: MessageOptions;
  /** A letter that was redriven before is redriven again. */
  readonly again: boolean;
  /** How often a letter may be redriven in all. */
  readonly redrivesMax: number;
}

export type StaysDead =
  /** Redriven before; `again` sends it nevertheless. */
  | "redriven_already"
  /** Redriven as often as is allowed. */
  | "redriven_too_often"
  /** The topic holds no more than its beginning; the whole is in a file in quarantine. */
  | "truncated"
  /** Bytes of the spool that are no event. */
  | "no_event"
  /** The ingress would reject it again. */
  | "rejected";

export type Redrive =
  | { readonly type: "send"; readonly eventId: string; readonly count: number; readonly message: Message }
  | { readonly type: "stay"; readonly why: StaysDead; readonly explanation: string };

/** `now` is RFC 3339, for letters that do not say when they were received. */
export function redriveOf(letter: DeadLetter, options: RedriveOptions, now: string): Redrive {
  const { message, redrives, stage } = letter;
  if (redrives >= options.redrivesMax) return stay("redriven_too_often", countOf(redrives, "time"));
  if (redrives > 0 && !options.again)
    return stay("redriven_already", `${countOf(redrives, "time")}; see --again`);
  if (headerOf(message, "dlq.truncated") === "true") {
    return stay("truncated", `the whole is in ${headerOf(message, "dlq.quarantine") ?? "quarantine"}`);
  }
  if (stage === "spool" || message.value === null) return stay("no_event", letter.explanation);
  const reading = readLines(message.value, { eventsMax: 1, bodyDepthMax: BODY_DEPTH_MAX });
  const source = reading.ok ? reading.events[0] : undefined;
  if (source === undefined) return stay("rejected", reading.ok ? "it is empty" : reading.refusal.message);
  const admission = admitEvent(source, options.limits, {
    makeEventId: () => letter.eventId ?? idFrom(letter),
    receivedAt: headerOf(message, "received-at") ?? now,
    protocol: "redrive",
    ...traceOf(letter),
  });
  if (!admission.ok) return stay("rejected", admission.violations.map(textOf).join("; "));
  const made = eventMessage(admission.record, options.message);
  const count = redrives + 1;
  const headers = [...made.headers, ...ownHeaders(letter, made.headers), { [REDRIVE_COUNT]: String(count) }];
  const key = message.key ?? made.key;
  return { type: "send", eventId: admission.eventId, count, message: { ...made, key, headers } };
}

function stay(why: StaysDead, explanation: string): Redrive {
  return { type: "stay", why, explanation };
}

function textOf({ pointer, code, message }: Violation): string {
  return `${pointer} ${code}: ${message}`;
}

/** A UUID that only this letter has (version 8: made from a hash). */
function idFrom({ message, address }: DeadLetter): string {
  const digest = createHash("sha256").update(`${message.topic}/${address}`).digest();
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x80;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  const text = digest.toString("hex", 0, 16);
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join(
    "-",
  );
}

function traceOf({ message }: DeadLetter): { traceparent?: string; tracestate?: string } {
  const traceparent = headerOf(message, "traceparent");
  const tracestate = headerOf(message, "tracestate");
  return {
    ...(traceparent !== undefined && { traceparent }),
    ...(tracestate !== undefined && { tracestate }),
  };
}

/** What stands in the value of an event. */
const DESCRIPTIVE: ReadonlySet<string> = new Set(["event-id", "event-type", "received-at"]);

/** Headers that somebody else gave it; those about its death, and those that describe it, are left behind. */
function ownHeaders({ message }: DeadLetter, made: readonly Header[]): Header[] {
  const taken = new Set(made.flatMap((header) => Object.keys(header)));
  return message.headers
    .filter(([name]) => !taken.has(name) && !DESCRIPTIVE.has(name))
    .filter(([name]) => !name.startsWith("dlq.") && !name.startsWith("__dlq."))
    .map(([name, value]) => ({ [name]: value }));
}

/** What is kept of a redrive. */
export interface Audit {
  readonly redriven: string;
  readonly event_id: string;
  readonly to: string;
  readonly redrive_count: number;
  readonly reason: string;
  readonly at: string;
  readonly by: string;
}

/** The receipt: it stands behind the letter, in the same partition, and keeps it from being redriven unawares. */
export function receipt({ message, address }: DeadLetter, audit: Audit): Message {
  return {
    topic: message.topic,
    partition: message.partition,
    key: message.key,
    value: Buffer.from(JSON.stringify(audit)),
    headers: [
      { "content-type": "application/json" },
      { "event-id": audit.event_id },
      { [RECEIPT_OF]: address },
      { [REDRIVE_COUNT]: String(audit.redrive_count) },
    ],
  };
}
