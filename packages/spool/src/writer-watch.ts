/**
 * Whether the writer of a segment is done with it, seen from outside and without a lock.
 *
 * A writer seals a segment before it writes a line to a later one, so a line in a later segment proves that the
 * earlier one is complete, sealed or not. A writer that lives touches its open segments regularly, so a long
 * silence means that it is gone. The second is a judgement by the clock: it decides when a torn tail is reported,
 * never whether a whole line is read, and by itself it never makes a reader leave a segment.
 *
 * **Invariant:** only a line that verifies is a proof. A spare, which has a header and nothing else, proves nothing,
 * and neither do bytes that somebody else put into it.
 */
import { join } from "node:path";
import type { Clock } from "./clock.js";
import { headerBytes } from "./control-line.js";
import type { Disk } from "./disk.js";
import { checksumSeed } from "./frame.js";
import type { Instance } from "./position.js";
import { scanForLine } from "./resync.js";
import type { SegmentName } from "./segment-name.js";

export type WriterState =
  /** It may write to the segment. */
  | "writing"
  /** Nothing touched the segment for so long that its writer is probably gone. */
  | "silent"
  /** It never writes to the segment again. */
  | "gone";

export interface WriterWatch {
  /** `segments` are those of the same instance, in order. */
  stateOf(segment: SegmentName, segments: readonly SegmentName[]): Promise<WriterState>;
}

export interface WriterWatchOptions {
  directory: string;
  writerSilenceMs: number;
  /** No line is longer, frame included. */
  lineBytesMax: number;
}

/** What is known of the segment that an instance is read from now. */
interface Knowledge {
  segment: string;
  gone: boolean;
  /** How far later segments were looked through without finding a line. */
  scannedTo: Map<string, number>;
}

export function createWriterWatch(disk: Disk, clock: Clock, options: WriterWatchOptions): WriterWatch {
  const knowledge = new Map<Instance, Knowledge>();

  function knowledgeOf({ name, instance }: SegmentName): Knowledge {
    let known = knowledge.get(instance);
    if (known?.segment !== name) {
      known = { segment: name, gone: false, scannedTo: new Map() };
      knowledge.set(instance, known);
    }
    return known;
  }

  async function holdsLine({ name }: SegmentName, scannedTo: Map<string, number>): Promise<boolean> {
    const path = join(options.directory, name);
    const from = scannedTo.get(name) ?? 0;
    if ((await disk.status(path)).size <= from) return false;
    const file = await disk.open(path);
    try {
      const scan = await scanForLine(
        file,
        from,
        checksumSeed(name),
        options.lineBytesMax,
        ({ kind }) => kind !== "header",
      );
      scannedTo.set(name, scan.scannedTo);
      return scan.found;
    } finally {
      await file.close();
    }
  }

  async function judge(segment: SegmentName, segments: readonly SegmentName[]): Promise<WriterState> {
    const known = knowledgeOf(segment);
    if (known.gone) return "gone";
    const later = segments.filter(({ number }) => number > segment.number);
    for (const one of later) {
      // A later segment that cannot be read proves nothing; those behind it may.
      known.gone = await holdsLine(one, known.scannedTo).catch(() => false);
      if (known.gone) return "gone";
    }
    const { modifiedAt } = await disk.status(join(options.directory, segment.name));
    if (clock.now() - modifiedAt <= options.writerSilenceMs) return "writing";
    return (await holdBytes(later)) ? "gone" : "silent";
  }

  /** True if something stands behind the header of one of these. After a long silence that will do. */
  async function holdBytes(later: readonly SegmentName[]): Promise<boolean> {
    for (const { name } of later) {
      const status = await disk.status(join(options.directory, name)).catch(() => undefined);
      if (status !== undefined && status.size > headerBytes(name)) return true;
    }
    return false;
  }

  return {
    // A segment that vanishes while it is looked at is met by whoever opens it.
    stateOf: (segment, segments) => judge(segment, segments).catch(() => "writing" as const),
  };
}
