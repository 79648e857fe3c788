/** Which records of a spool are meant: the options that `spool cat` and `replay` have in common. */
import { join } from "node:path";
import { decodeRecord, RecordError } from "@event-collector/contract";
import type { SpoolRecord } from "@event-collector/contract";
import { walkSegment } from "@event-collector/spool";
import type { Clock, Damage, Disk, SegmentName, SpoolLine } from "@event-collector/spool";
import { Option } from "commander";
import type { Command } from "commander";
import { UsageError } from "../exit-code.js";
import { parseMoment } from "../moment.js";
import type { Settings } from "../settings.js";
import type { Spool } from "./spool.js";

export interface Selection {
  readonly segments: ReadonlySet<string> | undefined;
  /** Milliseconds since the epoch, by `received_at`. */
  readonly since: number;
  readonly until: number;
  readonly kind: SpoolRecord["kind"] | undefined;
  readonly learner: string | undefined;
  readonly type: string | undefined;
  readonly id: string | undefined;
}

export interface SelectionOptions {
  readonly segment?: string[];
  readonly since?: string;
  readonly until?: string;
  readonly kind?: SpoolRecord["kind"];
  readonly learner?: string;
  readonly type?: string;
  readonly id?: string;
}

export function addSelection(command: Command): Command {
  return command
    .option("--segment <name...>", "only these segments, by file name")
    .option("--since <time>", "received at or after it: 2024-01-15T10:30:00Z, or 90s, 15m, 2h, 1d ago")
    .option("--until <time>", "received before it")
    .option("--learner <id>", "only events of this learner")
    .option("--type <type>", "only events of this type")
    .option("--id <event id>", "only the event with this id");
}

export function kindOption(): Option {
  return new Option("--kind <kind>", "only accepted or only rejected events").choices(["event", "rejected"]);
}

export function selectionOf(options: SelectionOptions, now: number): Selection {
  const { since, until, segment } = options;
  const selection = {
    segments: segment === undefined ? undefined : new Set(segment),
    since: since === undefined ? Number.NEGATIVE_INFINITY : parseMoment("--since", since, now),
    until: until === undefined ? Number.POSITIVE_INFINITY : parseMoment("--until", until, now),
    kind: options.kind,
    learner: options.learner,
    type: options.type,
    id: options.id,
  };
  if (selection.since >= selection.until) throw new UsageError("--since must be before --until");
  return selection;
}

export function isSelected(record: SpoolRecord, selection: Selection): boolean {
  const at = Date.parse(record.receivedAt);
  if (at < selection.since || at >= selection.until) return false;
  if (selection.kind !== undefined && record.kind !== selection.kind) return false;
  if (selection.learner !== undefined && record.key !== selection.learner) return false;
  if (selection.id !== undefined && record.eventId !== selection.id) return false;
  return selection.type === undefined || (record.kind === "event" && record.eventType === selection.type);
}

export interface SelectedRecord {
  readonly line: SpoolLine;
  readonly record: SpoolRecord;
}

/** Every record that is selected, instance by instance in order. What is no record is told to `onDamage`. */
export async function* selectRecords(
  disk: Disk,
  clock: Clock,
  spool: Spool,
  selection: Selection,
  settings: Settings,
  onDamage: (damage: Pick<Damage, "position" | "reason" | "message"> | UnknownRecord) => void,
): AsyncGenerator<SelectedRecord, void, undefined> {
  for (const segment of await segmentsIn(disk, spool, selection)) {
    for await (const items of walkSegment(disk, clock, spool.layout, segment, settings)) {
      for (const item of items) {
        if (item.type === "damage") {
          onDamage(item);
          continue;
        }
        const record = recordOf(item);
        if (!("kind" in record)) onDamage(record);
        else if (isSelected(record, selection)) yield { line: item, record };
      }
    }
  }
}

/** A whole line that is no record: something else than the ingress wrote it. */
export interface UnknownRecord {
  readonly reason: "unknown_record";
  readonly message: string;
  readonly position: SpoolLine["position"];
}

function recordOf(line: SpoolLine): SpoolRecord | UnknownRecord {
  try {
    return decodeRecord(line.payload);
  } catch (error) {
    if (!(error instanceof RecordError)) throw error;
    return { reason: "unknown_record", message: error.message, position: line.position };
  }
}

/** The segments that may hold what is meant: those that were created later or last written earlier are passed over. */
async function segmentsIn(disk: Disk, spool: Spool, selection: Selection): Promise<SegmentName[]> {
  const { segments: wanted, since, until } = selection;
  const unknown = [...(wanted ?? [])].find((name) => !spool.segments.some((each) => each.name === name));
  if (unknown !== undefined) throw new UsageError(`there is no segment ${unknown} in the spool`);
  const found: SegmentName[] = [];
  for (const segment of spool.segments) {
    if (wanted !== undefined && !wanted.has(segment.name)) continue;
    if (segment.createdAt >= until + CLOCK_STEP_MS) continue;
    const status = await disk.status(join(spool.layout.segments, segment.name)).catch(() => undefined);
    if (status !== undefined && status.modifiedAt < since - CLOCK_STEP_MS) continue;
    found.push(segment);
  }
  return found;
}

/** A clock that was set meanwhile hides nothing by less than this. */
const CLOCK_STEP_MS = 10 * 60_000;
