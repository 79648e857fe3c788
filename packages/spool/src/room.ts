/**
 * Whether the spool may take more: its own cap, the free bytes and the free inodes of the file system.
 *
 * A full disk is a normal state: the writer refuses, the forwarder drains and prunes, and the next look finds
 * room again. The free bytes that stay untouched are what the forwarder writes its cursor with.
 *
 * **Invariant:** a look costs one readdir, one statfs and a stat for each segment that may have grown; sizes of
 * segments that are followed by two later ones of their instance are remembered.
 */
import { join } from "node:path";
import type { Disk } from "./disk.js";
import { errnoOf, SpoolError } from "./errors.js";
import { groupSegments } from "./segment-name.js";

/** Creating a segment, a cursor and a quarantined copy needs a few inodes. */
const FREE_INODES_MIN = 16;

/** The last two segments of an instance may grow: the live one and the spare behind it. */
const GROWING_SEGMENTS = 2;

export interface Room {
  /** Bytes of all segments. */
  spoolBytes: number;
  segments: number;
  freeBytes: number;
  totalBytes: number;
  freeInodes: number;
}

export interface RoomLimits {
  spoolBytesMax: number;
  freeBytesMin: number;
}

/** A function that measures the room of one spool, remembering what cannot change. */
export function createRoomGauge(disk: Disk, segmentsDirectory: string): () => Promise<Room> {
  let sizes = new Map<string, number>();
  return async () => {
    const space = await disk.space(segmentsDirectory);
    const groups = groupSegments(await disk.list(segmentsDirectory));
    const seen = new Map<string, number>();
    let spoolBytes = 0;
    for (const group of groups.values()) {
      const settled = group.length - GROWING_SEGMENTS;
      for (const [index, { name }] of group.entries()) {
        const known = index < settled ? sizes.get(name) : undefined;
        const size = known ?? (await sizeOf(disk, join(segmentsDirectory, name)));
        if (index < settled) seen.set(name, size);
        spoolBytes += size;
      }
    }
    sizes = seen;
    return {
      spoolBytes,
      segments: [...groups.values()].reduce((count, group) => count + group.length, 0),
      freeBytes: space.freeBytes,
      totalBytes: space.totalBytes,
      freeInodes: space.freeInodes,
    };
  };
}

/** The refusal for an append of `bytes` more, or undefined if there is room. */
export function refuseForRoom(room: Room, limits: RoomLimits, bytes: number): SpoolError | undefined {
  if (room.spoolBytes + bytes > limits.spoolBytesMax) {
    return new SpoolError(
      "spool_full",
      `The spool holds ${room.spoolBytes} bytes; its limit is ${limits.spoolBytesMax} (BUFFER_MAX_BYTES).`,
    );
  }
  if (room.freeBytes - bytes < limits.freeBytesMin) {
    return new SpoolError(
      "disk_full",
      `${room.freeBytes} bytes are free on the spool's disk; ${limits.freeBytesMin} must stay free (BUFFER_MIN_FREE_BYTES).`,
    );
  }
  if (room.freeInodes < FREE_INODES_MIN) {
    return new SpoolError(
      "disk_full",
      `${room.freeInodes} inodes are free on the spool's disk; ${FREE_INODES_MIN} must stay free.`,
    );
  }
  return undefined;
}

/** A segment that was pruned since it was listed takes no room. */
async function sizeOf(disk: Disk, path: string): Promise<number> {
  try {
    return (await disk.status(path)).size;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return 0;
    throw error;
  }
}
