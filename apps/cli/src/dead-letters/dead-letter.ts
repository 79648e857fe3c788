/** A dead letter as its topic holds it: what died, why, and how often it was redriven. */
import { RECEIPT_OF, REDRIVE_COUNT } from "../kafka/mark.js";
import { headerOf } from "../kafka/topic-message.js";
import type { TopicMessage } from "../kafka/topic-message.js";

export interface DeadLetter {
  /** `<partition>/<offset>`: what the command calls it. */
  readonly address: string;
  readonly message: TopicMessage;
  /** A stable code. */
  readonly reason: string;
  /** validate | spool | publish. */
  readonly stage: string;
  /** For people. */
  readonly explanation: string;
  /** RFC 3339. */
  readonly failedAt: string;
  readonly eventId: string | undefined;
  /** The key: the learner's id, if it was known. */
  readonly learner: string | undefined;
  /** How often it was redriven, by its own header and by receipts. */
  readonly redrives: number;
}

/** How often each dead letter was redriven, by its address. */
export type Receipts = ReadonlyMap<string, number>;

export function addressOf({ partition, offset }: Pick<TopicMessage, "partition" | "offset">): string {
  return `${partition}/${offset}`;
}

/** The address of which this message is the receipt, if it is one. */
export function receiptOf(message: TopicMessage): string | undefined {
  return headerOf(message, RECEIPT_OF);
}

export function deadLetterOf(message: TopicMessage, receipts: Receipts): DeadLetter {
  const address = addressOf(message);
  const carried = Number(headerOf(message, REDRIVE_COUNT) ?? "0");
  return {
    address,
    message,
    reason: headerOf(message, "dlq.reason") ?? "unknown",
    stage: headerOf(message, "dlq.stage") ?? "unknown",
    explanation: headerOf(message, "__dlq.errors.message") ?? "",
    failedAt: headerOf(message, "dlq.failed-at") ?? new Date(Math.max(0, message.timestamp)).toISOString(),
    eventId: headerOf(message, "event-id"),
    learner: message.key?.toString(),
    redrives: (Number.isSafeInteger(carried) ? carried : 0) + (receipts.get(address) ?? 0),
  };
}
