/**
 * A file system of its own in a file, mounted over a loop device, whose power can be cut. Root only.
 *
 * Invariant: `remove` leaves nothing behind, whatever state the volume is in. A process that ends without it removes
 * its volumes on its way out; what even that misses is found by `removeLeftovers`.
 */
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { rmSync } from "node:fs";
import { mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";

const run = promisify(execFile);

export type FileSystem = "ext4" | "xfs";

export interface VolumeOptions {
  fileSystem: FileSystem;
  /** A folder for the image and the mount point. */
  directory: string;
  /** Options of mount(8). */
  mountOptions?: string;
  /** Size of the image; it takes room as it fills. */
  bytes?: number;
  /** More options of mkfs. */
  makeOptions?: readonly string[];
}

export interface Volume {
  /** Where it is mounted. */
  readonly directory: string;
  /** The loop device. */
  readonly device: string;
  /** Makes the file system anew. Only while it is not mounted. */
  format(): Promise<void>;
  mount(): Promise<void>;
  unmount(): Promise<void>;
  /** Prepares a cut; `cut` of the compiled program is its path. Only while it is mounted. */
  arm(cut: string): Promise<Cutter>;
  /** Unmounts, detaches, deletes. Idempotent. */
  remove(): Promise<void>;
}

export interface Cutter {
  /** Resolves when the file system is dead: nothing reaches its disk any more. */
  cut(): Promise<void>;
  /** Lets go of a file system that was not cut. */
  disarm(): Promise<void>;
}

const MIB = 1024 * 1024;

/** The least that mkfs.xfs takes is 300 MiB. */
const SIZES: Record<FileSystem, number> = { ext4: 64 * MIB, xfs: 320 * MIB };

/** What makes a file system quickly; lazy initialisation would write in the background. */
const MAKE: Record<FileSystem, readonly string[]> = {
  ext4: ["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0,nodiscard"],
  xfs: ["mkfs.xfs", "-q", "-f", "-K"],
};

/** A process that was killed may hold the mount for a moment longer. */
const UNMOUNT_ATTEMPTS_MAX = 1_500;
const UNMOUNT_PAUSE_MS = 20;

export async function createVolume(options: VolumeOptions): Promise<Volume> {
  const image = join(options.directory, "image");
  const directory = join(options.directory, "mount");
  await mkdir(directory, { recursive: true });
  const file = await open(image, "w");
  await file.truncate(options.bytes ?? SIZES[options.fileSystem]);
  await file.close();
  const device = (await run("losetup", ["--find", "--show", image])).stdout.trim();
  let removed = false;
  removeWithThisProcess(options.directory, device);

  async function format(): Promise<void> {
    const [program = "", ...words] = MAKE[options.fileSystem];
    await run(program, [...words, ...(options.makeOptions ?? []), device]);
  }

  const volume: Volume = {
    directory,
    device,
    format,
    mount: async () => {
      const words = options.mountOptions === undefined ? [] : ["-o", options.mountOptions];
      await run("mount", ["-t", options.fileSystem, ...words, device, directory]);
    },
    unmount: () => unmount(directory),
    arm: (cut) => arm(cut, directory),
    remove: async () => {
      if (removed) return;
      removed = true;
      await removeVolume(options.directory, directory, device);
      volumes.delete(options.directory);
    },
  };
  try {
    await format();
  } catch (error) {
    await volume.remove();
    throw error;
  }
  return volume;
}

/** Folders of volumes that exist, and their devices. */
const volumes = new Map<string, string>();
let hooked = false;

function removeWithThisProcess(folder: string, device: string): void {
  volumes.set(folder, device);
  if (hooked) return;
  hooked = true;
  process.once("exit", () => {
    for (const [folder, device] of volumes) {
      spawnSync("umount", ["--lazy", join(folder, "mount")]);
      spawnSync("losetup", ["--detach", device]);
      rmSync(folder, { recursive: true, force: true });
    }
  });
}

/** Ends what an earlier process, that was itself killed, left of volumes below `directory`. */
export async function removeLeftovers(directory: string): Promise<void> {
  for (const line of (await readFile("/proc/self/mounts", "utf8")).split("\n").toReversed()) {
    const [device = "", target = ""] = line.split(" ");
    if (!target.startsWith(`${directory}/`)) continue;
    await unmount(target);
    if (device.startsWith("/dev/loop")) await run("losetup", ["--detach", device]).catch(() => undefined);
  }
  const { stdout } = await run("losetup", ["--list", "--noheadings", "--output", "NAME,BACK-FILE"]);
  for (const line of stdout.split("\n")) {
    const [device = "", file = ""] = line.trim().split(/\s+/);
    if (file.startsWith(`${directory}/`)) await run("losetup", ["--detach", device]);
  }
}

/** The mounts on this directory, the newest last. */
async function isMounted(directory: string): Promise<boolean> {
  const mounts = await readFile("/proc/self/mounts", "utf8");
  return mounts.split("\n").some((line) => line.split(" ")[1] === directory);
}

async function unmount(directory: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await run("umount", [directory]);
      return;
    } catch (error) {
      if (!String(error).includes("busy") || attempt === UNMOUNT_ATTEMPTS_MAX) throw error;
    }
    await pause(UNMOUNT_PAUSE_MS);
  }
}

async function removeVolume(folder: string, directory: string, device: string): Promise<void> {
  while (await isMounted(directory)) {
    // A file system that a test left frozen cannot be unmounted.
    await run("fsfreeze", ["--unfreeze", directory]).catch(() => undefined);
    await unmount(directory).catch(() => run("umount", ["--lazy", directory]));
  }
  await run("losetup", ["--detach", device]).catch(() => undefined);
  await rm(folder, { recursive: true, force: true });
}

async function arm(cut: string, directory: string): Promise<Cutter> {
  const child = spawn(cut, [directory], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const closed = once(child, "close");
  const expect = async (word: string): Promise<void> => {
    const { value } = await lines.next();
    if (value !== word) throw new Error(`the power of ${directory} was to be ${word}, but: ${String(value)}`);
  };
  await expect("armed");
  return {
    cut: async () => {
      child.stdin.end("!");
      await expect("cut");
      await closed;
    },
    disarm: async () => {
      child.stdin.end();
      await closed;
    },
  };
}
