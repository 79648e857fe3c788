// The record of an accepted event whose bytes may stay as they are, written in one go: what `encodeRecord` makes of the
// same event, byte for byte, without the steps between.
import type { EventLayout } from "./event-layout.js";
import { copyAsOneLine } from "./json.js";
import { quote } from "./text.js";

/** What stands before the event's bytes. */
export interface EventHead {
  readonly eventId: string;
  readonly key: string;
  readonly eventType: string;
}

/** What the events of one request have in common. */
export interface Reception {
  /** RFC 3339 in UTC, with milliseconds. */
  readonly receivedAt: string;
  readonly traceparent?: string;
  readonly tracestate?: string;
}

/** `bytes` is the event as it was sent, and `layout` is counted from its first byte, which is the brace. */
export function encodeEventLine(
  bytes: Uint8Array,
  layout: EventLayout,
  { eventId, key, eventType }: EventHead,
  reception: Reception,
): Uint8Array {
  const id = quote(eventId);
  const at = quote(reception.receivedAt);
  const begin =
    `{"kind":"event","id":${id},"at":${at},"key":${quote(key)},"type":${quote(eventType)}` +
    `${traceMembers(reception)},"value":`;
  const end = `${layout.isEmpty ? "" : ","}${layout.hasId ? "" : `"event_id":${id},`}"received_at":${at}}}`;
  const beginBytes = Buffer.byteLength(begin);
  const endAt = beginBytes + layout.close;
  const payload = Buffer.allocUnsafe(endAt + Buffer.byteLength(end));
  payload.write(begin, 0, "utf8");
  // With the brace, which the end is then written over: it costs less than a view without it.
  if (layout.isOneLine && bytes.length === layout.close + 1) payload.set(bytes, beginBytes);
  else copyAsOneLine(payload, beginBytes, bytes.subarray(0, layout.close));
  payload.write(end, endAt, "utf8");
  return payload;
}

/** The members of the trace context, each behind a comma. */
export function traceMembers({ traceparent, tracestate }: Reception): string {
  const parent = traceparent === undefined ? "" : `,"traceparent":${quote(traceparent)}`;
  return tracestate === undefined ? parent : `${parent},"tracestate":${quote(tracestate)}`;
}
