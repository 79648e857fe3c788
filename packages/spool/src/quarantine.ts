/**
 * Copies of bytes that are no lines, and marks on segments that must not be pruned. Nothing in the product deletes
 * below `quarantine/`: that is for people.
 */
import { join } from "node:path";
import { prepareDirectory } from "./directory.js";
import type { Disk } from "./disk.js";
import { errnoOf } from "./errors.js";
import type { SpoolLayout } from "./layout.js";
import { writeNewFile } from "./write-whole.js";

const KEEP = ".keep";
const CHUNK_BYTES = 1024 * 1024;

/**
 * Copies `length` bytes of a segment to `quarantine/<segment>@<offset>.bytes`, durably. Returns the path. Copying
 * the same bytes twice is harmless. A segment that is shorter gives what it has.
 */
export async function quarantineBytes(
  disk: Disk,
  layout: SpoolLayout,
  segment: string,
  offset: number,
  length: number,
): Promise<string> {
  const source = await disk.open(join(layout.segments, segment));
  try {
    const path = join(layout.quarantine, `${segment}@${offset}.bytes`);
    await writeQuarantined(disk, layout, path, async (write) => {
      const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
      for (let done = 0; done < length;) {
        const count = await source.read(
          chunk.subarray(0, Math.min(CHUNK_BYTES, length - done)),
          offset + done,
        );
        if (count === 0) return;
        await write(chunk.subarray(0, count));
        done += count;
      }
    });
    return path;
  } finally {
    await source.close();
  }
}

/** Keeps a segment from being pruned until a person removes the mark. */
export async function keepSegment(
  disk: Disk,
  layout: SpoolLayout,
  segment: string,
  why: string,
): Promise<void> {
  const path = join(layout.quarantine, `${segment}${KEEP}`);
  await writeQuarantined(disk, layout, path, (write) => write(Buffer.from(`${why}\n`)));
}

/** True if the segment is marked. Rejects if that cannot be found out. */
export async function isSegmentKept(disk: Disk, layout: SpoolLayout, segment: string): Promise<boolean> {
  try {
    await disk.status(join(layout.quarantine, `${segment}${KEEP}`));
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

/** Names of the segments that are marked. */
export async function keptSegments(disk: Disk, layout: SpoolLayout): Promise<ReadonlySet<string>> {
  try {
    const names = await disk.list(layout.quarantine);
    return new Set(names.filter((name) => name.endsWith(KEEP)).map((name) => name.slice(0, -KEEP.length)));
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return new Set();
    throw error;
  }
}

/** Puts a file in its place whole: nobody ever sees a part of it, or that it is missing while it is replaced. */
async function writeQuarantined(
  disk: Disk,
  layout: SpoolLayout,
  path: string,
  produce: (write: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  await prepareDirectory(disk, layout.quarantine);
  const temporary = `${path}.new`;
  await disk.remove(temporary).catch(() => undefined);
  await writeNewFile(disk, temporary, produce);
  await disk.rename(temporary, path);
  await disk.syncDirectory(layout.quarantine);
}
