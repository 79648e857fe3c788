// RFC 3339 date-times, as strictly as the standard has them and with a date that exists.
//
// A zone is required: a time without one means a different moment on each machine. A leap second (":60") is
// refused though the grammar has it: none has been since 2016, and most consumers cannot read one.

const DAYS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] as const;

/** True for `2024-01-15T10:30:00Z`, `2024-02-29t23:59:59.123456+05:30`; false for everything else. */
export function isTimestamp(text: string): boolean {
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 2);
  const day = digits(text, 8, 2);
  const hour = digits(text, 11, 2);
  const minute = digits(text, 14, 2);
  const second = digits(text, 17, 2);
  const separators =
    text[4] === "-" &&
    text[7] === "-" &&
    (text[10] === "T" || text[10] === "t") &&
    text[13] === ":" &&
    text[16] === ":";
  if (!separators || year < 0 || second < 0 || second > 59 || !isTimeOfDay(hour, minute)) return false;
  if (day < 1 || day > daysOf(year, month)) return false;
  return isZone(text, endOfFraction(text, 19));
}

function isTimeOfDay(hour: number, minute: number): boolean {
  return hour >= 0 && hour <= 23 && minute >= 0 && minute <= 59;
}

/** The days of a month of the Gregorian calendar; 0 for a month that does not exist. */
function daysOf(year: number, month: number): number {
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return month === 2 && leap ? 29 : (DAYS[month - 1] ?? 0);
}

/** Where the optional fraction of a second ends; -1 for a point that no digit follows. */
function endOfFraction(text: string, start: number): number {
  if (text[start] !== ".") return start;
  let end = start + 1;
  while (digits(text, end, 1) >= 0) end += 1;
  return end === start + 1 ? -1 : end;
}

function isZone(text: string, start: number): boolean {
  const sign = text[start];
  if (sign === "Z" || sign === "z") return text.length === start + 1;
  if (sign !== "+" && sign !== "-") return false;
  if (text.length !== start + 6 || text[start + 3] !== ":") return false;
  return isTimeOfDay(digits(text, start + 1, 2), digits(text, start + 4, 2));
}

/** The number that exactly `count` ASCII digits at `start` spell; -1 if there are none such. */
function digits(text: string, start: number, count: number): number {
  let number = 0;
  for (let index = start; index < start + count; index += 1) {
    const digit = text.charCodeAt(index) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return -1;
    number = number * 10 + digit;
  }
  return number;
}

/** `2024-01-15T10:30:00Z` */
const CHARACTERS_MIN = 20;

const DASH = 0x2d;
const COLON = 0x3a;
const POINT = 0x2e;
const PLUS = 0x2b;
const CAPITAL_T = 0x54;
const CAPITAL_Z = 0x5a;
/** What makes a letter small: of the bytes that stand at these places, only letters become one by it. */
const SMALL = 0x20;

/** `isTimestamp` of the text whose bytes these are. */
export function isTimestampAt(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start < CHARACTERS_MIN) return false;
  const year = number(bytes, start, 4);
  const month = number(bytes, start + 5, 2);
  const day = number(bytes, start + 8, 2);
  const hour = number(bytes, start + 11, 2);
  const minute = number(bytes, start + 14, 2);
  const second = number(bytes, start + 17, 2);
  const separators =
    bytes[start + 4] === DASH &&
    bytes[start + 7] === DASH &&
    (bytes[start + 10] === CAPITAL_T || bytes[start + 10] === (CAPITAL_T | SMALL)) &&
    bytes[start + 13] === COLON &&
    bytes[start + 16] === COLON;
  if (!separators || year < 0 || second < 0 || second > 59 || !isTimeOfDay(hour, minute)) return false;
  if (day < 1 || day > daysOf(year, month)) return false;
  let index = start + 19;
  if (bytes[index] === POINT) {
    index += 1;
    while (number(bytes, index, 1) >= 0) index += 1;
    if (index === start + 20) return false;
  }
  return isZoneAt(bytes, index, end);
}

function isZoneAt(bytes: Uint8Array, start: number, end: number): boolean {
  const sign = bytes[start];
  if (sign === CAPITAL_Z || sign === (CAPITAL_Z | SMALL)) return end === start + 1;
  if (sign !== PLUS && sign !== DASH) return false;
  if (end !== start + 6 || bytes[start + 3] !== COLON) return false;
  return isTimeOfDay(number(bytes, start + 1, 2), number(bytes, start + 4, 2));
}

/** As `digits`. Bytes behind the text do no harm: a quote stands there, which is none. */
function number(bytes: Uint8Array, start: number, count: number): number {
  let value = 0;
  for (let index = start; index < start + count; index += 1) {
    const digit = (bytes[index] ?? 0) - 0x30;
    if (!(digit >= 0 && digit <= 9)) return -1;
    value = value * 10 + digit;
  }
  return value;
}
