/**
 * Whether a segment may be deleted, as far as its bytes, the durable position of its instance and its writer decide.
 *
 * **Invariant:** a segment with a line at or behind the position is never disposable.
 */
import { join } from "node:path";
import type { Clock } from "./clock.js";
import { headerBytes } from "./control-line.js";
import type { Disk, FileStatus } from "./disk.js";
import { checksumSeed, decodeLine } from "./frame.js";
import type { SpoolLayout } from "./layout.js";
import type { Position } from "./position.js";
import { parseSegmentName } from "./segment-name.js";
import type { SegmentName } from "./segment-name.js";

export type Verdict =
  /** Nothing in it is needed, and its writer is done with it. */
  | "disposable"
  /** Nothing in it is needed, but its writer may go on. */
  | "consumed"
  | "unconsumed";

export interface Judgement {
  /** Of the segment. */
  name: string;
  status: FileStatus;
  verdict: Verdict;
}

export interface SilenceOptions {
  retentionMs: number;
  writerSilenceMs: number;
}

/** Judges the segments of one instance. Those that are gone meanwhile are left out. */
export async function judgeSegments(
  disk: Disk,
  clock: Clock,
  layout: SpoolLayout,
  segments: readonly SegmentName[],
  position: Position | undefined,
  options: SilenceOptions,
): Promise<Judgement[]> {
  const judgements: Judgement[] = [];
  const silenceMs = Math.max(options.retentionMs, options.writerSilenceMs);
  for (const segment of segments) {
    const { name } = segment;
    const path = join(layout.segments, name);
    const status = await disk.status(path).catch(() => undefined);
    if (status === undefined) continue;
    const silent = clock.now() - status.modifiedAt >= silenceMs;
    // What cannot be read is not known to be consumed.
    const end = await judgeEnd(disk, path, segment, position, status.size).catch(() => "unconsumed" as const);
    const verdict = end === "open" ? (silent ? "disposable" : "consumed") : end;
    judgements.push({ name, status, verdict });
  }
  return judgements;
}

/** "open" if nothing in it is needed but only silence can show that nothing will follow. */
async function judgeEnd(
  disk: Disk,
  path: string,
  segment: SegmentName,
  position: Position | undefined,
  size: number,
): Promise<"disposable" | "open" | "unconsumed"> {
  const current = position === undefined ? undefined : parseSegmentName(position.segment);
  if (position === undefined || current?.instance !== segment.instance)
    return judgeUnread(disk, path, segment, size);
  // The reader leaves a segment only when its writer is done with it.
  if (segment.number < current.number) return "disposable";
  if (segment.number > current.number) return judgeUnread(disk, path, segment, size);
  if (position.offset >= size) return (await endsWithSeal(disk, path, segment, size)) ? "disposable" : "open";
  if (isSeal(await readRange(disk, path, position.offset, size), segment)) return "disposable";
  return judgeUnread(disk, path, segment, size);
}

/** A segment behind the position is not needed if it holds no line: a header, perhaps cut short, perhaps a seal. */
async function judgeUnread(
  disk: Disk,
  path: string,
  segment: SegmentName,
  size: number,
): Promise<"disposable" | "open" | "unconsumed"> {
  const header = headerBytes(segment.name);
  if (size <= header) return "open";
  return isSeal(await readRange(disk, path, header, size), segment) ? "disposable" : "unconsumed";
}

const SEAL_BYTES_MAX = 512;

/** The bytes from an offset to the end if they are so few that they may be a seal. */
async function readRange(disk: Disk, path: string, from: number, to: number): Promise<Buffer> {
  if (to - from > SEAL_BYTES_MAX) return Buffer.alloc(0);
  const file = await disk.open(path);
  try {
    const bytes = Buffer.alloc(to - from);
    return bytes.subarray(0, await file.read(bytes, from));
  } finally {
    await file.close();
  }
}

/** True if the bytes are one line, a seal. As for a reader, it is whole without its line feed. */
function isSeal(bytes: Buffer, { name }: SegmentName): boolean {
  const lineFeed = bytes.indexOf(0x0a);
  const end = lineFeed < 0 ? bytes.byteLength : lineFeed;
  if (bytes.byteLength > end + 1) return false;
  return decodeLine(bytes, 0, end, checksumSeed(name))?.kind === "seal";
}

/** True if the last line of the segment is a seal: its writer is done with it. */
export async function endsWithSeal(
  disk: Disk,
  path: string,
  segment: SegmentName,
  size: number,
): Promise<boolean> {
  const tail = await readRange(disk, path, Math.max(0, size - SEAL_BYTES_MAX), size);
  if (tail.byteLength === 0) return false;
  const lineFrom = tail.byteLength < 2 ? 0 : tail.lastIndexOf(0x0a, tail.byteLength - 2) + 1;
  return isSeal(tail.subarray(lineFrom), segment);
}
