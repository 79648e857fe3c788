/**
 * A window's items on their way from the spool, each with the message that is to be sent for it now.
 *
 * An entry starts as an event, or as a dead letter if the ingress rejected it or the spool damaged it. What the
 * broker refuses becomes a dead letter later, and the shortest form of one at last. Only what was never acknowledged
 * to anybody is passed over without a message.
 */
import { decodeRecord, RecordError } from "@event-collector/contract";
import type { EventRecord } from "@event-collector/contract";
import { descriptiveHeaders, eventMessage } from "@event-collector/kafka";
import type { BrokerFailure, MessageOptions } from "@event-collector/kafka";
import type { Damage, SpoolItem, SpoolLine } from "@event-collector/spool";
import type { Message } from "./broker.js";
import {
  damageOrigin,
  deadLetter,
  rejectedCause,
  rejectedOrigin,
  shortDeadLetter,
  spoolCause,
} from "./dead-letter.js";
import type { DeadLetterCause, DeadLetterOrigin } from "./dead-letter.js";
import type { Stage } from "./settle.js";

export interface Entry {
  readonly item: SpoolItem;
  /** Undefined if nothing is sent for this item. */
  readonly outgoing: Outgoing | undefined;
}

export interface Outgoing {
  readonly stage: Stage;
  readonly message: Message;
  /** RFC 3339; undefined where nothing was received, as with damage. */
  readonly receivedAt: string | undefined;
  /** What would be dead, if it came to that. */
  readonly origin: DeadLetterOrigin;
  /** Of a dead letter: why. */
  readonly cause: DeadLetterCause | undefined;
}

export interface EntryOptions {
  readonly message: MessageOptions;
  /** The topic of events as it is configured. */
  readonly eventTopic: string;
  readonly deadLetterTopic: string;
  /** Bytes of the largest message. */
  readonly messageBytesMax: number;
}

/** The entry of what the spool holds; `now` is RFC 3339. */
export function entryOf(item: SpoolItem, options: EntryOptions, now: string): Entry {
  if (item.type === "line") return { item, outgoing: ofLine(item, options, now) };
  return { item, outgoing: item.reason === "torn_tail" ? undefined : ofDamage(item, options, now) };
}

function ofLine(item: SpoolLine, options: EntryOptions, now: string): Outgoing {
  const { payload } = item;
  try {
    const record = decodeRecord(payload);
    if (record.kind === "event")
      return new OutgoingEvent(eventMessage(record, options.message), item, options);
    const origin = rejectedOrigin(record, item, options.eventTopic);
    return letter(origin, rejectedCause(record, now), record.receivedAt, options);
  } catch (error) {
    // The checksum holds, so this is not damage: something else than the ingress wrote the line.
    if (!(error instanceof RecordError)) throw error;
    const headers = [{ "content-type": "application/octet-stream" }];
    const origin = { topic: options.eventTopic, key: null, value: payload, headers, item };
    return letter(origin, spoolCause("unknown_record", error.message, now), undefined, options);
  }
}

/** An accepted event. What only few are asked for is read from its line when it is asked for. */
export class OutgoingEvent implements Outgoing {
  readonly message: Message;
  readonly #item: SpoolLine;
  readonly #options: EntryOptions;

  constructor(message: Message, item: SpoolLine, options: EntryOptions) {
    this.message = message;
    this.#item = item;
    this.#options = options;
  }

  get stage(): "event" {
    return "event";
  }

  get cause(): undefined {
    return undefined;
  }

  get receivedAt(): string {
    return this.#record().receivedAt;
  }

  get origin(): DeadLetterOrigin {
    const { topic, key } = this.message;
    const record = this.#record();
    const headers = descriptiveHeaders(record, this.#options.message);
    return { topic, key, headers, value: record.value, item: this.#item };
  }

  #record(): EventRecord {
    const record = decodeRecord(this.#item.payload);
    if (record.kind !== "event") throw new Error("what was sent as an event is none");
    return record;
  }
}

function ofDamage(item: Damage, options: EntryOptions, now: string): Outgoing {
  const cause = spoolCause(item.reason, item.message, now);
  return letter(damageOrigin(item, options.eventTopic), cause, undefined, options);
}

function letter(
  origin: DeadLetterOrigin,
  cause: DeadLetterCause,
  receivedAt: string | undefined,
  { deadLetterTopic }: EntryOptions,
): Outgoing {
  return {
    stage: "dead_letter",
    message: deadLetter(deadLetterTopic, origin, cause),
    receivedAt,
    origin,
    cause,
  };
}

/** What an event becomes that the broker refuses. */
export function asDeadLetter(outgoing: Outgoing, cause: DeadLetterCause, options: EntryOptions): Outgoing {
  return letter(outgoing.origin, cause, outgoing.receivedAt, options);
}

/**
 * What a dead letter becomes that its topic refuses: why it died first stays what it says. `quarantine` names the
 * file that holds the whole.
 */
export function asShortDeadLetter(
  outgoing: Outgoing,
  refusal: DeadLetterCause,
  quarantine: string,
  options: EntryOptions,
): Outgoing {
  const cause = { ...(outgoing.cause ?? refusal), attempts: refusal.attempts, failedAt: refusal.failedAt };
  const limits = { bytesMax: options.messageBytesMax, quarantine };
  const message = shortDeadLetter(options.deadLetterTopic, outgoing.origin, cause, limits);
  return { ...outgoing, stage: "short_dead_letter", message, cause };
}

/** Why the broker does not take a record. */
export function publishCause(
  failure: BrokerFailure,
  attempts: number,
  now: string,
  firstFailedAt: string,
): DeadLetterCause {
  const reason = failure.reason ?? "record_invalid";
  return { reason, stage: "publish", message: failure.message, attempts, failedAt: now, firstFailedAt };
}
