// The record of an accepted event whose bytes may stay as they are, written in one go: what `encodeRecord` makes of the
// same event, byte for byte, without the steps between.
import type { EventLayout } from "./event-layout.js";
import type { RecordPack } from "./record-pack.js";
import { quote } from "./text.js";

/** What stands before the event's bytes. */
export interface EventHead {
  readonly eventId: string;
  /** RFC 3339 in UTC, with milliseconds. */
  readonly receivedAt: string;
  readonly key: string;
  readonly eventType: string;
  /** Made by `traceMembers`. */
  readonly trace: string;
}

/** W3C trace context of a request. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string | undefined;
}

/** A unit of UTF-16 never takes more in UTF-8. */
const UNIT_BYTES_MAX = 3;

/** `bytes` is the event as it was sent, and `layout` is counted from its first byte, which is the brace. */
export function writeEventLine(
  records: RecordPack,
  bytes: Uint8Array,
  layout: EventLayout,
  { eventId, receivedAt, key, eventType, trace }: EventHead,
): void {
  const id = quote(eventId);
  const at = quote(receivedAt);
  const begin = `{"kind":"event","id":${id},"at":${at},"key":${quote(key)},"type":${quote(eventType)}${trace},"value":`;
  const end = `${layout.isEmpty ? "" : ","}${layout.hasId ? "" : `"event_id":${id},`}"received_at":${at}}}`;
  records.reserve(UNIT_BYTES_MAX * (begin.length + end.length) + layout.close);
  records.text(begin);
  records.json(bytes, 0, layout.close, layout.isOneLine);
  records.text(end);
  records.finish();
}

/** The members of the trace context, each behind a comma. */
export function traceMembers(context: TraceContext | undefined): string {
  if (context === undefined) return "";
  const { traceparent, tracestate } = context;
  const parent = `,"traceparent":${quote(traceparent)}`;
  return tracestate === undefined ? parent : `${parent},"tracestate":${quote(tracestate)}`;
}
