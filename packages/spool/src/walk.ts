/**
 * Reads segments from their first byte to their last, offline: each as one whose writer is gone. Changes nothing.
 *
 * Where a writer is at work, the unfinished end of its last segment may therefore show as a torn tail.
 */
import type { Clock } from "./clock.js";
import { unreadableSegment } from "./damage.js";
import type { Disk } from "./disk.js";
import { errnoOf } from "./errors.js";
import type { SpoolLayout } from "./layout.js";
import { ReadMemory } from "./read-memory.js";
import { groupSegments } from "./segment-name.js";
import type { SegmentName } from "./segment-name.js";
import { SegmentReader } from "./segment-reader.js";
import { itemsOf } from "./spool-piece.js";
import type { SpoolItem, SpoolPiece } from "./spool-piece.js";

export interface WalkOptions {
  /** One payload; what is longer is damage. */
  lineBytesMax: number;
}

/** Small enough to keep memory flat, large enough to read in whole chunks. */
const WINDOW = { linesMax: 10_000, bytesMax: 4 * 1024 * 1024 };

/** The segments of a spool, instance by instance, each in the order in which they were written. */
export async function listSegments(disk: Disk, layout: SpoolLayout): Promise<SegmentName[]> {
  return [...groupSegments(await disk.list(layout.segments)).values()].flat();
}

/**
 * The items of one segment, piece by piece. A segment that cannot be read ends in damage that says so; one that is gone
 * has none.
 */
export async function* walkSegment(
  disk: Disk,
  clock: Clock,
  layout: SpoolLayout,
  { name, instance }: SegmentName,
  { lineBytesMax }: WalkOptions,
): AsyncGenerator<SpoolItem[], void, undefined> {
  const start = { segment: name, offset: 0, sequence: 0 };
  const options = {
    directory: layout.segments,
    instance,
    lineBytesMax,
    damageGraceMs: 0,
    memory: new ReadMemory(),
  };
  const reader = new SegmentReader(disk, clock, start, options);
  try {
    for (let state = "more"; state === "more";) {
      const items: SpoolPiece[] = [];
      state = await reader.read(items, WINDOW, "gone").catch((error: unknown) => {
        // Pruned since it was listed: nobody needs what was in it.
        if (errnoOf(error) !== "ENOENT")
          items.push(unreadableSegment(instance, reader.position(), reader.position(), error));
        return "done" as const;
      });
      if (items.length > 0) yield itemsOf(items);
    }
  } finally {
    await reader.close().catch(() => undefined);
  }
}
