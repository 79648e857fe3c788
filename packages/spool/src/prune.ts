/**
 * Deletes segments that are fully consumed: past their retention, or earlier where room is short. The only place
 * that deletes segments.
 *
 * **Invariant:** a segment is deleted only if every byte of it stands before the durable position of its instance,
 * or it holds no line; its writer is done with it; and no mark keeps it. All of it is looked at again right before
 * unlink(2).
 * **Invariant:** age alone deletes nothing. A segment that is old and not consumed is reported instead.
 * **Invariant:** an instance is reported as gone only after the directory is synced, so that a power cut cannot
 * bring a segment back whose position was forgotten.
 * **Invariant:** a segment that cannot be looked at or deleted is reported and holds up no other.
 */
import { join } from "node:path";
import type { Clock } from "./clock.js";
import { judgeSegments } from "./disposable.js";
import type { Judgement } from "./disposable.js";
import type { Disk } from "./disk.js";
import { errnoOf } from "./errors.js";
import { failpoint } from "./failpoint.js";
import type { SpoolLayout } from "./layout.js";
import type { Instance, Positions } from "./position.js";
import { isSegmentKept, keptSegments } from "./quarantine.js";
import { refuseForRoom } from "./room.js";
import type { RoomLimits } from "./room.js";
import { groupSegments } from "./segment-name.js";

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
  /** Segments that could not be deleted, with the system's reason. */
  failed: { segment: string; reason: string }[];
  /**
   * Instances of which no segment is left: their positions may be forgotten. None as long as the directory does not
   * hold the identity of a spool: then it is not the spool that is empty, but something else that stands in its place.
   */
  gone: Instance[];
}

/** `positions` are the durable ones: what the broker, or the cursor file, would answer after a crash now. */
export async function prune(
  disk: Disk,
  clock: Clock,
  layout: SpoolLayout,
  positions: Positions,
  options: PruneOptions,
): Promise<PruneReport> {
  const report: PruneReport = { pruned: [], overdue: [], kept: [], failed: [], gone: [] };
  const kept = await keptSegments(disk, layout);
  const judgements: Judgement[] = [];
  for (const [instance, segments] of groupSegments(await listOrNothing(disk, layout.segments))) {
    judgements.push(
      ...(await judgeSegments(disk, clock, layout, segments, positions.get(instance), options)),
    );
  }
  judgements.sort((a, b) => a.status.modifiedAt - b.status.modifiedAt);
  const isShort = createRoomCheck(disk, layout, judgements, options);
  for (const judgement of judgements) {
    const { name, status, verdict } = judgement;
    const ageMs = clock.now() - status.modifiedAt;
    const expired = ageMs >= options.retentionMs;
    if (verdict === "unconsumed" && expired)
      report.overdue.push({ segment: name, bytes: status.size, ageMs });
    if (verdict !== "disposable") continue;
    if (kept.has(name)) report.kept.push(name);
    else if (expired || (await isShort(report.pruned)))
      await remove(disk, layout, judgement, expired ? "retention" : "room", report);
  }
  report.gone = await findGone(disk, layout, positions, report.pruned.length > 0);
  return report;
}

/** Says whether the spool or its disk comes so near its limit that the writer would soon refuse. */
function createRoomCheck(
  disk: Disk,
  layout: SpoolLayout,
  judgements: readonly Judgement[],
  options: PruneOptions,
): (pruned: readonly PrunedSegment[]) => Promise<boolean> {
  const spoolBytes = judgements.reduce((sum, { status }) => sum + status.size, 0);
  const limits = {
    spoolBytesMax: options.spoolBytesMax * (1 - options.headroom),
    freeBytesMin: options.freeBytesMin * (1 + options.headroom),
  };
  let answer: { after: number; short: boolean } | undefined;
  return async (pruned) => {
    // Deleting is all that changes it here.
    if (answer?.after !== pruned.length) {
      const space = await disk.space(layout.segments);
      const left = spoolBytes - pruned.reduce((sum, { bytes }) => sum + bytes, 0);
      const room = { spoolBytes: left, segments: 0, ...space };
      answer = { after: pruned.length, short: refuseForRoom(room, limits, 0) !== undefined };
    }
    return answer.short;
  };
}

/** Unlinks the segment if it is still exactly what was judged. */
async function remove(
  disk: Disk,
  layout: SpoolLayout,
  { name, status }: Judgement,
  reason: PrunedSegment["reason"],
  report: PruneReport,
): Promise<void> {
  const path = join(layout.segments, name);
  try {
    if (await isSegmentKept(disk, layout, name)) {
      report.kept.push(name);
      return;
    }
    const now = await disk.status(path);
    if (now.identity !== status.identity || now.size !== status.size || now.modifiedAt !== status.modifiedAt)
      return;
    await failpoint("prune.judged");
    await disk.remove(path);
    report.pruned.push({ segment: name, bytes: status.size, reason });
    await failpoint("prune.removed");
  } catch (error) {
    if (errnoOf(error) !== "ENOENT")
      report.failed.push({ segment: name, reason: errnoOf(error) || String(error) });
  }
}

/**
 * The instances without segments. That their segments are gone must be durable, whoever deleted them: an earlier
 * pruner may have died before it synced the directory.
 */
async function findGone(
  disk: Disk,
  layout: SpoolLayout,
  positions: Positions,
  pruned: boolean,
): Promise<Instance[]> {
  const left = groupSegments(await listOrNothing(disk, layout.segments));
  const present = await disk.status(layout.identity).catch(() => undefined);
  const gone = present === undefined ? [] : [...positions.keys()].filter((instance) => !left.has(instance));
  if (pruned || gone.length > 0) await disk.syncDirectory(layout.segments);
  await failpoint("prune.synced");
  return gone;
}

/** A spool that no writer has opened yet has no segments. */
async function listOrNothing(disk: Disk, directory: string): Promise<string[]> {
  try {
    return await disk.list(directory);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}
