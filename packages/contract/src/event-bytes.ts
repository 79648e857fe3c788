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
  isNamed,
  hasEscape,
  memberAt,
  OPEN_OBJECT,
  QUOTE,
  skipSpace,
  type Member,
  type Slice,
} from "./json.js";

/** What the service adds to an event. */
export interface Stamp {
  /** Used only if the event brings none of its own. */
  readonly eventId: string;
  /** RFC 3339 in UTC, with milliseconds. */
  readonly receivedAt: string;
}

interface Survey {
  /** The last member of each known name, in the order of EVENT_FIELDS. */
  readonly known: (Member | undefined)[];
  /** True if the bytes can stay as they are. */
  plain: boolean;
  /** Where the closing brace stands. */
  close: number;
}

const EVENT_ID = EVENT_FIELDS.indexOf("event_id");
const NULL_START = 0x6e;

/** The event's JSON on one line. `bytes` is one JSON object in UTF-8 that JSON.parse has accepted. */
export function composeEvent(bytes: Uint8Array, stamp: Stamp): Uint8Array {
  const survey = surveyMembers(bytes);
  const own = survey.known[EVENT_ID];
  const hasId = own !== undefined && !isNothing(bytes, own.value);
  const added = `${hasId ? "" : `"event_id":${JSON.stringify(stamp.eventId)},`}"received_at":${JSON.stringify(stamp.receivedAt)}}`;
  if (survey.plain && (hasId || own === undefined)) {
    return append(bytes.subarray(skipSpace(bytes, 0), survey.close), added);
  }
  return assemble(bytes, hasId ? survey.known : survey.known.with(EVENT_ID, undefined), added);
}

function surveyMembers(bytes: Uint8Array): Survey {
  const survey: Survey = { known: EVENT_FIELDS.map(() => undefined), plain: true, close: 0 };
  let index = skipSpace(bytes, skipSpace(bytes, 0) + 1);
  while (index < bytes.length && bytes[index] !== CLOSE_OBJECT) {
    const member = memberAt(bytes, index);
    const field = EVENT_FIELDS.findIndex((name) => isNamed(bytes, member.name, name));
    if (field < 0 || survey.known[field] !== undefined || hasEscape(bytes, member.name)) survey.plain = false;
    if (field >= 0) survey.known[field] = member;
    index = skipSpace(bytes, member.value.end);
    if (bytes[index] === COMMA) index = skipSpace(bytes, index + 1);
  }
  survey.close = index;
  return survey;
}

/** True for `null` and `""`, which count as an absent field. */
function isNothing(bytes: Uint8Array, value: Slice): boolean {
  const first = bytes[value.start];
  return first === NULL_START || (first === QUOTE && value.end - value.start === 2);
}

/** `object` is an object without its closing brace. */
function append(object: Uint8Array, added: string): Uint8Array {
  const last = object.length === 1 || isEmptySoFar(object) ? "" : ",";
  const tail = Buffer.from(last + added);
  const composed = Buffer.allocUnsafe(object.length + tail.length);
  copyAsOneLine(composed, 0, object);
  composed.set(tail, object.length);
  return composed;
}

function isEmptySoFar(object: Uint8Array): boolean {
  return skipSpace(object, 1) === object.length;
}

function assemble(bytes: Uint8Array, known: readonly (Member | undefined)[], added: string): Uint8Array {
  const parts: Uint8Array[] = [];
  let size = 1;
  EVENT_FIELDS.forEach((name, field) => {
    const member = known[field];
    if (member === undefined) return;
    const label = Buffer.from(`"${name}":`, "latin1");
    const value = bytes.subarray(member.value.start, member.value.end);
    parts.push(label, value, Buffer.of(COMMA));
    size += label.length + value.length + 1;
  });
  const tail = Buffer.from(added);
  const composed = Buffer.allocUnsafe(size + tail.length);
  composed[0] = OPEN_OBJECT;
  let offset = 1;
  for (const part of parts) {
    copyAsOneLine(composed, offset, part);
    offset += part.length;
  }
  composed.set(tail, offset);
  return composed;
}
