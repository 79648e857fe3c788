// Walks a JSON text by its strict grammar, so that what it passes JSON.parse passes too, and makes no value of it.
//
// It demands a little more than the grammar, which is what an event's objects must keep anyway: texts are well formed,
// and names have no escapes and are not `__proto__`. Every function takes the place where its token begins and returns
// the place behind it, or NOTHING if the bytes there are not of its kind. The bytes must be UTF-8 already.
import {
  BACKSLASH,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COMMA,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  skipSpace,
  SPACE,
} from "./json.js";

export const NOTHING = -1;

const COLON = 0x3a;
const MINUS = 0x2d;
const PLUS = 0x2b;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const DELETE = 0x7f;
const SMALL_E = 0x65;
const SMALL_U = 0x75;

/** The first byte of U+0080 to U+00BF in UTF-8; up to U+009F they are control characters. */
const C1_LEAD = 0xc2;
const C1_END = 0xa0;

const TRUE = Buffer.from("true", "latin1");
const FALSE = Buffer.from("false", "latin1");
const NULL = Buffer.from("null", "latin1");
const PROTO = Buffer.from('"__proto__"', "latin1");

/** What may follow a backslash, but for `u`. */
const ESCAPES: ReadonlySet<number> = new Set(Buffer.from('"\\/bfnrt', "latin1"));

/** 1 for the bytes that stand for themselves in any text. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < SPACE || byte === QUOTE || byte === BACKSLASH ? 0 : 1,
);

/** 1 for those that stand for themselves in an identifier, whatever comes next. */
const IDENTIFIER = PLAIN.map((plain, byte) => (byte === DELETE || byte === C1_LEAD ? 0 : plain));

export class JsonScanner {
  /** The deepest level of an object or array since it was set to 0; the outermost is the first. */
  depth = 0;
  /** Members of all objects since it was set to 0, the doubled ones too. */
  keys = 0;

  readonly bytes: Uint8Array;
  readonly #length: number;
  readonly #levelsMax: number;

  /** No level may be deeper than `levelsMax`. */
  constructor(bytes: Uint8Array, levelsMax: number) {
    this.bytes = bytes;
    this.#length = bytes.length;
    this.#levelsMax = levelsMax;
  }

  /** The first place at or after `at` that is not white space. */
  space(at: number): number {
    // Most often there is none, and this much is compiled into its callers.
    return this.byte(at) > SPACE ? at : skipSpace(this.bytes, at);
  }

  byte(at: number): number {
    return at < this.#length ? (this.bytes[at] ?? NOTHING) : NOTHING;
  }

  /** Behind the colon and the space around it. */
  colon(at: number): number {
    const index = this.space(at);
    return this.byte(index) === COLON ? this.space(index + 1) : NOTHING;
  }

  value(at: number, level: number): number {
    const byte = this.byte(at);
    if (byte === QUOTE) return this.text(at);
    if (byte <= NINE) return this.#number(at);
    if (byte === OPEN_OBJECT) return this.object(at, level);
    if (byte === OPEN_ARRAY) return this.array(at, level);
    if (byte === TRUE[0]) return this.#word(at, TRUE);
    return byte === FALSE[0] ? this.#word(at, FALSE) : this.null(at);
  }

  object(at: number, level: number): number {
    if (this.byte(at) !== OPEN_OBJECT || !this.#enter(level)) return NOTHING;
    let index = this.space(at + 1);
    if (this.byte(index) === CLOSE_OBJECT) return index + 1;
    for (;;) {
      const nameEnd = this.#name(index);
      if (nameEnd < 0) return NOTHING;
      this.keys += 1;
      const value = this.colon(nameEnd);
      if (value < 0) return NOTHING;
      const end = this.value(value, level + 1);
      if (end < 0) return NOTHING;
      index = this.space(end);
      const byte = this.byte(index);
      if (byte === CLOSE_OBJECT) return index + 1;
      if (byte !== COMMA) return NOTHING;
      index = this.space(index + 1);
    }
  }

  array(at: number, level: number): number {
    if (this.byte(at) !== OPEN_ARRAY || !this.#enter(level)) return NOTHING;
    let index = this.space(at + 1);
    if (this.byte(index) === CLOSE_ARRAY) return index + 1;
    for (;;) {
      const end = this.value(index, level + 1);
      if (end < 0) return NOTHING;
      index = this.space(end);
      const byte = this.byte(index);
      if (byte === CLOSE_ARRAY) return index + 1;
      if (byte !== COMMA) return NOTHING;
      index = this.space(index + 1);
    }
  }

  #enter(level: number): boolean {
    if (level > this.depth) this.depth = level;
    return level <= this.#levelsMax;
  }

  /** A string without half of a surrogate pair. */
  text(at: number): number {
    const bytes = this.bytes;
    const length = this.#length;
    if (this.byte(at) !== QUOTE) return NOTHING;
    let index = at + 1;
    while (index < length) {
      const byte = bytes[index] ?? 0;
      if (PLAIN[byte] === 1) {
        index += 1;
      } else if (byte === QUOTE) {
        return index + 1;
      } else if (byte === BACKSLASH) {
        index = this.#escape(index);
        if (index < 0) return NOTHING;
      } else {
        return NOTHING;
      }
    }
    return NOTHING;
  }

  /** A string without escapes and control characters (C0, DEL, C1). */
  identifier(at: number): number {
    const bytes = this.bytes;
    const length = this.#length;
    if (this.byte(at) !== QUOTE) return NOTHING;
    let index = at + 1;
    while (index < length) {
      const byte = bytes[index] ?? 0;
      if (IDENTIFIER[byte] === 1) index += 1;
      else if (byte === QUOTE) return index + 1;
      else if (byte === C1_LEAD && this.byte(index + 1) >= C1_END) index += 2;
      else return NOTHING;
    }
    return NOTHING;
  }

  null(at: number): number {
    return this.#word(at, NULL);
  }

  /** Whether the bytes from `at` are these. */
  stands(at: number, expected: Uint8Array): boolean {
    const bytes = this.bytes;
    const length = this.#length;
    if (at + expected.length > length) return false;
    for (let index = 0; index < expected.length; index += 1) {
      if (bytes[at + index] !== expected[index]) return false;
    }
    return true;
  }

  /** The name of a member: a string without escapes. */
  #name(at: number): number {
    const bytes = this.bytes;
    const length = this.#length;
    if (this.byte(at) !== QUOTE) return NOTHING;
    let index = at + 1;
    while (index < length && PLAIN[bytes[index] ?? 0] === 1) index += 1;
    if (this.byte(index) !== QUOTE) return NOTHING;
    const isProto = index + 1 - at === PROTO.length && this.stands(at, PROTO);
    return isProto ? NOTHING : index + 1;
  }

  #word(at: number, word: Uint8Array): number {
    return this.stands(at, word) ? at + word.length : NOTHING;
  }

  #number(at: number): number {
    const first = this.byte(at) === MINUS ? at + 1 : at;
    let index = this.byte(first) === ZERO ? first + 1 : this.#digits(first);
    if (index < 0) return NOTHING;
    if (this.byte(index) === POINT) {
      index = this.#digits(index + 1);
      if (index < 0) return NOTHING;
    }
    // Bit 5 is what makes a letter small.
    if ((this.byte(index) | 0x20) !== SMALL_E) return index;
    const sign = this.byte(index + 1);
    return this.#digits(sign === PLUS || sign === MINUS ? index + 2 : index + 1);
  }

  /** At least one. */
  #digits(at: number): number {
    const bytes = this.bytes;
    const length = this.#length;
    let index = at;
    while (index < length) {
      const byte = bytes[index] ?? 0;
      if (byte < ZERO || byte > NINE) break;
      index += 1;
    }
    return index === at ? NOTHING : index;
  }

  #escape(at: number): number {
    const kind = this.byte(at + 1);
    if (kind !== SMALL_U) return ESCAPES.has(kind) ? at + 2 : NOTHING;
    const unit = this.#unit(at);
    if (unit < 0xd800 || unit > 0xdfff) return unit < 0 ? NOTHING : at + 6;
    const isPair = unit <= 0xdbff && this.byte(at + 6) === BACKSLASH && this.byte(at + 7) === SMALL_U;
    const second = isPair ? this.#unit(at + 6) : NOTHING;
    return second >= 0xdc00 && second <= 0xdfff ? at + 12 : NOTHING;
  }

  /** The number that the four digits of an escape spell. */
  #unit(at: number): number {
    let unit = 0;
    for (let index = at + 2; index < at + 6; index += 1) {
      const byte = this.byte(index);
      const letter = byte | 0x20;
      if (byte >= ZERO && byte <= NINE) unit = unit * 16 + (byte - ZERO);
      else if (letter >= 0x61 && letter <= 0x66) unit = unit * 16 + (letter - 0x57);
      else return NOTHING;
    }
    return unit;
  }
}
