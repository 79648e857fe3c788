/**
 * The Kafka message of an accepted event: the event's own bytes, its key, and headers with what the bytes do not say.
 *
 * Its id, type and time of receipt stand in the value; a header costs as much as all the rest of handing over a message.
 * A dead letter, whose value nobody may be able to read, has them as headers.
 *
 * **Invariant:** the value is what the spool holds, byte for byte; nothing here parses it.
 */
import type { EventRecord } from "@event-collector/contract";
import type { Header, Message } from "./message.js";
import type { KafkaConfig } from "./settings.js";
import { keyTemplate, topicTemplate } from "./template.js";
import type { Template } from "./template.js";

export interface MessageOptions {
  readonly topic: Template;
  readonly key: Template;
  /** The `ce_source` of CloudEvents headers, or undefined for none. */
  readonly cloudEventsSource: string | undefined;
  /** Of every event, if a message needs nothing of its event but the learner's id and the value. */
  readonly commonTopic?: string;
}

const JSON_TYPE: Header = { "content-type": "application/json" };
/** Of an event without a trace. One list for all of them: making one for each costs more than filling it. */
export const COMMON_HEADERS: readonly Header[] = [JSON_TYPE];
const CLOUD_EVENTS_VERSION: Header = { ce_specversion: "1.0" };

export function messageOptions({
  topic,
  key,
  cloudEventsSource,
}: Pick<KafkaConfig, "topic" | "key" | "cloudEventsSource">): MessageOptions {
  const isCommon = !topic.includes("{") && key === "{learner_id}" && cloudEventsSource === undefined;
  return {
    topic: topicTemplate(topic),
    key: keyTemplate(key),
    cloudEventsSource,
    ...(isCommon && { commonTopic: topic }),
  };
}

export function eventMessage(record: EventRecord, options: MessageOptions): Message {
  const values = { learner_id: record.key, event_type: record.eventType, event_id: record.eventId };
  const more = [...traceHeaders(record), ...cloudEventsHeaders(record, options.cloudEventsSource)];
  return {
    topic: options.topic(values),
    key: Buffer.from(options.key(values)),
    value: record.value,
    headers: more.length === 0 ? COMMON_HEADERS : [JSON_TYPE, ...more],
  };
}

/** All that is known of an event, for a message that is no event. */
export function descriptiveHeaders(record: EventRecord, { cloudEventsSource }: MessageOptions): Header[] {
  return [
    JSON_TYPE,
    { "event-id": record.eventId },
    { "event-type": record.eventType },
    { "received-at": record.receivedAt },
    ...traceHeaders(record),
    ...cloudEventsHeaders(record, cloudEventsSource),
  ];
}

function traceHeaders({ traceparent, tracestate }: EventRecord): Header[] {
  const headers: Header[] = [];
  if (traceparent !== undefined) headers.push({ traceparent });
  if (tracestate !== undefined) headers.push({ tracestate });
  return headers;
}

function cloudEventsHeaders(record: EventRecord, source: string | undefined): Header[] {
  if (source === undefined) return [];
  return [
    CLOUD_EVENTS_VERSION,
    { ce_id: record.eventId },
    { ce_source: source },
    { ce_type: record.eventType },
    { ce_time: record.receivedAt },
    { ce_subject: record.key },
  ];
}
