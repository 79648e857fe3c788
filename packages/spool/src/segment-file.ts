/**
 * A segment while its writer holds it: created with its header, appended to, sealed or abandoned.
 *
 * **Invariant:** a segment is created by the process that writes it and never opened for writing again.
 * **Invariant:** after a failed write or sync nothing more is asked of the file but to close it: the kernel may
 * have dropped the pages, and the next sync would answer success (PostgreSQL's fsync lesson, 2018).
 * **Invariant:** when `createSegment` resolves, the header and the name itself are on stable storage.
 * **Invariant:** nothing is acknowledged in a segment that was silent for longer than its lease. Readers and the
 * pruner take a much longer silence for the writer's end; a writer that slept so long must not prove them wrong.
 */
import { join } from "node:path";
import type { Clock } from "./clock.js";
import type { Disk, DiskFile } from "./disk.js";
import { errnoOf, SpoolError } from "./errors.js";
import type { SpoolErrorCode } from "./errors.js";
import { failpoint } from "./failpoint.js";
import { checksumSeed } from "./frame.js";
import { encodeHeader, encodeSeal } from "./control-line.js";
import { segmentName } from "./segment-name.js";
import type { Instance } from "./position.js";
import { writeWhole } from "./write-whole.js";

/**
 * For so long after its last touch a segment is its writer's, milliseconds. A third of the silence after which a
 * reader takes the writer for gone (15 minutes), and five times as long as a living writer lets pass between touches.
 */
export const LEASE_MS: number = 5 * 60 * 1000;

/** Both clocks, read together: the wall clock is what readers go by, the other one does not jump. */
interface Moment {
  wall: number;
  monotonic: number;
}

export interface SegmentFile {
  readonly name: string;
  readonly path: string;
  readonly file: DiskFile;
  /** Device and inode, to notice that the path names another file. */
  readonly identity: string;
  /** Where every checksum of this segment starts from. */
  readonly seed: number;
  /** Bytes written, all lines whole. */
  bytes: number;
  /** The number of the next line. */
  sequence: number;
  /** Data lines written. */
  lines: number;
  /** Monotonic time of the first data line, or undefined while there is none. */
  firstLineAt: number | undefined;
  /** The time of the last write in the file's status is this or later. */
  touchedAt: Moment;
}

/** Creates the file, writes and syncs its header, syncs the directory. */
export async function createSegment(
  disk: Disk,
  clock: Clock,
  directory: string,
  instance: Instance,
  number: number,
): Promise<SegmentFile> {
  const touchedAt = momentOf(clock);
  const name = segmentName(touchedAt.wall, instance, number);
  const path = join(directory, name);
  const seed = checksumSeed(name);
  const line = encodeHeader(name, seed, touchedAt.wall);
  let file: DiskFile | undefined;
  try {
    file = await disk.create(path);
    await failpoint("segment.created");
    await writeWhole(file, line);
    await file.sync();
    await failpoint("segment.header-synced");
    await disk.syncDirectory(directory);
    const { identity } = await file.status();
    return {
      name,
      path,
      file,
      identity,
      seed,
      bytes: line.byteLength,
      sequence: 1,
      lines: 0,
      firstLineAt: undefined,
      touchedAt,
    };
  } catch (error) {
    await file?.close().catch(() => undefined);
    throw diskFailure(error, "write_failed", `The segment ${name} could not be created`, name, 0);
  }
}

/**
 * Appends whole lines and puts them on stable storage. Resolves only if every byte is there, the sync succeeded, the
 * path still names this file with exactly these bytes, and the lease held all the while. On any error the segment is
 * to be abandoned. Returns how long the sync took, in seconds.
 */
export async function appendDurably(
  disk: Disk,
  clock: Clock,
  segment: SegmentFile,
  bytes: Uint8Array,
  lines: number,
): Promise<number> {
  const offset = segment.bytes;
  const begun = momentOf(clock);
  try {
    await writeWhole(segment.file, bytes);
  } catch (error) {
    throw diskFailure(error, "write_failed", "A write to the spool failed", segment.name, offset);
  }
  segment.bytes += bytes.byteLength;
  segment.sequence += lines;
  segment.lines += lines;
  await failpoint("group.written");
  const startedAt = clock.monotonic();
  const [synced, seen] = await Promise.allSettled([
    segment.file.sync().then(() => clock.monotonic()),
    disk.status(segment.path),
  ]);
  if (synced.status === "rejected") {
    throw diskFailure(synced.reason, "sync_failed", "A sync of the spool failed", segment.name, offset);
  }
  if (seen.status === "rejected" || seen.value.identity !== segment.identity) {
    throw lost(segment, offset, "is gone from its directory");
  }
  if (seen.value.size !== segment.bytes) {
    const sizes = `has ${seen.value.size} bytes where ${segment.bytes} were written`;
    throw lost(segment, offset, `${sizes}: another process changed it`);
  }
  if (!leaseHolds(segment, clock)) throw lost(segment, offset, "was silent for too long: this process slept");
  segment.touchedAt = begun;
  await failpoint("group.synced");
  return (synced.value - startedAt) / 1000;
}

/** False if a reader might take the segment for given up by now. */
export function leaseHolds({ touchedAt }: SegmentFile, clock: Clock): boolean {
  const now = momentOf(clock);
  return now.wall - touchedAt.wall < LEASE_MS && now.monotonic - touchedAt.monotonic < LEASE_MS;
}

/**
 * Shows readers that the writer lives, and so renews the lease; one that ran out stays so. Best effort: without it
 * the lease runs out, and another segment is taken.
 */
export async function touchSegment(disk: Disk, clock: Clock, segment: SegmentFile): Promise<void> {
  const touchedAt = momentOf(clock);
  try {
    await disk.touch(segment.path, touchedAt.wall);
  } catch {
    return;
  }
  if (leaseHolds(segment, clock)) segment.touchedAt = touchedAt;
}

/** Writes the seal, so that it stands before any line of a later segment. It need not be durable yet. */
export async function writeSeal(segment: SegmentFile): Promise<void> {
  const line = encodeSeal(segment.seed, segment);
  await writeWhole(segment.file, line);
  segment.bytes += line.byteLength;
  segment.sequence += 1;
}

/** Makes the seal durable and lets go of the file. */
export async function finishSeal(segment: SegmentFile): Promise<void> {
  try {
    await segment.file.sync();
  } finally {
    await segment.file.close();
  }
}

/** Lets go of a file that can no longer be trusted. Never syncs it. */
export async function abandonSegment(segment: SegmentFile): Promise<void> {
  await segment.file.close().catch(() => undefined);
}

function momentOf(clock: Clock): Moment {
  return { wall: clock.now(), monotonic: clock.monotonic() };
}

function lost(segment: SegmentFile, offset: number, what: string): SpoolError {
  return new SpoolError("segment_lost", `The segment ${segment.name} ${what}.`, {
    segment: segment.name,
    offset,
  });
}

const FULL = new Set(["ENOSPC", "EDQUOT"]);

function diskFailure(
  cause: unknown,
  code: SpoolErrorCode,
  what: string,
  segment: string,
  offset: number,
): SpoolError {
  const errno = errnoOf(cause);
  const reason = errno === "" ? String(cause) : errno;
  return new SpoolError(FULL.has(errno) ? "disk_full" : code, `${what}: ${reason}.`, {
    segment,
    offset,
    cause,
  });
}
