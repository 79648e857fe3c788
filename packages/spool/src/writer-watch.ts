/**
 * Whether the writer of a segment is done with it, seen from outside and without a lock.
 *
 * A writer seals a segment before it writes a line to a later one, so lines in a later segment prove that the
 * earlier one is complete, sealed or not. A writer that lives touches its open segments regularly, so a long
 * silence means that it is gone. The second is a judgement by the clock: it decides when a torn tail is reported,
 * never whether a whole line is read.
 */
import { join } from "node:path";
import type { Clock } from "./clock.js";
import type { Disk } from "./disk.js";
import type { SegmentName } from "./segment-name.js";

/** A header line is shorter than this. */
const HEADER_BYTES_MAX = 512;
const LINE_FEED = 0x0a;

export interface WriterWatch {
  /** `segments` are those of the same instance, in order. */
  isFinished(segment: string, segments: readonly SegmentName[]): Promise<boolean>;
}

export function createWriterWatch(
  disk: Disk,
  clock: Clock,
  directory: string,
  writerSilenceMs: number,
): WriterWatch {
  /** Segments known to be finished, and the size at which a later one was last seen without lines. */
  const finished = new Set<string>();
  const emptyAt = new Map<string, number>();

  async function hasLines(name: string): Promise<boolean> {
    const path = join(directory, name);
    const { size } = await disk.status(path);
    if (emptyAt.get(name) === size) return false;
    const file = await disk.open(path);
    try {
      const start = Buffer.alloc(HEADER_BYTES_MAX);
      const count = await file.read(start, 0);
      const headerEnd = start.subarray(0, count).indexOf(LINE_FEED) + 1;
      if (headerEnd > 0 && size > headerEnd) return true;
    } finally {
      await file.close();
    }
    emptyAt.set(name, size);
    return false;
  }

  async function judge(segment: string, segments: readonly SegmentName[]): Promise<boolean> {
    const index = segments.findIndex(({ name }) => name === segment);
    for (const later of segments.slice(index + 1)) if (await hasLines(later.name)) return true;
    const { modifiedAt } = await disk.status(join(directory, segment));
    return clock.now() - modifiedAt > writerSilenceMs;
  }

  return {
    isFinished: async (segment, segments) => {
      if (finished.has(segment)) return true;
      // A segment that vanishes while it is looked at is met by whoever opens it.
      const answer = await judge(segment, segments).catch(() => false);
      if (answer && segments.at(-1)?.name !== segment) finished.add(segment);
      return answer;
    },
  };
}
