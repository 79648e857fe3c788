/** How much of a spool is not consumed yet. */
import { join } from "node:path";
import { headerBytes } from "./control-line.js";
import type { Disk } from "./disk.js";
import type { Position } from "./position.js";
import { parseSegmentName } from "./segment-name.js";
import type { SegmentName } from "./segment-name.js";

/** What is not consumed yet. A header alone is nothing to consume. */
export interface Backlog {
  /** Segments with bytes that are not consumed. */
  segments: number;
  bytes: number;
  /** All segments, those kept for replay included. */
  segmentsTotal: number;
  bytesTotal: number;
  /** When the oldest segment with unconsumed bytes was last written, milliseconds since the epoch. */
  oldestModifiedAt: number | undefined;
}

/** The segments of one instance and how far they are consumed. */
export interface BacklogPart {
  segments: readonly SegmentName[];
  position: Position | undefined;
}

export async function measureBacklog(
  disk: Disk,
  directory: string,
  parts: readonly BacklogPart[],
): Promise<Backlog> {
  const backlog: Backlog = {
    segments: 0,
    bytes: 0,
    segmentsTotal: 0,
    bytesTotal: 0,
    oldestModifiedAt: undefined,
  };
  for (const { segments, position } of parts) {
    for (const segment of segments) {
      const status = await disk.status(join(directory, segment.name)).catch(() => undefined);
      if (status === undefined) continue;
      backlog.segmentsTotal += 1;
      backlog.bytesTotal += status.size;
      const left = status.size - consumedBytes(segment, position);
      if (left <= 0) continue;
      backlog.segments += 1;
      backlog.bytes += left;
      backlog.oldestModifiedAt = Math.min(backlog.oldestModifiedAt ?? status.modifiedAt, status.modifiedAt);
    }
  }
  return backlog;
}

function consumedBytes({ name, number }: SegmentName, position: Position | undefined): number {
  const current = position === undefined ? -1 : (parseSegmentName(position.segment)?.number ?? -1);
  if (number < current) return Number.POSITIVE_INFINITY;
  const offset = number === current ? (position?.offset ?? 0) : 0;
  return Math.max(offset, headerBytes(name));
}
