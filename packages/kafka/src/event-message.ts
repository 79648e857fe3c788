/**
 * The Kafka message of an accepted event: the event's own bytes, its key, and headers that say what it is.
 *
 * **Invariant:** the value is what the spool holds, byte for byte; nothing here parses it.
 */
import type { EventRecord } from "@event-collector/contract";
import type { Header, Message } from "./message.js";
import type { Template } from "./template.js";

export interface MessageOptions {
  readonly topic: Template;
  readonly key: Template;
  /** The `ce_source` of CloudEvents headers, or undefined for none. */
  readonly cloudEventsSource: string | undefined;
}

const JSON_TYPE: Header = { "content-type": "application/json" };
const CLOUD_EVENTS_VERSION: Header = { ce_specversion: "1.0" };

export function eventMessage(record: EventRecord, options: MessageOptions): Message {
  const values = { learner_id: record.key, event_type: record.eventType, event_id: record.eventId };
  return {
    topic: options.topic(values),
    key: Buffer.from(options.key(values)),
    value: record.value,
    headers: eventHeaders(record, options.cloudEventsSource),
  };
}

function eventHeaders(record: EventRecord, cloudEventsSource: string | undefined): Header[] {
  const headers: Header[] = [
    JSON_TYPE,
    { "event-id": record.eventId },
    { "event-type": record.eventType },
    { "received-at": record.receivedAt },
  ];
  if (record.traceparent !== undefined) headers.push({ traceparent: record.traceparent });
  if (record.tracestate !== undefined) headers.push({ tracestate: record.tracestate });
  if (cloudEventsSource !== undefined) {
    headers.push(
      CLOUD_EVENTS_VERSION,
      { ce_id: record.eventId },
      { ce_source: cloudEventsSource },
      { ce_type: record.eventType },
      { ce_time: record.receivedAt },
      { ce_subject: record.key },
    );
  }
  return headers;
}
