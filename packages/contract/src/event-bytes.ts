// What is published of an accepted event: its own bytes, with `event_id` and `received_at` put in.
//
// Where the sender's members are just the known ones, each once, the two are appended and nothing else is
// touched. Otherwise (a name that is not known, is doubled, or is written with escapes; a `received_at` of the
// sender's; an `event_id` that is null or empty) the object is put together again from the bytes of the known
// values: unknown members are dropped, of doubles the last counts, as for JSON.parse.
import { FIELDS, isNothing, readLayout, type EventLayout } from "./event-layout.js";
import { COMMA, copyAsOneLine, isNamed, OPEN_OBJECT, skipSpace, sliceMembers, type Slice } from "./json.js";

/** What the service adds to an event. */
export interface Stamp {
  /** Used only if the event brings none of its own. */
  readonly eventId: string;
  /** RFC 3339 in UTC, with milliseconds. */
  readonly receivedAt: string;
}

/** The event's JSON on one line. `bytes` is one JSON object in UTF-8 that JSON.parse has accepted. */
export function composeEvent(bytes: Uint8Array, stamp: Stamp): Uint8Array {
  const start = skipSpace(bytes, 0);
  const layout = readLayout(bytes, start);
  return layout === undefined ? assemble(bytes, start, stamp) : append(bytes, start, layout, stamp);
}

function append(bytes: Uint8Array, start: number, layout: EventLayout, stamp: Stamp): Uint8Array {
  const tail = (layout.isEmpty ? "" : ",") + stampText(stamp, layout.hasId);
  const length = layout.close - start;
  const composed = Buffer.allocUnsafe(length + Buffer.byteLength(tail));
  copyAsOneLine(composed, 0, bytes.subarray(start, layout.close));
  composed.write(tail, length, "utf8");
  return composed;
}

function assemble(bytes: Uint8Array, start: number, stamp: Stamp): Uint8Array {
  const values = lastValues(bytes, start);
  const id = values.get("event_id");
  const hasId = id !== undefined && !isNothing(bytes, id.start, id.end);
  if (!hasId) values.delete("event_id");
  const tail = stampText(stamp, hasId);
  let length = 1 + Buffer.byteLength(tail);
  for (const { name, label } of FIELDS) {
    const value = values.get(name);
    if (value !== undefined) length += label.length + (value.end - value.start) + 1;
  }
  const composed = Buffer.allocUnsafe(length);
  composed[0] = OPEN_OBJECT;
  let offset = 1;
  for (const { name, label } of FIELDS) {
    const value = values.get(name);
    if (value === undefined) continue;
    composed.set(label, offset);
    offset += label.length;
    copyAsOneLine(composed, offset, bytes.subarray(value.start, value.end));
    offset += value.end - value.start;
    composed[offset] = COMMA;
    offset += 1;
  }
  composed.write(tail, offset, "utf8");
  return composed;
}

/** Of each known name, however it is written, the last value. */
function lastValues(bytes: Uint8Array, start: number): Map<string, Slice> {
  const values = new Map<string, Slice>();
  for (const { name, value } of sliceMembers(bytes, start).members) {
    const field = FIELDS.find((known) => isNamed(bytes, name, known.name));
    if (field !== undefined) values.set(field.name, value);
  }
  return values;
}

/** The end of the object: what the service adds, and the closing brace. */
export function stampText({ eventId, receivedAt }: Stamp, hasId: boolean): string {
  const id = hasId ? "" : `"event_id":${JSON.stringify(eventId)},`;
  return `${id}"received_at":${JSON.stringify(receivedAt)}}`;
}
