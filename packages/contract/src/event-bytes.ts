// What is published of an accepted event: its own bytes, with `event_id` and `received_at` put in.
//
// Where the sender's members are just the known ones, each once, the two are appended and nothing else is
// touched. Otherwise (a name that is not known, is doubled, or is written with escapes; a `received_at` of the
// sender's; an `event_id` that is null or empty) the object is put together again from the bytes of the known
// values: unknown members are dropped, of doubles the last counts, as for JSON.parse.
import { EVENT_FIELDS } from "./event.js";
import {
  CLOSE_OBJECT,
  COMMA,
  copyAsOneLine,
  endOfString,
  endOfValue,
  isNamed,
  OPEN_OBJECT,
  QUOTE,
  skipSpace,
  sliceMembers,
  startOfNext,
  startOfValue,
  type Slice,
} from "./json.js";

/** What the service adds to an event. */
export interface Stamp {
  /** Used only if the event brings none of its own. */
  readonly eventId: string;
  /** RFC 3339 in UTC, with milliseconds. */
  readonly receivedAt: string;
}

/** An object that may stay as it is, but for what is appended to it. */
interface PlainObject {
  /** Where the closing brace stands. */
  readonly close: number;
  readonly isEmpty: boolean;
  readonly hasId: boolean;
}

interface Field {
  /** One bit of its own. */
  readonly bit: number;
  readonly name: string;
  /** The name with the colon, as it is written. */
  readonly label: Uint8Array;
}

const FIELDS: readonly Field[] = EVENT_FIELDS.map((name, index) => ({
  bit: 1 << index,
  name,
  label: Buffer.from(`"${name}":`, "latin1"),
}));

// Most names are told apart by their length, so that few are compared.
const FIELDS_BY_LENGTH: readonly (readonly Field[])[] = Array.from({ length: 16 }, (_, length) =>
  FIELDS.filter(({ name }) => name.length === length),
);

const NULL_START = 0x6e;

/** The event's JSON on one line. `bytes` is one JSON object in UTF-8 that JSON.parse has accepted. */
export function composeEvent(bytes: Uint8Array, stamp: Stamp): Uint8Array {
  const start = skipSpace(bytes, 0);
  const plain = readPlain(bytes, start);
  return plain === undefined ? assemble(bytes, start, stamp) : append(bytes, start, plain, stamp);
}

/** Undefined if a member must go, or must be written otherwise. */
function readPlain(bytes: Uint8Array, start: number): PlainObject | undefined {
  const first = skipSpace(bytes, start + 1);
  let index = first;
  let seen = 0;
  let hasId = false;
  while (index < bytes.length && bytes[index] !== CLOSE_OBJECT) {
    const nameEnd = endOfString(bytes, index + 1);
    const field = fieldAt(bytes, index, nameEnd);
    if (field === undefined || (seen & field.bit) !== 0) return undefined;
    seen |= field.bit;
    const value = startOfValue(bytes, nameEnd);
    const end = endOfValue(bytes, value);
    if (field.name === "event_id") {
      if (isNothing(bytes, value, end)) return undefined;
      hasId = true;
    }
    index = startOfNext(bytes, end);
  }
  return { close: index, isEmpty: index === first, hasId };
}

/** The field whose name stands there, quotes included, without an escape. */
function fieldAt(bytes: Uint8Array, start: number, end: number): Field | undefined {
  for (const field of FIELDS_BY_LENGTH[end - start - 2] ?? []) {
    let index = 1;
    while (start + index < end && bytes[start + index] === field.label[index]) index += 1;
    if (start + index === end) return field;
  }
  return undefined;
}

/** True for `null` and `""`, which count as an absent field. */
function isNothing(bytes: Uint8Array, start: number, end: number): boolean {
  return bytes[start] === NULL_START || (bytes[start] === QUOTE && end - start === 2);
}

function append(bytes: Uint8Array, start: number, plain: PlainObject, stamp: Stamp): Uint8Array {
  const tail = (plain.isEmpty ? "" : ",") + stampText(stamp, plain.hasId);
  const length = plain.close - start;
  const composed = Buffer.allocUnsafe(length + Buffer.byteLength(tail));
  copyAsOneLine(composed, 0, bytes.subarray(start, plain.close));
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
function stampText({ eventId, receivedAt }: Stamp, hasId: boolean): string {
  const id = hasId ? "" : `"event_id":${JSON.stringify(eventId)},`;
  return `${id}"received_at":${JSON.stringify(receivedAt)}}`;
}
