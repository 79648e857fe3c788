/**
 * Takes fdatasync and fsync out of a process that is started with `--import` of this file: only to see what they cost.
 * The product has no switch for it; what runs is its own entry point, with this patch of Node around it.
 */
import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";

const handle = await open(process.execPath, "r");
const prototype = Object.getPrototypeOf(handle) as Pick<FileHandle, "datasync" | "sync">;
await handle.close();
prototype.datasync = () => Promise.resolve();
prototype.sync = () => Promise.resolve();
