/**
 * What a spool holds, counted from outside: lines, bytes and segments, and how much of it stands behind a cursor.
 *
 * Lines are counted by the number that the last whole line of a segment carries, so a look costs a listing, a stat
 * for each segment that may have grown, and the tail of those that have. **Invariant:** nothing is read twice that
 * did not change.
 */
import { join } from "node:path";
import { headerBytes } from "./control-line.js";
import type { Disk } from "./disk.js";
import { checksumSeed, FRAME_BYTES_MAX } from "./frame.js";
import { readLineBefore } from "./line-before.js";
import type { Position, Positions } from "./position.js";
import { groupSegments, parseSegmentName } from "./segment-name.js";
import type { SegmentName } from "./segment-name.js";

export interface Inventory {
  segments: number;
  bytes: number;
  /** What is not consumed yet. A header alone is nothing to consume. */
  pendingSegments: number;
  pendingBytes: number;
  pendingLines: number;
  /** Lines that came into the spool since the first look. */
  appendedLines: number;
}

export interface InventoryOptions {
  /** The directory of segments. */
  directory: string;
  lineBytesMax: number;
}

/** One segment as it was at the last look. */
interface Entry {
  size: number;
  lines: number;
  sealed: boolean;
  /** It did not grow any more. */
  settled: boolean;
}

/** The last two segments of an instance may grow: the live one and the spare behind it. */
const GROWING_SEGMENTS = 2;
const TAIL_BYTES = 64 * 1024;
const LINE_FEED = 0x0a;

/** Looks must not overlap. A segment that cannot be looked at counts as it was. */
export function createInventory(
  disk: Disk,
  { directory, lineBytesMax }: InventoryOptions,
): (positions: Positions) => Promise<Inventory> {
  let entries: Map<string, Entry> | undefined;
  let appendedLines = 0;

  async function look(segment: SegmentName, mayGrow: boolean, isConsumed: boolean): Promise<Entry> {
    const known = entries?.get(segment.name);
    if (known?.settled === true) return known;
    const settled = !mayGrow;
    try {
      const { size } = await disk.status(join(directory, segment.name));
      if (size === known?.size) return { ...known, settled };
      // Of what was consumed before anybody looked, nobody asks for lines.
      const isPast = settled && isConsumed && entries === undefined;
      if (isPast) return { size, lines: 0, sealed: true, settled };
      const { lines, sealed } = await countLines(disk, directory, segment, size, lineBytesMax);
      return { size, lines: lines ?? known?.lines ?? 0, sealed, settled };
    } catch {
      return known ?? { size: 0, lines: 0, sealed: false, settled: false };
    }
  }

  return async (positions) => {
    const found = new Map<string, Entry>();
    const inventory: Inventory = {
      segments: 0,
      bytes: 0,
      pendingSegments: 0,
      pendingBytes: 0,
      pendingLines: 0,
      appendedLines: 0,
    };
    for (const [instance, segments] of groupSegments(await disk.list(directory))) {
      const position = positions.get(instance);
      for (const [index, segment] of segments.entries()) {
        const consumed = consumedOf(segment, position);
        const mayGrow = index >= segments.length - GROWING_SEGMENTS;
        const entry = await look(segment, mayGrow, consumed.bytes === Infinity);
        found.set(segment.name, entry);
        inventory.segments += 1;
        inventory.bytes += entry.size;
        if (entries !== undefined) appendedLines += entry.lines - (entries.get(segment.name)?.lines ?? 0);
        // A seal is nothing to consume.
        if (entry.size <= consumed.bytes || (entry.sealed && entry.lines <= consumed.lines)) continue;
        inventory.pendingSegments += 1;
        inventory.pendingBytes += entry.size - consumed.bytes;
        inventory.pendingLines += Math.max(0, entry.lines - consumed.lines);
      }
    }
    entries = found;
    return { ...inventory, appendedLines };
  };
}

/** How much of a segment is consumed; Infinity: all of it. */
function consumedOf(
  { name, number }: SegmentName,
  position: Position | undefined,
): { bytes: number; lines: number } {
  const current = position === undefined ? undefined : parseSegmentName(position.segment)?.number;
  if (current !== undefined && number < current) return { bytes: Infinity, lines: Infinity };
  const [offset, sequence] = current === number ? [position?.offset ?? 0, position?.sequence ?? 1] : [0, 1];
  return { bytes: Math.max(offset, headerBytes(name)), lines: Math.max(0, sequence - 1) };
}

/** Payloads up to the last whole line; undefined if that cannot be told, as while a long line is being written. */
async function countLines(
  disk: Disk,
  directory: string,
  { name }: SegmentName,
  size: number,
  lineBytesMax: number,
): Promise<{ lines: number | undefined; sealed: boolean }> {
  const file = await disk.open(join(directory, name));
  try {
    const tail = Buffer.alloc(Math.min(size, TAIL_BYTES));
    const count = await file.read(tail, size - tail.length);
    const feed = tail.subarray(0, count).lastIndexOf(LINE_FEED);
    if (feed < 0) return { lines: size === 0 ? 0 : undefined, sealed: false };
    const end = size - tail.length + feed + 1;
    const line = await readLineBefore(file, end, checksumSeed(name), lineBytesMax + FRAME_BYTES_MAX);
    const sealed = line?.kind === "seal";
    return { lines: sealed ? line.sequence - 1 : line?.sequence, sealed };
  } finally {
    await file.close();
  }
}
