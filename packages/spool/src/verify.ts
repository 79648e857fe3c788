/**
 * Walks through a spool offline and says what is in it: lines, and damage by reason. Changes nothing.
 *
 * Every segment is read as one whose writer is gone. Where a writer is at work, the unfinished end of its last segment
 * may therefore show as a torn tail.
 */
import { join } from "node:path";
import type { Clock } from "./clock.js";
import { DAMAGE_REASONS } from "./damage.js";
import type { Damage, DamageReason } from "./damage.js";
import type { Disk } from "./disk.js";
import type { SpoolLayout } from "./layout.js";
import { groupSegments } from "./segment-name.js";
import type { SegmentName } from "./segment-name.js";
import type { SpoolItem } from "./spool-piece.js";
import { walkSegment } from "./walk.js";
import type { WalkOptions } from "./walk.js";

export type VerifyOptions = WalkOptions;

export interface VerifyReport {
  instances: number;
  segments: number;
  /** Bytes of all segments. */
  bytes: number;
  /** Data lines that verify. */
  lines: number;
  damage: Record<DamageReason, number>;
  /** Bytes that are damaged. */
  damagedBytes: number;
  /** The first damage, in the order of instances and segments. */
  first: Damage | undefined;
  /** What a segment's name would not allow: files in the directory that are no segments. */
  strangers: string[];
}

/** `onSegment` is told of each segment after it is read. Rejects only if the directory cannot be listed. */
export async function verifySpool(
  disk: Disk,
  clock: Clock,
  layout: SpoolLayout,
  options: VerifyOptions,
  onSegment: (segment: string, items: { lines: number; damage: number }) => void = () => undefined,
): Promise<VerifyReport> {
  const names = await disk.list(layout.segments);
  const groups = groupSegments(names);
  const segments = [...groups.values()].flat();
  const known = new Set(segments.map(({ name }) => name));
  const report: VerifyReport = {
    instances: groups.size,
    segments: segments.length,
    bytes: 0,
    lines: 0,
    damage: Object.fromEntries(DAMAGE_REASONS.map((reason) => [reason, 0])) as Record<DamageReason, number>,
    damagedBytes: 0,
    first: undefined,
    strangers: names.filter((name) => !known.has(name)),
  };
  for (const segment of segments) {
    const before = { lines: report.lines, damage: damageIn(report) };
    await verifySegment(disk, clock, layout, segment, options, report);
    onSegment(segment.name, { lines: report.lines - before.lines, damage: damageIn(report) - before.damage });
  }
  return report;
}

async function verifySegment(
  disk: Disk,
  clock: Clock,
  layout: SpoolLayout,
  segment: SegmentName,
  options: VerifyOptions,
  report: VerifyReport,
): Promise<void> {
  // A segment that is gone meanwhile, or has no status, is told of by the walk.
  const status = await disk.status(join(layout.segments, segment.name)).catch(() => undefined);
  report.bytes += status?.size ?? 0;
  for await (const items of walkSegment(disk, clock, layout, segment, options)) {
    for (const item of items) count(report, item);
  }
}

function count(report: VerifyReport, item: SpoolItem): void {
  if (item.type === "line") {
    report.lines += 1;
    return;
  }
  report.damage[item.reason] += 1;
  report.damagedBytes += item.length;
  report.first ??= item;
}

/** How often damage was met. */
function damageIn({ damage }: VerifyReport): number {
  return Object.values(damage).reduce((sum, times) => sum + times, 0);
}
