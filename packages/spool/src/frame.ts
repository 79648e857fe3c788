/**
 * One line of a segment: bytes ⇄ payload. FORMAT.md, "A line".
 *
 *     {"crc":"9f3a01bc","n":41,"d":<payload>}
 *
 * The checksum is CRC-32 over everything from `"n"` to the last byte before the line feed, started from the
 * CRC-32 of the segment's name, so that a line which strayed here from another segment does not verify. A line
 * is verified by slicing, without parsing JSON.
 *
 * **Invariant:** pure. **Invariant:** encoding refuses a payload with a raw line feed or carriage return.
 */
import { crc32 } from "node:zlib";
import { SpoolError } from "./errors.js";

/** What a line is: an event of the user, the first line of a segment, or its last. */
export type LineKind = "data" | "header" | "seal";

export interface Line {
  readonly kind: LineKind;
  readonly sequence: number;
  /** The bytes that were decoded, in which the payload stands from `payloadFrom` up to `payloadTo`. */
  readonly source: Buffer;
  readonly payloadFrom: number;
  readonly payloadTo: number;
}

const MEMBER: Record<LineKind, string> = { data: "d", header: "header", seal: "seal" };
const KINDS = ["data", "seal", "header"] as const;
const OPENING = Buffer.from('{"crc":"');
/** Between the checksum and the number. */
const BEFORE_NUMBER = Buffer.from('","n":');
/** Between the number and the payload. */
const BEFORE_PAYLOAD: Readonly<Record<LineKind, Buffer>> = {
  data: Buffer.from(`,"${MEMBER.data}":`),
  seal: Buffer.from(`,"${MEMBER.seal}":`),
  header: Buffer.from(`,"${MEMBER.header}":`),
};
/** A line up to its number, with room for the checksum. */
const PREFIX = Buffer.from('{"crc":"00000000","n":', "latin1");
const CHECKSUM_FROM = 8;
const CHECKED_FROM = 18;
/** What stands between the number and the payload. */
const LABEL: Record<LineKind, Uint8Array> = {
  data: Buffer.from(`,"${MEMBER.data}":`, "latin1"),
  header: Buffer.from(`,"${MEMBER.header}":`, "latin1"),
  seal: Buffer.from(`,"${MEMBER.seal}":`, "latin1"),
};
const HEX = Buffer.from("0123456789abcdef", "latin1");
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
/** `}` */
const CLOSE = 0x7d;

/** An upper bound of what a frame adds to its payload: prefix, number of up to 16 digits, brackets, line feed. */
export const FRAME_BYTES_MAX: number = 64;

/** No line is shorter, its line feed included: `{"crc":"00000000","n":1,"d":1}`. */
export const LINE_BYTES_MIN: number = 31;

/** What the checksum of every line of a segment starts from. */
export function checksumSeed(segment: string): number {
  return crc32(segment);
}

/** Throws `invalid_payload` unless the payload can stand inside a line. */
export function assertPayload(payload: Uint8Array): void {
  if (payload.byteLength === 0) throw new SpoolError("invalid_payload", "The payload is empty.");
  if (holdsLineBreak(payload)) {
    throw new SpoolError("invalid_payload", "The payload holds a raw line feed or carriage return.");
  }
}

/** True for bytes that would end the line they stand in. */
export function holdsLineBreak(bytes: Uint8Array): boolean {
  return bytes.includes(LINE_FEED) || bytes.includes(CARRIAGE_RETURN);
}

/**
 * Writes one line at `offset` of `target`, which has room for the payload and FRAME_BYTES_MAX more. The payload stands
 * in `source`, from `from` up to `to`. Returns the offset after its line feed.
 */
export function encodeLine(
  target: Buffer,
  offset: number,
  seed: number,
  kind: LineKind,
  sequence: number,
  source: Uint8Array,
  from: number,
  to: number,
): number {
  // Byte by byte: a call of `write` for so few costs as much as all of this.
  let end = copyFew(target, offset, PREFIX);
  end = writeNumber(target, end, sequence);
  end = copyFew(target, end, LABEL[kind]);
  target.set(viewOf(source, from, to), end);
  end += to - from;
  target[end++] = CLOSE;
  writeChecksum(target, offset + CHECKSUM_FROM, crc32(viewOf(target, offset + CHECKED_FROM, end), seed));
  target[end++] = LINE_FEED;
  return end;
}

/** A plain view: a Buffer costs twice as much to make. */
function viewOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
}

function copyFew(target: Buffer, offset: number, source: Uint8Array): number {
  for (let index = 0; index < source.length; index++) target[offset + index] = source[index] ?? 0;
  return offset + source.length;
}

function writeNumber(target: Buffer, offset: number, value: number): number {
  let end = offset + 1;
  for (let limit = 10; value >= limit; limit *= 10) end++;
  let rest = value;
  for (let index = end - 1; index >= offset; index--) {
    const tenth = Math.floor(rest / 10);
    target[index] = 0x30 + (rest - tenth * 10);
    rest = tenth;
  }
  return end;
}

function writeChecksum(target: Buffer, offset: number, checksum: number): void {
  for (let index = 0; index < 8; index++) {
    target[offset + index] = HEX[(checksum >>> (28 - 4 * index)) & 0xf] ?? 0;
  }
}

/** One line in a buffer of its own. */
export function encodeSingleLine(
  seed: number,
  kind: LineKind,
  sequence: number,
  payload: Uint8Array,
): Buffer {
  assertPayload(payload);
  const target = Buffer.allocUnsafe(payload.byteLength + FRAME_BYTES_MAX);
  return target.subarray(0, encodeLine(target, 0, seed, kind, sequence, payload, 0, payload.byteLength));
}

/**
 * Reads the line in `bytes[start, end)`, without its line feed. Returns undefined if these bytes are not a line of
 * the segment that the seed belongs to, for whatever reason.
 */
export function decodeLine(bytes: Buffer, start: number, end: number, seed: number): Line | undefined {
  const checkedFrom = start + CHECKED_FROM;
  if (end - checkedFrom < 8 || bytes[end - 1] !== CLOSE) return undefined;
  if (!standsAt(bytes, start, OPENING) || !standsAt(bytes, checkedFrom - 2, BEFORE_NUMBER)) return undefined;
  const stored = parseChecksum(bytes, start + OPENING.byteLength);
  if (stored === undefined) return undefined;
  // A plain view: a Buffer costs twice as much to make.
  const checked = new Uint8Array(bytes.buffer, bytes.byteOffset + checkedFrom, end - checkedFrom);
  if (stored !== crc32(checked, seed)) return undefined;
  return splitChecked(bytes, checkedFrom + 4, end);
}

function standsAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let index = 0; index < wanted.length; index++) {
    if (bytes[at + index] !== wanted[index]) return false;
  }
  return true;
}

/** Eight lower-case hexadecimal digits, or undefined: there is one spelling of a checksum. */
function parseChecksum(bytes: Buffer, at: number): number | undefined {
  let value = 0;
  for (let index = at; index < at + 8; index++) {
    const byte = bytes[index] ?? 0;
    if (byte >= 0x30 && byte <= 0x39) value = value * 16 + (byte - 0x30);
    else if (byte >= 0x61 && byte <= 0x66) value = value * 16 + (byte - 0x57);
    else return undefined;
  }
  return value;
}

/** The rest of a line whose checksum holds: number, member, payload. */
function splitChecked(bytes: Buffer, from: number, end: number): Line | undefined {
  let at = from;
  let sequence = 0;
  for (; at < end; at++) {
    const byte = bytes[at] ?? 0;
    if (byte < 0x30 || byte > 0x39) break;
    sequence = sequence * 10 + (byte - 0x30);
  }
  if (at === from || !Number.isSafeInteger(sequence)) return undefined;
  for (const kind of KINDS) {
    const payloadFrom = at + BEFORE_PAYLOAD[kind].byteLength;
    if (payloadFrom < end && standsAt(bytes, at, BEFORE_PAYLOAD[kind])) {
      return { kind, sequence, source: bytes, payloadFrom, payloadTo: end - 1 };
    }
  }
  return undefined;
}

/** The bytes of the payload, a view into the bytes that were decoded. */
export function payloadOf({ source, payloadFrom, payloadTo }: Line): Buffer {
  return source.subarray(payloadFrom, payloadTo);
}
