/**
 * How far a consumer is, as a small file that is replaced whole: temporary file, fsync, rename, directory fsync.
 *
 * The file is one line of the same frame as a segment's, so a torn or garbled one is recognised; it then counts as
 * absent, and the consumer starts at the first segment that is still there. That costs duplicates and never loss.
 *
 * **Invariant:** positions in the file were consumed before it was written.
 */
import { randomBytes } from "node:crypto";
import { dirname } from "node:path";
import type { Disk } from "./disk.js";
import { errnoOf, SpoolError } from "./errors.js";
import { failpoint } from "./failpoint.js";
import { checksumSeed, decodeLine, encodeSingleLine, payloadOf } from "./frame.js";
import { prepareDirectory } from "./directory.js";
import type { SpoolLayout } from "./layout.js";
import type { Instance, Position, Positions } from "./position.js";
import { parseSegmentName } from "./segment-name.js";
import { writeNewFile } from "./write-whole.js";

export interface CursorFile {
  read(): Promise<CursorReading>;
  /** Resolves when the positions are on stable storage. Calls must not overlap. */
  write(positions: Positions): Promise<void>;
}

export type CursorReading =
  | { readonly state: "present"; readonly positions: Positions }
  /** No file: nothing was consumed yet, or all of it by another machine. */
  | { readonly state: "absent" }
  /** A file that does not verify. */
  | { readonly state: "damaged"; readonly message: string };

/** Freed when the disk is full, so that the cursor can still be written. Larger than a cursor of 10,000 instances. */
const RESERVE_BYTES = 1024 * 1024;
/** The reserve is taken only from a disk that has so much more to give. */
const RESERVE_FREE_BYTES_MIN = 8 * RESERVE_BYTES;
const SEED = checksumSeed("cursor.json");
const FULL = new Set(["ENOSPC", "EDQUOT"]);

export async function openCursorFile(disk: Disk, layout: SpoolLayout): Promise<CursorFile> {
  await prepareDirectory(disk, layout.forwarder);
  await keepReserve(disk, layout.reserve);
  let generation = 0;
  return {
    read: () => readCursor(disk, layout.cursor),
    write: async (positions) => {
      generation += 1;
      const payload = Buffer.from(JSON.stringify({ positions: Object.fromEntries(positions) }));
      const line = encodeSingleLine(SEED, "data", generation, payload);
      try {
        await replaceCursor(disk, layout.cursor, line);
      } catch (error) {
        if (!FULL.has(errnoOf(error))) throw unwritable(error);
        await disk.remove(layout.reserve).catch(() => undefined);
        await replaceCursor(disk, layout.cursor, line).catch((again: unknown) => {
          throw unwritable(again);
        });
        return;
      }
      await keepReserve(disk, layout.reserve);
    },
  };
}

/** Replaces the cursor so that after a crash at any moment either the old or the new one is there, whole. */
async function replaceCursor(disk: Disk, path: string, line: Uint8Array): Promise<void> {
  const temporary = `${path}.new`;
  await disk.remove(temporary).catch(() => undefined);
  await writeNewFile(disk, temporary, (write) => write(line));
  await failpoint("cursor.written");
  await disk.rename(temporary, path);
  await disk.syncDirectory(dirname(path));
  await failpoint("cursor.renamed");
}

/** Reads the cursor file at this path; changes nothing. */
export async function readCursor(disk: Disk, path: string): Promise<CursorReading> {
  let bytes: Buffer;
  try {
    bytes = Buffer.from(await disk.readFile(path));
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return { state: "absent" };
    return { state: "damaged", message: `The cursor ${path} cannot be read: ${errnoOf(error)}.` };
  }
  const line = decodeLine(bytes, 0, Math.max(bytes.byteLength - 1, 0), SEED);
  const positions = line === undefined ? undefined : parsePositions(payloadOf(line));
  if (positions === undefined) return { state: "damaged", message: `The cursor ${path} does not verify.` };
  return { state: "present", positions };
}

function parsePositions(payload: Buffer): Positions | undefined {
  const value: unknown = JSON.parse(payload.toString("utf8"));
  if (typeof value !== "object" || value === null || !("positions" in value)) return undefined;
  const positions = new Map<Instance, Position>();
  for (const [instance, position] of Object.entries(value.positions ?? {})) {
    const parsed = parsePosition(position);
    if (parsed !== undefined) positions.set(instance, parsed);
  }
  return positions;
}

/** A position that was stored as JSON, or undefined if it is not one. */
export function parsePosition(value: unknown): Position | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { segment, offset, sequence } = value as Record<string, unknown>;
  if (typeof segment !== "string" || parseSegmentName(segment) === undefined) return undefined;
  if (typeof offset !== "number" || !Number.isSafeInteger(offset) || offset < 0) return undefined;
  if (typeof sequence !== "number" || !Number.isSafeInteger(sequence) || sequence < 0) return undefined;
  return { segment, offset, sequence };
}

/**
 * Best effort: without the reserve only the case of a full disk is worse. It is not taken while the disk is nearly
 * full, for it would take the very room that it is to keep. Random bytes, since some file systems store zeros as none.
 */
async function keepReserve(disk: Disk, path: string): Promise<void> {
  const present = await disk.status(path).catch(() => undefined);
  if (present !== undefined && present.size >= RESERVE_BYTES) return;
  try {
    const { freeBytes } = await disk.space(dirname(path));
    if (freeBytes < RESERVE_FREE_BYTES_MIN) return;
    await disk.remove(path).catch(() => undefined);
    await writeNewFile(disk, path, (write) => write(randomBytes(RESERVE_BYTES)));
  } catch {
    await disk.remove(path).catch(() => undefined);
  }
}

function unwritable(cause: unknown): SpoolError {
  return new SpoolError(
    "state_unwritable",
    `The cursor cannot be written: ${errnoOf(cause) || String(cause)}.`,
    { cause },
  );
}
