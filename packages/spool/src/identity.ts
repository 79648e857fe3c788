/**
 * Which spool this is: a random id, made once and kept in `spool.json`. It names the spool to the broker, so that
 * a forwarder started on the same directory takes over from the last one, on whatever machine.
 */
import { randomUUID } from "node:crypto";
import { prepareDirectory } from "./directory.js";
import type { Disk } from "./disk.js";
import { errnoOf, SpoolError } from "./errors.js";
import type { SpoolLayout } from "./layout.js";
import { writeNewFile } from "./write-whole.js";

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The id of the spool; made if there is none. Two processes that ask at once get the same one: the file is written
 * under a name of its own and then linked to the common name, which only one of them can.
 */
export async function readSpoolIdentity(disk: Disk, layout: SpoolLayout): Promise<string> {
  await prepareDirectory(disk, layout.directory);
  try {
    const id = (await read(disk, layout.identity)) ?? (await make(disk, layout.identity));
    // Whoever made it may not have come so far. An id that a power cut takes back must not be used.
    await disk.syncDirectory(layout.directory);
    return id;
  } catch (error) {
    if (error instanceof SpoolError) throw error;
    const reason = errnoOf(error) || String(error);
    throw new SpoolError(
      "state_unwritable",
      `The spool's id cannot be written to ${layout.identity}: ${reason}.`,
      {
        cause: error,
      },
    );
  }
}

async function read(disk: Disk, path: string): Promise<string | undefined> {
  let text: string;
  try {
    text = Buffer.from(await disk.readFile(path)).toString("utf8");
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined;
    throw new SpoolError("directory_unusable", `${path} cannot be read: ${errnoOf(error)}.`, {
      cause: error,
    });
  }
  const id = idIn(text);
  if (id === undefined) {
    throw new SpoolError(
      "directory_unusable",
      `${path} does not hold the id of a spool. Restore it, or delete it to begin a new spool: everything still kept is then delivered again.`,
    );
  }
  return id;
}

function idIn(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null || !("id" in value)) return undefined;
    return typeof value.id === "string" && ID.test(value.id) ? value.id : undefined;
  } catch {
    return undefined;
  }
}

async function make(disk: Disk, path: string): Promise<string> {
  const id = randomUUID();
  const temporary = `${path}.${id}`;
  try {
    const bytes = Buffer.from(`${JSON.stringify({ format: 1, id })}\n`);
    await writeNewFile(disk, temporary, (write) => write(bytes));
    await disk.link(temporary, path).catch((error: unknown) => {
      if (errnoOf(error) !== "EEXIST") throw error;
    });
  } finally {
    await disk.remove(temporary).catch(() => undefined);
  }
  return (await read(disk, path)) ?? id;
}
