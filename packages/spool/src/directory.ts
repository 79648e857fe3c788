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
    for (let child = directory; dirname(child) !== child; child = dirname(child)) {
      await disk.syncDirectory(dirname(child)).catch((error: unknown) => {
        if (!PASSED_OVER.has(errnoOf(error))) throw error;
      });
    }
  } catch (error) {
    const reason = errnoOf(error) || String(error);
    throw new SpoolError("directory_unusable", `The directory ${directory} cannot be used: ${reason}.`, {
      cause: error,
    });
  }
}

/** This process may not open the directory, or its file system has no fsync for directories. */
const PASSED_OVER: ReadonlySet<string> = new Set(["EACCES", "EPERM", "EROFS", "EINVAL", "ENOTSUP"]);
