/**
 * Ids that sort by the time they were made (UUIDv7, RFC 9562).
 *
 * Random bytes are fetched many ids at a time: fetched one by one they cost more than all else that is done for an
 * event.
 */
import { randomFillSync } from "node:crypto";
import type { IdSeries } from "@event-collector/contract";
import { v7 } from "uuid";

const ID_BYTES = 16;
const POOL_IDS = 256;

const pool = Buffer.alloc(ID_BYTES * POOL_IDS);
let used = pool.byteLength;

export function makeId(): string {
  return v7({ random: takeRandom(), msecs: Date.now() });
}

/** Hexadecimal digits of an id that count: 32 bits. */
const COUNTING_DIGITS = 8;

/**
 * The ids of one batch: they share their time and all random bits but the last, which count on from a random number
 * (RFC 9562, "Monotonic Random").
 */
export function createIdSeries(): IdSeries {
  const random = takeRandom();
  const prefix = v7({ random, msecs: Date.now() }).slice(0, -COUNTING_DIGITS);
  // One bit is left free, so that no batch is large enough to count over the end.
  let number = random.readUInt32BE(ID_BYTES - 4) >>> 1;
  return { prefix, next: () => number++ };
}

/** Good until the next call. */
function takeRandom(): Buffer {
  if (used === pool.byteLength) {
    randomFillSync(pool);
    used = 0;
  }
  used += ID_BYTES;
  return pool.subarray(used - ID_BYTES, used);
}
