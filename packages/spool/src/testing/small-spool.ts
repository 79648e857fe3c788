/** A spool on a disk in memory, with limits so tiny that the rare case is common, and helpers to look into it. */
import { join } from "node:path";
import type { Damage } from "../damage.js";
import type { Disk } from "../disk.js";
import { spoolLayout } from "../layout.js";
import type { SpoolLayout } from "../layout.js";
import type { Positions } from "../position.js";
import { prune } from "../prune.js";
import type { PruneOptions, PruneReport } from "../prune.js";
import { openReader } from "../reader.js";
import type { ReaderOptions, SpoolReader } from "../reader.js";
import type { ReadLimits } from "../segment-reader.js";
import type { SpoolItem } from "../spool-piece.js";
import type { SpoolLine } from "../spool-line.js";
import { openUntimedWriter } from "../writer.js";
import type { GroupObserver, UntimedWriter, WriterOptions } from "../writer.js";
import { createFaultDisk, MEMORY_SPOOL } from "./fault-disk.js";
import type { DiskCall, DiskOperation, FaultDisk } from "./fault-disk.js";
import { createManualClock } from "./manual-clock.js";
import type { ManualClock } from "./manual-clock.js";

export const MINUTE: number = 60_000;
export const HOUR: number = 60 * MINUTE;

export const SMALL_WRITER: WriterOptions = {
  directory: MEMORY_SPOOL,
  segmentBytesMax: 1024,
  segmentAgeMs: MINUTE,
  spoolBytesMax: 1024 * 1024,
  freeBytesMin: 0,
  lineBytesMax: 4096,
  queueBytesMax: 64 * 1024,
  appendTimeoutMs: 5_000,
  checkIntervalMs: 1_000,
};

export const SMALL_READER: ReaderOptions = {
  directory: MEMORY_SPOOL,
  lineBytesMax: 4096,
  damageGraceMs: 2_000,
  writerSilenceMs: 15 * MINUTE,
  rescanMs: 1_000,
};

export const SMALL_PRUNE: PruneOptions = {
  retentionMs: 24 * HOUR,
  writerSilenceMs: 15 * MINUTE,
  spoolBytesMax: 1024 * 1024,
  freeBytesMin: 0,
  headroom: 0.2,
};

const WIDE: ReadLimits = { linesMax: 10_000, bytesMax: 64 * 1024 * 1024 };

export interface SmallSpool {
  clock: ManualClock;
  disk: FaultDisk;
  layout: SpoolLayout;
  openWriter(options?: Partial<WriterOptions>, disk?: Disk, observe?: GroupObserver): Promise<UntimedWriter>;
  openReader(start?: Positions, options?: Partial<ReaderOptions>, disk?: Disk): SpoolReader;
  prune(positions: Positions, options?: Partial<PruneOptions>): Promise<PruneReport>;
  /** Names of the segments, in order of their numbers, then of their creation. */
  segments(): Promise<string[]>;
  path(segment: string): string;
}

export function createSmallSpool(): SmallSpool {
  const clock = createManualClock();
  const disk = createFaultDisk(clock);
  const layout = spoolLayout(MEMORY_SPOOL);
  return {
    clock,
    disk,
    layout,
    openWriter: (options = {}, on = disk, observe) =>
      openUntimedWriter(on, clock, { ...SMALL_WRITER, ...options }, observe),
    openReader: (start = new Map(), options = {}, on = disk) =>
      openReader(on, clock, { ...SMALL_READER, ...options }, start),
    prune: (positions, options = {}) => prune(disk, clock, layout, positions, { ...SMALL_PRUNE, ...options }),
    segments: async () => (await disk.list(layout.segments)).toSorted(byNumber),
    path: (segment) => join(layout.segments, segment),
  };
}

/** A payload that tells which one it is: `"0007"`, padded to a length. */
export function payload(index: number, bytes: number = 6): Buffer {
  return Buffer.from(JSON.stringify(String(index).padStart(Math.max(bytes - 2, 4), "0")));
}

export function payloads(from: number, to: number): Buffer[] {
  return Array.from({ length: to - from }, (_, index) => payload(from + index));
}

/** All that can be read now, however many reads it takes. */
export async function readAll(reader: SpoolReader, limits: ReadLimits = WIDE): Promise<SpoolItem[]> {
  const all: SpoolItem[] = [];
  for (;;) {
    const items = await reader.read(limits);
    if (items.length === 0) return all;
    all.push(...items);
  }
}

/** The numbers of the payloads among the items. */
export function indexes(items: readonly SpoolItem[]): number[] {
  return linesOf(items).map((line) => Number(JSON.parse(line.payload.toString())));
}

export function linesOf(items: readonly SpoolItem[]): SpoolLine[] {
  return items.filter((item) => item.type === "line");
}

export function damageOf(items: readonly SpoolItem[]): Damage[] {
  return items.filter((item) => item.type === "damage");
}

/** Reason and length of each damage, as "bad_line 31". */
export function damageNotes(items: readonly SpoolItem[]): string[] {
  return damageOf(items).map(({ reason, length }) => `${reason} ${length}`);
}

/** The positions of a consumer that has consumed these items, and what it started from. */
export function positionsAfter(items: readonly SpoolItem[], start: Positions = new Map()): Positions {
  const positions = new Map(start);
  for (const { instance, next } of items) positions.set(instance, next);
  return positions;
}

/** Lets everything go on until it waits for time or for a release: on a disk in memory all the rest is microtasks. */
export function quiet(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What has come of a promise by now. */
export async function stateOf(promise: Promise<unknown>): Promise<"pending" | "fulfilled" | "rejected"> {
  let state: "pending" | "fulfilled" | "rejected" = "pending";
  promise.then(
    () => (state = "fulfilled"),
    () => (state = "rejected"),
  );
  await quiet();
  return state;
}

/** The calls of these kinds, as "sync 000000": the operation and the number of the segment, or the end of the path. */
export function callNotes(calls: readonly DiskCall[], ...operations: DiskOperation[]): string[] {
  return calls
    .filter(({ operation }) => operations.includes(operation))
    .map(({ operation, path }) => `${operation} ${/-(\d+)\.ndjson$/.exec(path)?.[1] ?? path}`);
}

/** A code of each rejection, "ok" of each append that was acknowledged. */
export async function outcomes(appends: readonly Promise<void>[]): Promise<string[]> {
  const results = await Promise.allSettled(appends);
  return results.map((result) =>
    result.status === "fulfilled" ? "ok" : String((result.reason as { code?: unknown }).code),
  );
}

function byNumber(a: string, b: string): number {
  const numberOf = (name: string): string => name.slice(name.lastIndexOf("-"));
  return numberOf(a).localeCompare(numberOf(b)) || a.localeCompare(b);
}
