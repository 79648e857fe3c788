/**
 * What one record is called in the books, on the disk and in the topics.
 *
 * An event is called by its id, which its message carries in its value, and a dead letter in a header. A rejected event may have none, and damage never
 * has: they are called by their place in the spool, which every dead letter names.
 */
import { decodeRecord, isJsonObject, RecordError } from "@event-collector/contract";
import type { Position, SpoolItem } from "@event-collector/spool";
import { RECEIPT_OF, REDRIVE_COUNT, REPLAYED_AT } from "../kafka/mark.js";
import { headerOf } from "../kafka/topic-message.js";
import type { TopicMessage } from "../kafka/topic-message.js";

export type SpoolKind = "events" | "rejected" | "damaged";

export interface SpoolEntry {
  readonly kind: SpoolKind;
  readonly name: string;
  readonly position: Position;
}

/** Undefined for what was never acknowledged to anybody. */
export function entryOfItem(item: SpoolItem): SpoolEntry | undefined {
  const { position } = item;
  const place = placeName(position.segment, String(position.offset));
  if (item.type === "damage") {
    return item.reason === "torn_tail" ? undefined : { kind: "damaged", name: place, position };
  }
  try {
    const record = decodeRecord(item.payload);
    if (record.kind === "rejected") return { kind: "rejected", name: place, position };
    return { kind: "events", name: eventName(record.eventId), position };
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    return { kind: "damaged", name: place, position };
  }
}

export type Sighting =
  | { readonly type: "record"; readonly name: string }
  /** A copy that `replay` made, an event that `dlq redrive` made, and the receipt of that. */
  | { readonly type: "replayed" | "redriven" | "receipt" }
  /** Not of this collector: nothing tells which record it is. */
  | { readonly type: "nameless" };

export function sightingInEvents(message: TopicMessage): Sighting {
  if (headerOf(message, REPLAYED_AT) !== undefined) return { type: "replayed" };
  if (headerOf(message, REDRIVE_COUNT) !== undefined) return { type: "redriven" };
  const id = idInValue(message);
  return id === undefined ? { type: "nameless" } : { type: "record", name: eventName(id) };
}

export function sightingInDeadLetters(message: TopicMessage): Sighting {
  if (headerOf(message, RECEIPT_OF) !== undefined) return { type: "receipt" };
  const id = headerOf(message, "event-id");
  if (headerOf(message, "dlq.stage") === "publish" && id !== undefined) {
    return { type: "record", name: eventName(id) };
  }
  const segment = headerOf(message, "dlq.source-segment");
  const offset = headerOf(message, "dlq.source-offset");
  if (segment === undefined || offset === undefined) return { type: "nameless" };
  return { type: "record", name: placeName(segment, offset) };
}

function idInValue({ value }: TopicMessage): string | undefined {
  if (value === null) return undefined;
  try {
    const event: unknown = JSON.parse(value.toString("utf8"));
    if (!isJsonObject(event)) return undefined;
    const { event_id: id } = event;
    return typeof id === "string" ? id : undefined;
  } catch {
    return undefined;
  }
}

function eventName(id: string): string {
  return `event ${id}`;
}

function placeName(segment: string, offset: string): string {
  return `${segment}@${offset}`;
}
