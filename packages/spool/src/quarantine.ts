/**
 * Copies of bytes that are no lines, and marks on segments that must not be pruned. Nothing in the product deletes
 * below `quarantine/`: that is for people.
 */
import { join } from "node:path";
import { prepareDirectory } from "./directory.js";
import type { Disk } from "./disk.js";
import { errnoOf } from "./errors.js";
import type { SpoolLayout } from "./layout.js";

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

async function writeQuarantined(
  disk: Disk,
  layout: SpoolLayout,
  path: string,
  produce: (write: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  await prepareDirectory(disk, layout.quarantine);
  await disk.remove(path).catch(() => undefined);
  const file = await disk.create(path);
  try {
    await produce(async (bytes) => {
      for (let written = 0; written < bytes.byteLength;) written += await file.write(bytes.subarray(written));
    });
    await file.sync();
  } finally {
    await file.close();
  }
  await disk.syncDirectory(layout.quarantine);
}
