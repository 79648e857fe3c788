/** Makes a directory whose very existence survives a power cut. */
import { dirname } from "node:path";
import type { Disk } from "./disk.js";
import { errnoOf, SpoolError } from "./errors.js";

/**
 * Makes `directory` with its missing parents, checks that it can be written, and syncs every directory from it to
 * the root: a name is durable only once the directory that holds it is. Parents that this process may not open
 * were there before it and are passed over.
 */
export async function prepareDirectory(disk: Disk, directory: string): Promise<void> {
  try {
    await disk.makeDirectory(directory);
    await disk.assertWritable(directory);
    await disk.syncDirectory(directory);
  } catch (error) {
    const reason = errnoOf(error) || String(error);
    throw new SpoolError("directory_unusable", `The directory ${directory} cannot be used: ${reason}.`, {
      cause: error,
    });
  }
  for (let child = directory; dirname(child) !== child; child = dirname(child)) {
    await disk.syncDirectory(dirname(child)).catch((error: unknown) => {
      if (!["EACCES", "EPERM", "EROFS", "EINVAL"].includes(errnoOf(error))) throw error;
    });
  }
}
