/** Writing all of something: write(2) may take fewer bytes than it was given, and that is not an error. */
import { strict as assert } from "node:assert";
import type { Disk, DiskFile } from "./disk.js";

/** Goes on until every byte is written. Rejects if the disk takes none, or with what the disk rejects with. */
export async function writeWhole(file: DiskFile, bytes: Uint8Array): Promise<void> {
  let written = 0;
  while (written < bytes.byteLength) {
    const count = await file.write(written === 0 ? bytes : bytes.subarray(written));
    assert(count >= 0 && count <= bytes.byteLength - written, "the disk wrote more than it was given");
    if (count === 0) throw new Error(`The disk took ${written} of ${bytes.byteLength} bytes.`);
    written += count;
  }
}

/**
 * Makes a file and puts what `produce` writes on stable storage. The name itself is there only after a sync of its
 * directory. A file that could not be completed is left behind for the caller to remove.
 */
export async function writeNewFile(
  disk: Disk,
  path: string,
  produce: (write: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  const file = await disk.create(path);
  try {
    await produce((bytes) => writeWhole(file, bytes));
    await file.sync();
  } finally {
    await file.close();
  }
}
