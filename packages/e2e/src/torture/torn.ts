/**
 * What a disk may leave of segments whose program died: all that was synced, and of the rest any part. Blocks that
 * were never written are zeros, and the file may be shorter than it was, in the middle of a block too.
 */
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "./random.js";

const BLOCK_BYTES = 512;

/** By the name of the segment: how many of its bytes are on stable storage, by the journal of native/durable.c. */
export async function readDurable(log: string): Promise<Map<string, number>> {
  const durable = new Map<string, number>();
  for (const line of (await readFile(log, "utf8").catch(() => "")).split("\n")) {
    const [, bytes, name] = /^(\d+) .*\/([^/]+)$/.exec(line) ?? [];
    if (name !== undefined) durable.set(name, Math.max(durable.get(name) ?? 0, Number(bytes)));
  }
  return durable;
}

/** Takes from the segments what was not synced, at random; returns how many bytes were at stake. */
export async function tearSegments(
  spool: string,
  durable: ReadonlyMap<string, number>,
  random: Random,
): Promise<number> {
  const directory = join(spool, "segments");
  let atStake = 0;
  for (const name of await readdir(directory)) {
    const path = join(directory, name);
    const bytes = await readFile(path);
    const from = durable.get(name) ?? 0;
    if (from >= bytes.byteLength) continue;
    atStake += bytes.byteLength - from;
    await writeFile(path, tear(bytes, from, random));
  }
  return atStake;
}

function tear(bytes: Buffer, from: number, random: Random): Buffer {
  const end = from + random.below(bytes.byteLength - from + 1);
  const torn = Buffer.from(bytes.subarray(0, end));
  for (let block = from - (from % BLOCK_BYTES); block < end; block += BLOCK_BYTES) {
    if (random.below(2) === 0) torn.fill(0, Math.max(block, from), Math.min(block + BLOCK_BYTES, end));
  }
  return torn;
}
