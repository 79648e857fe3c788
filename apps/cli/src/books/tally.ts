/**
 * How often each record stands in the spool and in the topics, in a table of fixed memory.
 *
 * Records are known by 128 bits of a hash of their name: a billion of them collide with a chance of one in 10^20. A
 * table that is full says so; the caller then starts again with a smaller slice of all names. **Invariant:** a name is
 * in exactly one slice.
 */
import { hash } from "node:crypto";

export interface Tally {
  /** Counts a record of the spool, if it is of this slice. */
  expect(name: string, delivered: boolean): Place;
  /** Counts a message of a topic; false if the spool does not hold that record, or it is of another slice. */
  see(name: string): boolean;
  /** What does not agree about this record; undefined if all does, or it is of another slice. */
  faultOf(name: string): "missing" | "duplicated" | undefined;
  sums(): TallySums;
}

export type Place =
  | "counted"
  /** It is of another slice. */
  | "elsewhere"
  /** There is no room: everything is to be done again in smaller slices. */
  | "full";

export interface TallySums {
  /** Records that were seen in a topic as often as they stand in the spool. */
  found: number;
  /** Of these, the ones that stand behind the cursor. */
  foundAhead: number;
  /** Records before the cursor that were not seen. */
  missing: number;
  /** Messages too many. */
  duplicated: number;
}

export interface Slice {
  readonly index: number;
  readonly of: number;
}

/** Of one slot: the hash, and three counts. */
const SLOT_BYTES = 16 + 3 * 4;
/** Part of the slots that may be taken: beyond it looking up gets slow. */
const LOAD_MAX = 0.6;
const SLOTS_FIRST = 1024;

/** How many records a tally of so many bytes holds. */
export function recordsIn(bytesMax: number): number {
  return Math.floor(slotsIn(bytesMax) * LOAD_MAX);
}

function slotsIn(bytesMax: number): number {
  return Math.max(SLOTS_FIRST, 2 ** Math.floor(Math.log2(bytesMax / SLOT_BYTES)));
}

export function createTally(slice: Slice, bytesMax: number): Tally {
  const slotsMax = slotsIn(bytesMax);
  let slots = makeSlots(Math.min(SLOTS_FIRST, slotsMax));

  /** What of the hash is needed, or undefined if the record is of another slice. */
  function wordsOf(name: string): Words | undefined {
    const digest = hash("sha1", name, "buffer");
    // The slice is told by other bits than the slot, so that each slice fills the whole table.
    if (digest.readUInt32LE(16) % slice.of !== slice.index) return undefined;
    return [digest.readUInt32LE(0), digest.readUInt32LE(4), digest.readUInt32LE(8), digest.readUInt32LE(12)];
  }

  /** The slot of a record; undefined if there is none. */
  function slotOf(name: string): number | undefined {
    const words = wordsOf(name);
    const slot = words === undefined ? undefined : findSlot(slots, words);
    return slot !== undefined && isTaken(slots, slot) ? slot : undefined;
  }

  return {
    expect: (name, delivered) => {
      const words = wordsOf(name);
      if (words === undefined) return "elsewhere";
      if (slots.taken >= slots.size * LOAD_MAX) {
        if (slots.size >= slotsMax) return "full";
        slots = grow(slots);
      }
      const slot = findSlot(slots, words);
      claim(slots, slot, words);
      add(delivered ? slots.delivered : slots.waiting, slot);
      return "counted";
    },
    see: (name) => {
      const slot = slotOf(name);
      if (slot !== undefined) add(slots.seen, slot);
      return slot !== undefined;
    },
    faultOf: (name) => {
      const slot = slotOf(name);
      if (slot === undefined) return undefined;
      const { missing, duplicated } = judge(slots, slot);
      if (missing > 0) return "missing";
      return duplicated > 0 ? "duplicated" : undefined;
    },
    sums: () => {
      const sums: TallySums = { found: 0, foundAhead: 0, missing: 0, duplicated: 0 };
      for (let slot = 0; slot < slots.size; slot++) {
        if (!isTaken(slots, slot)) continue;
        const { found, foundAhead, missing, duplicated } = judge(slots, slot);
        sums.found += found;
        sums.foundAhead += foundAhead;
        sums.missing += missing;
        sums.duplicated += duplicated;
      }
      return sums;
    },
  };
}

type Words = readonly [number, number, number, number];

interface Slots {
  readonly size: number;
  taken: number;
  /** Four words a slot. */
  readonly hashes: Uint32Array;
  readonly delivered: Uint32Array;
  readonly waiting: Uint32Array;
  readonly seen: Uint32Array;
}

function makeSlots(size: number): Slots {
  return {
    size,
    taken: 0,
    hashes: new Uint32Array(4 * size),
    delivered: new Uint32Array(size),
    waiting: new Uint32Array(size),
    seen: new Uint32Array(size),
  };
}

/** Linear probing; a table is never full, so it ends. */
function findSlot({ size, hashes, delivered, waiting }: Slots, words: Words): number {
  for (let slot = words[0] & (size - 1); ; slot = (slot + 1) & (size - 1)) {
    if (delivered[slot] === 0 && waiting[slot] === 0) return slot;
    if (words.every((word, index) => hashes[4 * slot + index] === word)) return slot;
  }
}

function isTaken({ delivered, waiting }: Slots, slot: number): boolean {
  return delivered[slot] !== 0 || waiting[slot] !== 0;
}

function claim(slots: Slots, slot: number, words: Words): void {
  if (isTaken(slots, slot)) return;
  slots.taken += 1;
  slots.hashes.set(words, 4 * slot);
}

function add(counts: Uint32Array, slot: number): void {
  counts[slot] = (counts[slot] ?? 0) + 1;
}

function grow(old: Slots): Slots {
  const slots = makeSlots(2 * old.size);
  for (let slot = 0; slot < old.size; slot++) {
    if (!isTaken(old, slot)) continue;
    const [a = 0, b = 0, c = 0, d = 0] = old.hashes.subarray(4 * slot, 4 * slot + 4);
    const words: Words = [a, b, c, d];
    const to = findSlot(slots, words);
    claim(slots, to, words);
    slots.delivered[to] = old.delivered[slot] ?? 0;
    slots.waiting[to] = old.waiting[slot] ?? 0;
    slots.seen[to] = old.seen[slot] ?? 0;
  }
  return slots;
}

function judge({ delivered, waiting, seen }: Slots, slot: number): TallySums {
  const [before = 0, behind = 0, times = 0] = [delivered[slot], waiting[slot], seen[slot]];
  return {
    found: Math.min(times, before + behind),
    foundAhead: Math.max(0, Math.min(times - before, behind)),
    missing: Math.max(0, before - times),
    duplicated: Math.max(0, times - before - behind),
  };
}
