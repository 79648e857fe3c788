import assert from "node:assert/strict";
import * as fc from "fast-check";
import t from "tap";
import { holds } from "./testing/property.js";
import { isTimestamp, isTimestampAt } from "./timestamp.js";

const VALID = [
  "2024-01-15T10:30:00Z",
  "2024-01-15t10:30:00z",
  "2024-01-15T10:30:00.1Z",
  "2024-01-15T10:30:00.123456789+00:00",
  "2024-01-15T23:59:59-00:00",
  "2024-02-29T00:00:00Z",
  "2000-02-29T00:00:00+14:00",
  "0000-12-31T00:00:00Z",
  "9999-12-31T23:59:59.999-23:59",
];

const INVALID: [string, string][] = [
  ["nothing", ""],
  ["a date alone", "2024-01-15"],
  ["no zone", "2024-01-15T10:30:00"],
  ["a space for the T", "2024-01-15 10:30:00Z"],
  ["an offset without a colon", "2024-01-15T10:30:00+0000"],
  ["an offset of hours alone", "2024-01-15T10:30:00+00"],
  ["an offset of 24 hours", "2024-01-15T10:30:00+24:00"],
  ["an offset of 60 minutes", "2024-01-15T10:30:00+00:60"],
  ["an offset with more behind it", "2024-01-15T10:30:00+00:000"],
  ["a zone with more behind it", "2024-01-15T10:30:00ZZ"],
  ["a zone by name", "2024-01-15T10:30:00 UTC"],
  ["a point without digits", "2024-01-15T10:30:00.Z"],
  ["a comma for the point", "2024-01-15T10:30:00,5Z"],
  ["no seconds", "2024-01-15T10:30Z"],
  ["hour 24", "2024-01-15T24:00:00Z"],
  ["minute 60", "2024-01-15T10:60:00Z"],
  ["a leap second", "2016-12-31T23:59:60Z"],
  ["month 0", "2024-00-15T10:30:00Z"],
  ["month 13", "2024-13-15T10:30:00Z"],
  ["day 0", "2024-01-00T10:30:00Z"],
  ["the 31st of April", "2024-04-31T10:30:00Z"],
  ["the 30th of February", "2024-02-30T10:30:00Z"],
  ["the 29th of February of a common year", "2023-02-29T10:30:00Z"],
  ["the 29th of February of 1900", "1900-02-29T10:30:00Z"],
  ["a year of five digits", "12024-01-15T10:30:00Z"],
  ["a signed year", "+002024-01-15T10:30:00Z"],
  ["digits of another script", "２０２４-01-15T10:30:00Z"],
  ["white space around it", " 2024-01-15T10:30:00Z"],
  ["seconds since the epoch", "1705314600"],
  ["single digits", "2024-1-15T10:30:00Z"],
  ["other separators", "2024/01/15T10:30:00Z"],
  ["points in the time", "2024-01-15T10.30.00Z"],
];

await t.test("takes RFC 3339 with a zone and a date that exists", async (t) => {
  for (const text of VALID) t.ok(isTimestamp(text), text);
});

await t.test("takes nothing else", async (t) => {
  for (const [name, text] of INVALID) t.notOk(isTimestamp(text), `${name}: ${text}`);
});

await t.test("agrees with the calendar of Date on every day of 400 years", async (t) => {
  const wrong: string[] = [];
  for (let year = 1900; year < 2300; year += 1) {
    for (let month = 1; month <= 12; month += 1) {
      for (let day = 28; day <= 31; day += 1) {
        const date = [year, month, day].map((part) => String(part).padStart(2, "0")).join("-");
        const exists = new Date(Date.UTC(year, month - 1, day)).getUTCMonth() === month - 1;
        if (isTimestamp(`${date}T00:00:00Z`) !== exists) wrong.push(date);
      }
    }
  }
  t.same(wrong, []);
});

await t.test("says the same of the bytes of a text, wherever they stand", async (t) => {
  const character = fc.constantFrom(...Array.from("0123456789-:.TZtz+ é"));
  const spoilt = fc
    .tuple(fc.constantFrom(...VALID), fc.nat(40), fc.nat(2), fc.array(character, { maxLength: 2 }))
    .map(([text, at, taken, put]) => text.slice(0, at) + put.join("") + text.slice(at + taken));
  const texts = fc.oneof(fc.constantFrom(...VALID, ...INVALID.map(([, text]) => text)), spoilt);
  holds(
    t,
    fc.property(texts, (text) => {
      const bytes = Buffer.from(`5"${text}"5`);
      assert.equal(isTimestampAt(bytes, 2, bytes.length - 2), isTimestamp(text), text);
    }),
    5_000,
  );
});
