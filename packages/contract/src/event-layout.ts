// Whether an event's own bytes may stand in the record as they are, found by looking at the names of its members.
//
// They may if each name is a known one, without an escape, and there once: the record then holds them with something
// appended. Everything here expects JSON that JSON.parse has accepted: of other bytes the answers mean nothing, and every
// loop still ends within them.
import { EVENT_FIELDS } from "./event.js";
import {
  CLOSE_OBJECT,
  endOfString,
  endOfValue,
  QUOTE,
  skipSpace,
  startOfNext,
  startOfValue,
} from "./json.js";

/** An object that may stay as it is, but for what is appended to it. */
export interface EventLayout {
  /** Where the closing brace stands. */
  readonly close: number;
  readonly isEmpty: boolean;
  readonly hasId: boolean;
  /** True if it is known that no raw line break stands between its tokens. */
  readonly isOneLine: boolean;
}

export interface Field {
  /** One bit of its own. */
  readonly bit: number;
  readonly name: string;
  /** The name with the colon, as it is written. */
  readonly label: Uint8Array;
}

export const FIELDS: readonly Field[] = EVENT_FIELDS.map((name, index) => ({
  bit: 1 << index,
  name,
  label: Buffer.from(`"${name}":`, "latin1"),
}));

// Most names are told apart by their length, so that few are compared.
const FIELDS_BY_LENGTH: readonly (readonly Field[])[] = Array.from({ length: 16 }, (_, length) =>
  FIELDS.filter(({ name }) => name.length === length),
);

const NULL_START = 0x6e;

/** Undefined if a member must go or be written otherwise. */
export function readLayout(bytes: Uint8Array, start: number): EventLayout | undefined {
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
  return { close: index, isEmpty: index === first, hasId, isOneLine: false };
}

/** The field whose name stands there, quotes included, without an escape. */
export function fieldAt(bytes: Uint8Array, start: number, end: number): Field | undefined {
  for (const field of FIELDS_BY_LENGTH[end - start - 2] ?? []) {
    let index = 1;
    while (start + index < end && bytes[start + index] === field.label[index]) index += 1;
    if (start + index === end) return field;
  }
  return undefined;
}

/** True for `null` and `""`, which count as an absent field. */
export function isNothing(bytes: Uint8Array, start: number, end: number): boolean {
  return bytes[start] === NULL_START || (bytes[start] === QUOTE && end - start === 2);
}
