/** The segments of a spool, one by one: how large, in which state, and how far delivered. */
import { join } from "node:path";
import { endsWithSeal, judgeSegments, keptSegments } from "@event-collector/spool";
import type { Clock, Disk, Position, Positions, SegmentName, Verdict } from "@event-collector/spool";
import type { Settings } from "../settings.js";
import type { Spool } from "./spool.js";

export interface ListedSegment {
  readonly segment: string;
  readonly instance: string;
  /** RFC 3339. */
  readonly created: string;
  /** Of the last write, RFC 3339. */
  readonly modified: string;
  readonly bytes: number;
  /** `sealed`: its writer is done with it. `open`: it may grow, or its writer died. */
  readonly state: "sealed" | "open";
  readonly delivered: "all" | "part" | "none";
  /** A mark in quarantine keeps it from being pruned. */
  readonly kept: boolean;
}

/** A silent writer is no matter here: nothing is deleted by what this says. */
const SILENCE = { retentionMs: Number.POSITIVE_INFINITY, writerSilenceMs: Number.POSITIVE_INFINITY };

export async function listSpool(
  disk: Disk,
  clock: Clock,
  { layout, segments }: Spool,
  positions: Positions,
): Promise<ListedSegment[]> {
  const kept = await keptSegments(disk, layout);
  const listed: ListedSegment[] = [];
  for (const segment of segments) {
    const position = positions.get(segment.instance);
    const [judged] = await judgeSegments(disk, clock, layout, [segment], position, SILENCE);
    if (judged === undefined) continue;
    const { status, verdict } = judged;
    const path = join(layout.segments, segment.name);
    const sealed = await endsWithSeal(disk, path, segment, status.size).catch(() => false);
    listed.push({
      segment: segment.name,
      instance: segment.instance,
      created: new Date(segment.createdAt).toISOString(),
      modified: new Date(status.modifiedAt).toISOString(),
      bytes: status.size,
      state: sealed ? "sealed" : "open",
      delivered: deliveredOf(segment, verdict, position),
      kept: kept.has(segment.name),
    });
  }
  return listed.sort((a, b) => a.created.localeCompare(b.created) || a.segment.localeCompare(b.segment));
}

function deliveredOf(
  { name }: SegmentName,
  verdict: Verdict,
  position: Position | undefined,
): ListedSegment["delivered"] {
  if (verdict !== "unconsumed") return "all";
  return position?.segment === name && position.offset > 0 ? "part" : "none";
}

/** Older than the retention and not delivered: somebody should look at them. */
export function overdueOf(
  listed: readonly ListedSegment[],
  now: number,
  { retentionMs }: Pick<Settings, "retentionMs">,
): ListedSegment[] {
  return listed.filter(
    ({ delivered, modified }) => delivered !== "all" && now - Date.parse(modified) >= retentionMs,
  );
}
