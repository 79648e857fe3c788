// Where key and value stand in the record of a common event, found by looking at its bytes.
//
// Common is an event without a trace whose texts are plain: ASCII without escapes. Of such a record every member is where
// `encodeRecord` puts it, and the bytes between two quotes are the text. Of anything else nothing is said, and
// `decodeRecord` is asked; where something is said, `decodeRecord` says the same.

/** So many places are told of an event: where its key begins and ends, and where its value does. */
export const GLANCE_PLACES: number = 4;

const BEFORE_ID = Buffer.from('{"kind":"event","id":"');
const BEFORE_AT = Buffer.from(',"at":"');
const BEFORE_KEY = Buffer.from(',"key":"');
const BEFORE_TYPE = Buffer.from(',"type":"');
const BEFORE_VALUE = Buffer.from(',"value":');
const QUOTE = 0x22;
const CLOSE = 0x7d;

/** 1 for what may stand in a plain text: neither a quote, a backslash, a control character nor a part of UTF-8. */
const PLAIN: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) =>
  Number(byte >= 0x20 && byte < 0x80 && byte !== QUOTE && byte !== 0x5c),
);

/**
 * Looks at the record in `bytes[from, to)`. Where it is that of a common event its GLANCE_PLACES, offsets into `bytes`,
 * are put into `places` from `at` on; otherwise the answer is no.
 */
export function glanceAtEvent(
  bytes: Uint8Array,
  from: number,
  to: number,
  places: Int32Array,
  at: number,
): boolean {
  const valueTo = to - 1;
  const idTo = plainTextAt(bytes, from, BEFORE_ID);
  const atTo = plainTextAt(bytes, idTo, BEFORE_AT);
  const keyTo = plainTextAt(bytes, atTo, BEFORE_KEY);
  const typeTo = plainTextAt(bytes, keyTo, BEFORE_TYPE);
  if (typeTo < 0 || !standsAt(bytes, typeTo, BEFORE_VALUE) || bytes[valueTo] !== CLOSE) return false;
  const valueFrom = typeTo + BEFORE_VALUE.length;
  if (valueFrom >= valueTo) return false;
  places[at] = atTo + BEFORE_KEY.length;
  places[at + 1] = keyTo - 1;
  places[at + 2] = valueFrom;
  places[at + 3] = valueTo;
  return true;
}

/** The offset behind the text that `opening` begins and a quote ends; -1 if there is no such text, or `from` is -1. */
function plainTextAt(bytes: Uint8Array, from: number, opening: Uint8Array): number {
  if (from < 0 || !standsAt(bytes, from, opening)) return -1;
  let at = from + opening.length;
  while (PLAIN[bytes[at] ?? QUOTE] === 1) at += 1;
  return bytes[at] === QUOTE ? at + 1 : -1;
}

function standsAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let index = 0; index < wanted.length; index += 1) {
    if (bytes[at + index] !== wanted[index]) return false;
  }
  return true;
}
