/**
 * Deletes segments that are fully consumed: past their retention, or earlier where room is short. The only place
 * that deletes segments.
 *
 * **Invariant:** a segment is deleted only if every byte of it stands before the durable position of its instance,
 * its writer is done with it, and no mark keeps it; all of it looked at again right before unlink(2).
 * **Invariant:** age alone deletes nothing. A segment that is old and not consumed is reported instead.
 * **Invariant:** an instance is reported as gone only after the directory is synced, so that a power cut cannot
 * bring a segment back whose position was forgotten.
 */
import { join } from "node:path";
import type { Clock } from "./clock.js";
import type { Disk, FileStatus } from "./disk.js";
import { errnoOf } from "./errors.js";
import { failpoint } from "./failpoint.js";
import { checksumSeed, decodeLine } from "./frame.js";
import type { SpoolLayout } from "./layout.js";
import type { Instance, Position, Positions } from "./position.js";
import { keptSegments } from "./quarantine.js";
import { refuseForRoom } from "./room.js";
import type { RoomLimits } from "./room.js";
import { groupSegments } from "./segment-name.js";
import type { SegmentName } from "./segment-name.js";

export interface PruneOptions extends RoomLimits {
  /** Consumed segments are kept this long after their last write, milliseconds. */
  retentionMs: number;
  /** A writer that touched nothing for this long, and for the retention, is gone. Milliseconds. */
  writerSilenceMs: number;
  /** Room is made as soon as less than this part of the limits is left, so that the writer never meets them. */
  headroom: number;
}

export interface PrunedSegment {
  segment: string;
  bytes: number;
  /** Past its retention, or to make room. */
  reason: "retention" | "room";
}

export interface OverdueSegment {
  segment: string;
  bytes: number;
  /** Milliseconds since its last write. */
  ageMs: number;
}

export interface PruneReport {
  pruned: PrunedSegment[];
  /** Older than the retention and not consumed: an alarm. */
  overdue: OverdueSegment[];
  /** Segments that a mark in quarantine keeps. */
  kept: string[];
  /** Instances of which no segment is left: their positions may be forgotten. */
  gone: Instance[];
}

interface Candidate {
  segment: SegmentName;
  status: FileStatus;
  /** Every byte is consumed and its writer is done with it. */
  disposable: boolean;
}

/** `positions` are the durable ones: what the broker, or the cursor file, would answer after a crash now. */
export async function prune(
  disk: Disk,
  clock: Clock,
  layout: SpoolLayout,
  positions: Positions,
  options: PruneOptions,
): Promise<PruneReport> {
  const report: PruneReport = { pruned: [], overdue: [], kept: [], gone: [] };
  const groups = groupSegments(await disk.list(layout.segments));
  const kept = await keptSegments(disk, layout);
  const candidates: Candidate[] = [];
  for (const [instance, segments] of groups) {
    candidates.push(...(await judge(disk, clock, layout, segments, positions.get(instance), options)));
  }
  candidates.sort((a, b) => a.status.modifiedAt - b.status.modifiedAt);
  let spoolBytes = candidates.reduce((sum, { status }) => sum + status.size, 0);
  for (const candidate of candidates) {
    const { segment, status } = candidate;
    const ageMs = clock.now() - status.modifiedAt;
    if (!candidate.disposable) {
      if (ageMs > options.retentionMs && !consumed(candidate, positions)) {
        report.overdue.push({ segment: segment.name, bytes: status.size, ageMs });
      }
      continue;
    }
    if (kept.has(segment.name)) {
      report.kept.push(segment.name);
      continue;
    }
    const reason =
      ageMs >= options.retentionMs ? "retention" : await roomNeeded(disk, layout, spoolBytes, options);
    if (reason === undefined || !(await removeUnchanged(disk, layout, candidate))) continue;
    spoolBytes -= status.size;
    report.pruned.push({ segment: segment.name, bytes: status.size, reason });
  }
  if (report.pruned.length > 0) await disk.syncDirectory(layout.segments);
  await failpoint("prune.synced");
  const left = groupSegments(await disk.list(layout.segments));
  report.gone = [...positions.keys()].filter((instance) => !left.has(instance));
  return report;
}

async function judge(
  disk: Disk,
  clock: Clock,
  layout: SpoolLayout,
  segments: readonly SegmentName[],
  position: Position | undefined,
  options: PruneOptions,
): Promise<Candidate[]> {
  const candidates: Candidate[] = [];
  const at = segments.findIndex(({ name }) => name === position?.segment);
  for (const [index, segment] of segments.entries()) {
    const status = await disk.status(join(layout.segments, segment.name)).catch(() => undefined);
    if (status === undefined) continue;
    const silent = clock.now() - status.modifiedAt >= Math.max(options.retentionMs, options.writerSilenceMs);
    const disposable =
      position !== undefined &&
      (isBefore(segment, position, segments) ||
        (index === at && (await isDisposableAt(disk, layout, segment.name, position, status, silent))));
    candidates.push({ segment, status, disposable });
  }
  return candidates;
}

/** True if the reader has gone on to a later segment of the same instance. */
function isBefore(segment: SegmentName, position: Position, segments: readonly SegmentName[]): boolean {
  const current = segments.find(({ name }) => name === position.segment);
  // The segment of the position may be pruned itself; names of one instance sort by their number.
  const number = current?.number ?? numberIn(position.segment);
  return segment.number < number;
}

function numberIn(name: string): number {
  return groupSegments([name]).values().next().value?.[0]?.number ?? 0;
}

/**
 * The segment in which the position stands: nothing but its seal may stand behind the position. Without a seal it
 * is disposable only after a silence far longer than a living writer is ever silent.
 */
async function isDisposableAt(
  disk: Disk,
  layout: SpoolLayout,
  name: string,
  position: Position,
  status: FileStatus,
  silent: boolean,
): Promise<boolean> {
  const tail = await readTail(disk, join(layout.segments, name), position.offset, status.size);
  if (tail === undefined) return false;
  if (tail.byteLength === 0) return silent || (await endsWithSeal(disk, layout, name, status.size));
  return isSeal(tail, name);
}

const SEAL_BYTES_MAX = 512;

async function readTail(disk: Disk, path: string, from: number, to: number): Promise<Buffer | undefined> {
  if (to - from > SEAL_BYTES_MAX || to < from) return to < from ? Buffer.alloc(0) : undefined;
  const file = await disk.open(path);
  try {
    const tail = Buffer.alloc(to - from);
    const count = await file.read(tail, from);
    return tail.subarray(0, count);
  } finally {
    await file.close();
  }
}

/** True if the bytes are one whole line, a seal. */
function isSeal(bytes: Buffer, segment: string): boolean {
  if (bytes.indexOf(0x0a) !== bytes.byteLength - 1) return false;
  return decodeLine(bytes, 0, bytes.byteLength - 1, checksumSeed(segment))?.kind === "seal";
}

async function endsWithSeal(disk: Disk, layout: SpoolLayout, name: string, size: number): Promise<boolean> {
  const tail = await readTail(disk, join(layout.segments, name), Math.max(0, size - SEAL_BYTES_MAX), size);
  if (tail === undefined || tail.byteLength === 0) return false;
  const lineFrom = tail.lastIndexOf(0x0a, tail.byteLength - 2) + 1;
  return isSeal(tail.subarray(lineFrom), name);
}

function consumed({ segment, status }: Candidate, positions: Positions): boolean {
  const position = positions.get(segment.instance);
  if (position === undefined) return false;
  return position.segment === segment.name && position.offset >= status.size;
}

/** "room" if the spool or its disk comes so near its limit that the writer would soon refuse. */
async function roomNeeded(
  disk: Disk,
  layout: SpoolLayout,
  spoolBytes: number,
  options: PruneOptions,
): Promise<"room" | undefined> {
  const space = await disk.space(layout.segments);
  const room = { spoolBytes, segments: 0, ...space };
  const limits = {
    spoolBytesMax: options.spoolBytesMax * (1 - options.headroom),
    freeBytesMin: options.freeBytesMin * (1 + options.headroom),
  };
  return refuseForRoom(room, limits, 0) === undefined ? undefined : "room";
}

/** Unlinks the segment if it is still exactly what was judged. */
async function removeUnchanged(
  disk: Disk,
  layout: SpoolLayout,
  { segment, status }: Candidate,
): Promise<boolean> {
  const path = join(layout.segments, segment.name);
  try {
    const now = await disk.status(path);
    if (now.identity !== status.identity || now.size !== status.size) return false;
    await failpoint("prune.judged");
    await disk.remove(path);
    await failpoint("prune.removed");
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}
