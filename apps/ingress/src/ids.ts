/**
 * Ids that sort by the time they were made (UUIDv7, RFC 9562).
 *
 * Random bytes are fetched many ids at a time: fetched one by one they cost more than all else that is done for an
 * event.
 */
import { randomFillSync } from "node:crypto";
import { v7 } from "uuid";

const ID_BYTES = 16;
const POOL_IDS = 256;

const pool = new Uint8Array(ID_BYTES * POOL_IDS);
let used = pool.byteLength;

export function makeId(): string {
  if (used === pool.byteLength) {
    randomFillSync(pool);
    used = 0;
  }
  const random = pool.subarray(used, used + ID_BYTES);
  used += ID_BYTES;
  return v7({ random, msecs: Date.now() });
}
