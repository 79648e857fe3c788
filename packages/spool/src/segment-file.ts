/**
 * A segment while its writer holds it: created with its header, appended to, sealed or abandoned.
 *
 * **Invariant:** a segment is created by the process that writes it and never opened for writing again.
 * **Invariant:** after a failed write or sync nothing more is asked of the file but to close it: the kernel may
 * have dropped the pages, and the next sync would answer success (PostgreSQL's fsync lesson, 2018).
 * **Invariant:** when `createSegment` resolves, the header and the name itself are on stable storage.
 */
import { strict as assert } from "node:assert";
import { join } from "node:path";
import type { Clock } from "./clock.js";
import type { Disk, DiskFile } from "./disk.js";
import { errnoOf, SpoolError } from "./errors.js";
import type { SpoolErrorCode } from "./errors.js";
import { failpoint } from "./failpoint.js";
import { checksumSeed, encodeSingleLine } from "./frame.js";
import { segmentName } from "./segment-name.js";
import type { Instance } from "./position.js";

/** The version of FORMAT.md that this code writes. A reader refuses no version: every line verifies by itself. */
export const FORMAT_VERSION: number = 1;

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
}

/** Creates the file, writes and syncs its header, syncs the directory. */
export async function createSegment(
  disk: Disk,
  clock: Clock,
  directory: string,
  instance: Instance,
  number: number,
): Promise<SegmentFile> {
  const name = segmentName(clock.now(), instance, number);
  const path = join(directory, name);
  const seed = checksumSeed(name);
  const header = Buffer.from(
    JSON.stringify({ format: FORMAT_VERSION, segment: name, created: new Date(clock.now()).toISOString() }),
  );
  const line = encodeSingleLine(seed, "header", 0, header);
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
    };
  } catch (error) {
    await file?.close().catch(() => undefined);
    throw diskFailure(error, "write_failed", `The segment ${name} could not be created`, name, 0);
  }
}

/**
 * Appends whole lines and puts them on stable storage. Resolves only if every byte is there, the sync succeeded
 * and the path still names this file with exactly these bytes. On any error the segment is to be abandoned.
 * Returns how long the sync took, in seconds.
 */
export async function appendDurably(
  disk: Disk,
  clock: Clock,
  segment: SegmentFile,
  bytes: Uint8Array,
  lines: number,
): Promise<number> {
  const offset = segment.bytes;
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
    segment.file.sync().then(() => (clock.monotonic() - startedAt) / 1000),
    disk.status(segment.path),
  ]);
  if (synced.status === "rejected") {
    throw diskFailure(synced.reason, "sync_failed", "A sync of the spool failed", segment.name, offset);
  }
  if (seen.status === "rejected" || seen.value.identity !== segment.identity) {
    throw new SpoolError("segment_lost", `The segment ${segment.name} is gone from its directory.`, {
      segment: segment.name,
      offset,
    });
  }
  if (seen.value.size !== segment.bytes) {
    throw new SpoolError(
      "segment_lost",
      `The segment ${segment.name} has ${seen.value.size} bytes where ${segment.bytes} were written: another process changed it.`,
      { segment: segment.name, offset },
    );
  }
  await failpoint("group.synced");
  return synced.value;
}

/** Writes the seal, so that it stands before any line of a later segment. It need not be durable yet. */
export async function writeSeal(segment: SegmentFile): Promise<void> {
  const seal = Buffer.from(JSON.stringify({ lines: segment.lines, bytes: segment.bytes }));
  const line = encodeSingleLine(segment.seed, "seal", segment.sequence, seal);
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

/** write(2) may write fewer bytes than asked, without an error: go on until all are written. */
async function writeWhole(file: DiskFile, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.byteLength) {
    const count = await file.write(written === 0 ? bytes : bytes.subarray(written));
    assert(count >= 0 && count <= bytes.byteLength - written, "the disk wrote more than it was given");
    if (count === 0) throw new Error(`The disk took ${written} of ${bytes.byteLength} bytes.`);
    written += count;
  }
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
