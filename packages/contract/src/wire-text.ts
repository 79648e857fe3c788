// Writes the JSON of the events of a protobuf message straight from its bytes, as `JSON.stringify` would write what the
// decoder makes of them: no value is made in between.
//
// Invariant: where it would have to think (a field that is not known, comes twice or out of order, or has another wire
// type; names of a Struct that come twice, or that JavaScript would put into another order; bytes that are not UTF-8; a
// number that JSON does not have; `__proto__`; more levels than an event may have) it gives up by throwing UNUSUAL.
import { isUtf8 } from "node:buffer";
import { FIELDS } from "./event-layout.js";

/** The bytes are not of the common kind. Thrown to leave the walk. */
class Unusual extends Error {}

export const UNUSUAL: Error = new Unusual();

/** Levels of Structs and lists. Deeper ones are the decoder's to read, and the check's to refuse. */
export const WIRE_LEVELS_MAX = 40;

/** Members of one Struct; each is compared with those before it. */
const NAMES_MAX = 64;

// Tags: the number of the field times eight, plus the wire type.
const LENGTH_DELIMITED = 2;
const EVENT_DATA_FIELD = 5;
const METADATA_FIELD = 8;
const STRUCT_FIELDS_TAG = 0x0a;
const ENTRY_KEY_TAG = 0x0a;
const ENTRY_VALUE_TAG = 0x12;
const LIST_VALUES_TAG = 0x0a;
const NULL_TAG = 0x08;
const NUMBER_TAG = 0x11;
const STRING_TAG = 0x1a;
const BOOL_TAG = 0x20;
const STRUCT_TAG = 0x2a;
const LIST_TAG = 0x32;

const DOUBLE_BYTES = 8;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const ZERO = 0x30;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

/** The longest text of a number, and of a word, with room to spare. */
const SCALAR_BYTES_MAX = 32;

const TRUE = Buffer.from("true", "latin1");
const FALSE = Buffer.from("false", "latin1");
const NULL = Buffer.from("null", "latin1");
const PROTO = Buffer.from("__proto__", "latin1");

/** 1 for the bytes that stand for themselves in a text, alone. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < 0x20 || byte >= 0x80 || byte === QUOTE || byte === 0x5c ? 0 : 1,
);

/** Names that are written as small whole numbers come first, in their order, whatever order they were made in. */
const INDEX_DIGITS_MAX = 9;

/** Every method begins where the one before it ended, and none reads behind the end that it is given. */
export class WireText {
  /** Where the next byte is read. */
  at = 0;
  /** What has been written; it may move while more is. */
  text: Buffer;
  /** Where the next byte is written. */
  to = 0;
  readonly #bytes: Buffer;
  /** Where the names of the Structs that are open begin and end. */
  readonly #names: number[] = [];

  constructor({ buffer, byteOffset, byteLength }: Uint8Array) {
    this.#bytes = Buffer.from(buffer, byteOffset, byteLength);
    this.text = Buffer.allocUnsafe(2 * byteLength + 256);
  }

  /** Writes one event, whose message ends there. */
  event(end: number): void {
    this.#put(OPEN_OBJECT);
    let last = 0;
    while (this.at < end) {
      const tag = this.#byte(end);
      const field = tag >> 3;
      const known = FIELDS[field - 1];
      if ((tag & 7) !== LENGTH_DELIMITED || known === undefined || field <= last) throw UNUSUAL;
      last = field;
      const fieldEnd = this.end(end);
      const isStruct = field === EVENT_DATA_FIELD || field === METADATA_FIELD;
      // An empty text counts as an absent one.
      if (!isStruct && fieldEnd === this.at) continue;
      if (this.text[this.to - 1] !== OPEN_OBJECT) this.#put(COMMA);
      this.#copy(known.label);
      if (isStruct) this.#struct(fieldEnd, WIRE_LEVELS_MAX);
      else this.#text(fieldEnd);
    }
    this.#put(CLOSE_OBJECT);
  }

  expect(tag: number): void {
    if (this.#bytes[this.at] !== tag) throw UNUSUAL;
    this.at += 1;
  }

  /** Reads a length; returns where what is so long ends. */
  end(limit: number): number {
    const length = this.#varint(limit);
    const end = this.at + length;
    if (end > limit) throw UNUSUAL;
    return end;
  }

  #struct(end: number, levels: number): void {
    if (levels === 0) throw UNUSUAL;
    this.#put(OPEN_OBJECT);
    const first = this.#names.length;
    let lastIndex = -1;
    while (this.at < end) {
      this.expect(STRUCT_FIELDS_TAG);
      const entryEnd = this.end(end);
      this.expect(ENTRY_KEY_TAG);
      const nameEnd = this.end(entryEnd);
      lastIndex = this.#placeAfter(lastIndex, nameEnd);
      this.#remember(first, nameEnd);
      if (this.#names.length > first + 2) this.#put(COMMA);
      this.#text(nameEnd);
      this.#put(COLON);
      this.expect(ENTRY_VALUE_TAG);
      if (this.end(entryEnd) !== entryEnd) throw UNUSUAL;
      this.#value(entryEnd, levels);
    }
    this.#names.length = first;
    this.#put(CLOSE_OBJECT);
  }

  /** Where a name from here to `end` stands among small whole numbers: Infinity, behind all of them, if it is none. */
  #placeAfter(last: number, end: number): number {
    const digits = end - this.at;
    let index = 0;
    for (let at = this.at; at < end; at += 1) {
      const digit = (this.#bytes[at] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) return Infinity;
      index = index * 10 + digit;
    }
    if (digits === 0 || (digits > 1 && this.#bytes[this.at] === ZERO)) return Infinity;
    if (digits > INDEX_DIGITS_MAX || index <= last) throw UNUSUAL;
    return index;
  }

  /** The name from here to `end`, if it is not there already. */
  #remember(first: number, end: number): void {
    const names = this.#names;
    const start = this.at;
    const length = end - start;
    if (names.length - first >= 2 * NAMES_MAX) throw UNUSUAL;
    if (length === PROTO.length && this.#isSame(PROTO, 0, length)) throw UNUSUAL;
    for (let index = first; index < names.length; index += 2) {
      const other = names[index] ?? 0;
      if ((names[index + 1] ?? 0) - other === length && this.#isSame(this.#bytes, other, length))
        throw UNUSUAL;
    }
    names.push(start, end);
  }

  #isSame(bytes: Uint8Array, start: number, length: number): boolean {
    for (let index = 0; index < length; index += 1) {
      if (bytes[start + index] !== this.#bytes[this.at + index]) return false;
    }
    return true;
  }

  #list(end: number, levels: number): void {
    if (levels === 0) throw UNUSUAL;
    this.#put(OPEN_ARRAY);
    for (let isFirst = true; this.at < end; isFirst = false) {
      if (!isFirst) this.#put(COMMA);
      this.expect(LIST_VALUES_TAG);
      this.#value(this.end(end), levels);
    }
    this.#put(CLOSE_ARRAY);
  }

  /** Exactly one kind: with none, or several, the decoder knows what is meant. */
  #value(end: number, levels: number): void {
    this.#kind(this.#byte(end), end, levels);
    if (this.at !== end) throw UNUSUAL;
  }

  #kind(tag: number, end: number, levels: number): void {
    switch (tag) {
      case STRING_TAG:
        return this.#text(this.end(end));
      case NUMBER_TAG:
        return this.#number(end);
      case BOOL_TAG:
        return this.#copy(this.#bit(end) === 1 ? TRUE : FALSE);
      case NULL_TAG:
        if (this.#bit(end) !== 0) throw UNUSUAL;
        return this.#copy(NULL);
      case STRUCT_TAG:
        return this.#struct(this.end(end), levels - 1);
      case LIST_TAG:
        return this.#list(this.end(end), levels - 1);
      default:
        throw UNUSUAL;
    }
  }

  #number(end: number): void {
    if (this.at + DOUBLE_BYTES > end) throw UNUSUAL;
    const number = this.#bytes.readDoubleLE(this.at);
    if (!Number.isFinite(number)) throw UNUSUAL;
    this.at += DOUBLE_BYTES;
    this.#reserve(SCALAR_BYTES_MAX);
    this.to += this.text.write(String(number), this.to, "latin1");
  }

  #bit(end: number): number {
    const bit = this.#byte(end);
    if (bit > 1) throw UNUSUAL;
    return bit;
  }

  /** The text from here to `end`, in quotes. */
  #text(end: number): void {
    this.#reserve(end - this.at + 2);
    const bytes = this.#bytes;
    const { text } = this;
    let to = this.to;
    text[to] = QUOTE;
    to += 1;
    for (let at = this.at; at < end; at += 1) {
      const byte = bytes[at] ?? 0;
      if (PLAIN[byte] === 0) return this.#unusualText(end);
      text[to] = byte;
      to += 1;
    }
    text[to] = QUOTE;
    this.to = to + 1;
    this.at = end;
  }

  /** A text that is not ASCII, or needs escapes. */
  #unusualText(end: number): void {
    const bytes = this.#bytes.subarray(this.at, end);
    // A byte order mark at the beginning is no part of a text for the decoder.
    if (bytes[0] === 0xef || !isUtf8(bytes)) throw UNUSUAL;
    const quoted = JSON.stringify(bytes.toString("utf8"));
    this.#reserve(Buffer.byteLength(quoted));
    this.to += this.text.write(quoted, this.to, "utf8");
    this.at = end;
  }

  /** Lengths of up to 28 bits; longer ones do not fit into a message. */
  #varint(limit: number): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte(limit);
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw UNUSUAL;
  }

  #byte(limit: number): number {
    if (this.at >= limit) throw UNUSUAL;
    const byte = this.#bytes[this.at] ?? 0;
    this.at += 1;
    return byte;
  }

  #put(byte: number): void {
    this.#reserve(1);
    this.text[this.to] = byte;
    this.to += 1;
  }

  #copy(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    const { text } = this;
    let to = this.to;
    for (let index = 0; index < bytes.length; index += 1) {
      text[to] = bytes[index] ?? 0;
      to += 1;
    }
    this.to = to;
  }

  #reserve(bytes: number): void {
    if (this.to + bytes <= this.text.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.to + bytes, 2 * this.text.length));
    larger.set(this.text.subarray(0, this.to));
    this.text = larger;
  }
}
