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
