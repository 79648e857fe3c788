/**
 * Ids that sort by the time they were made (UUIDv7, RFC 9562, section 5.7).
 *
 * Every request needs two or three, and made by a library they are a tenth of its garbage. So their digits are written
 * into bytes that are used again, and random bytes are fetched many ids at a time.
 */
import { randomFillSync } from "node:crypto";
import type { IdSeries } from "@event-collector/contract";

/** Twelve bits behind the version, 62 behind the variant: the six that are too many are left out. */
const RANDOM_BYTES = 10;
const POOL_IDS = 512;

const pool = Buffer.alloc(RANDOM_BYTES * POOL_IDS);
let used = pool.byteLength;

const DIGITS = Buffer.from("0123456789abcdef", "latin1");

/** The text of an id. The digit of the version stays as it is. */
const text = Buffer.from("00000000-0000-7000-8000-000000000000", "latin1");

/** Where the two digits of each byte of the time stand. */
const TIME_PLACES = [0, 2, 4, 6, 9, 11] as const;

/** Where the digits of random bytes stand: two of each, or one where there are three or the variant takes a part. */
const PAIR_PLACES = [16, 21, 24, 26, 28, 30, 32, 34] as const;
const SINGLE_PLACES = { versioned: 15, variant: 19, behind: 20 } as const;

let writtenTime = 0;

export function makeId(): string {
  writeId();
  return text.toString("latin1");
}

/** Hexadecimal digits of an id that count: 32 bits. */
const COUNTING_DIGITS = 8;

/**
 * The ids of one batch: they share their time and all random bits but the last, which count on from a random number
 * (RFC 9562, "Monotonic Random").
 */
export function createIdSeries(): IdSeries {
  writeId();
  // One bit is left free, so that no batch is large enough to count over the end.
  let number = pool.readUInt32BE(used - 4) >>> 1;
  return { prefix: text.toString("latin1", 0, text.byteLength - COUNTING_DIGITS), next: () => number++ };
}

function writeId(): void {
  const now = Date.now();
  if (now !== writtenTime) writeTime(now);
  if (used === pool.byteLength) {
    randomFillSync(pool);
    used = 0;
  }
  const first = pool[used] ?? 0;
  text[SINGLE_PLACES.versioned] = digit(first >> 4);
  text[SINGLE_PLACES.variant] = digit(8 | (first & 3));
  text[SINGLE_PLACES.behind] = digit((pool[used + 1] ?? 0) >> 4);
  for (let index = 0; index < PAIR_PLACES.length; index += 1) {
    writeByte(PAIR_PLACES[index] ?? 0, pool[used + 2 + index] ?? 0);
  }
  used += RANDOM_BYTES;
}

function writeTime(now: number): void {
  writtenTime = now;
  let rest = now;
  for (const place of TIME_PLACES.toReversed()) {
    writeByte(place, rest % 0x100);
    rest = Math.floor(rest / 0x100);
  }
}

function writeByte(place: number, byte: number): void {
  text[place] = digit(byte >> 4);
  text[place + 1] = digit(byte & 0xf);
}

function digit(value: number): number {
  return DIGITS[value] ?? 0;
}
