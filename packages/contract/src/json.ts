// Finds things in the bytes of a JSON text without rebuilding it, so that what was sent can be published as it
// was sent: 12345678901234567890, 1e400 and 1.10 stay as they were spelt.
//
// Everything here expects UTF-8 that JSON.parse has accepted or (jsonDepth) will be asked to accept. On other
// bytes the answers mean nothing, but every loop still ends within the bytes. There is no recursion: depth
// costs nothing but a counter.

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;
export const BACKSLASH = 0x5c;
export const OPEN_ARRAY = 0x5b;
export const CLOSE_ARRAY = 0x5d;
export const SPACE = 0x20;
export const LINE_FEED = 0x0a;
export const CARRIAGE_RETURN = 0x0d;
const TAB = 0x09;

/** Bytes `start` up to but not including `end`. */
export interface Slice {
  readonly start: number;
  readonly end: number;
}

/** A member of an object: its name with the quotes, and its value. */
export interface Member {
  readonly name: Slice;
  readonly value: Slice;
}

/** What the text says, in an object of its own because it may say anything; undefined if it is not JSON. */
export function parseJson(bytes: Buffer): { readonly value: unknown } | undefined {
  try {
    return { value: JSON.parse(bytes.toString("utf8")) };
  } catch {
    return undefined;
  }
}

/** How deep brackets nest. It stops counting at the first that is deeper than `depthMax`. */
export function jsonDepth(bytes: Uint8Array, depthMax: number = Infinity): number {
  const length = bytes.length;
  let depth = 0;
  let deepest = 0;
  let index = 0;
  while (index < length) {
    const byte = bytes[index];
    index += 1;
    if (byte === QUOTE) {
      index = endOfString(bytes, index);
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      depth += 1;
      if (depth > deepest) {
        deepest = depth;
        if (deepest > depthMax) return deepest;
      }
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      depth -= 1;
    }
  }
  return deepest;
}

/** The members of the object that begins at `start`, in order, the doubled ones too. */
export function sliceMembers(bytes: Uint8Array, start: number): { members: Member[]; end: number } {
  const members: Member[] = [];
  let index = skipSpace(bytes, start + 1);
  while (index < bytes.length && bytes[index] !== CLOSE_OBJECT) {
    const name = { start: index, end: endOfString(bytes, index + 1) };
    const value = startOfValue(bytes, name.end);
    const end = endOfValue(bytes, value);
    members.push({ name, value: { start: value, end } });
    index = startOfNext(bytes, end);
  }
  return { members, end: Math.min(index + 1, bytes.length) };
}

/** The elements of the array that begins at `start`, in order. */
export function sliceElements(bytes: Uint8Array, start: number): { elements: Slice[]; end: number } {
  const elements: Slice[] = [];
  let index = skipSpace(bytes, start + 1);
  while (index < bytes.length && bytes[index] !== CLOSE_ARRAY) {
    const end = endOfValue(bytes, index);
    elements.push({ start: index, end });
    index = startOfNext(bytes, end);
  }
  return { elements, end: Math.min(index + 1, bytes.length) };
}

/** Where the value of a member begins whose name ends at `nameEnd`. */
export function startOfValue(bytes: Uint8Array, nameEnd: number): number {
  return skipSpace(bytes, Math.min(skipSpace(bytes, nameEnd) + 1, bytes.length));
}

/** Where, after a member or an element that ends at `end`, the next begins or the closing bracket stands. */
export function startOfNext(bytes: Uint8Array, end: number): number {
  const index = skipSpace(bytes, end);
  return bytes[index] === COMMA ? skipSpace(bytes, index + 1) : index;
}

/** True if the name, decoded, is `text`, which must be ASCII without quotes and backslashes. */
export function isNamed(bytes: Uint8Array, name: Slice, text: string): boolean {
  const length = name.end - name.start - 2;
  if (length === text.length) {
    let index = 0;
    while (index < length && bytes[name.start + 1 + index] === text.charCodeAt(index)) index += 1;
    return index === length;
  }
  // Only an escape can make a name longer than what it says.
  return length > text.length && hasEscape(bytes, name) && decodeString(bytes, name) === text;
}

/** True if a backslash stands in the string. */
function hasEscape(bytes: Uint8Array, string: Slice): boolean {
  // Not indexOf: it would search on to the end of the body, once for each name.
  let index = string.start;
  while (index < string.end && bytes[index] !== BACKSLASH) index += 1;
  return index < string.end;
}

/** The first byte at or after `start` that is not white space. */
export function skipSpace(bytes: Uint8Array, start: number): number {
  let index = start;
  while (index < bytes.length) {
    const byte = bytes[index];
    if (byte !== SPACE && byte !== LINE_FEED && byte !== CARRIAGE_RETURN && byte !== TAB) break;
    index += 1;
  }
  return index;
}

/** Where the value that begins at `start` ends. */
export function endOfValue(bytes: Uint8Array, start: number): number {
  return endOfValueWithin(bytes, start, Infinity);
}

/**
 * Writes a JSON text into `target` as one line: a raw line feed or carriage return becomes a space. In JSON both
 * can only be white space between tokens, as a string may hold them only escaped.
 */
export function copyAsOneLine(target: Uint8Array, offset: number, source: Uint8Array): void {
  target.set(source, offset);
  for (const byte of [LINE_FEED, CARRIAGE_RETURN]) {
    for (let index = source.indexOf(byte); index >= 0; index = source.indexOf(byte, index + 1)) {
      target[offset + index] = SPACE;
    }
  }
}

/** Where the string ends whose opening quote stands before `start`. */
export function endOfString(bytes: Uint8Array, start: number): number {
  const length = bytes.length;
  let index = start;
  while (index < length) {
    const byte = bytes[index];
    if (byte === QUOTE) return index + 1;
    index += byte === BACKSLASH ? 2 : 1;
  }
  return length;
}

/** As `endOfValue`; -1 if the value has more than `levels` levels of objects and arrays. */
export function endOfValueWithin(bytes: Uint8Array, start: number, levels: number): number {
  const first = bytes[start];
  if (first === QUOTE) return endOfString(bytes, start + 1);
  if (first === OPEN_OBJECT || first === OPEN_ARRAY) return endOfContainer(bytes, start, levels);
  return endOfWord(bytes, start);
}

function endOfContainer(bytes: Uint8Array, start: number, levels: number = Infinity): number {
  const length = bytes.length;
  let depth = 0;
  let index = start;
  while (index < length) {
    const byte = bytes[index];
    index += 1;
    if (byte === QUOTE) {
      index = endOfString(bytes, index);
    } else if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) {
      depth += 1;
      if (depth > levels) return -1;
    } else if (byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) {
      depth -= 1;
      if (depth === 0) return index;
    }
  }
  return length;
}

/** Where a number, `true`, `false` or `null` ends; at least one byte on, unless there is none. */
function endOfWord(bytes: Uint8Array, start: number): number {
  const length = bytes.length;
  let index = Math.min(start + 1, length);
  while (index < length) {
    const byte = bytes[index];
    if (byte === COMMA || byte === CLOSE_OBJECT || byte === CLOSE_ARRAY) break;
    if (byte === SPACE || byte === LINE_FEED || byte === CARRIAGE_RETURN || byte === TAB) break;
    index += 1;
  }
  return index;
}

function decodeString(bytes: Uint8Array, string: Slice): unknown {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + string.start, string.end - string.start).toString(
    "utf8",
  );
  return JSON.parse(text);
}
