/**
 * What the spool stands on: the kind of file system, whether an acknowledgement can be trusted on it, and how long one
 * fdatasync takes. Looked at once, when a process starts.
 */
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import type { Clock } from "./clock.js";
import { prepareDirectory } from "./directory.js";
import type { Disk } from "./disk.js";
import { errnoOf, SpoolError } from "./errors.js";
import { writeNewFile } from "./write-whole.js";

export type FileSystemVerdict =
  /** It keeps what it was told to sync. */
  | "ok"
  /** It may, if what is behind it does. */
  | "warn"
  /** It forgets everything when the machine stops. */
  | "refuse";

export interface FileSystemReport {
  /** "ext4", "xfs", …; "unknown" where the magic number is none of those known. */
  name: string;
  /** The magic number of statfs(2). */
  type: number;
  verdict: FileSystemVerdict;
  /** A sentence for people. */
  message: string;
  /** How long the fdatasync of a small new file took. */
  syncSeconds: number;
}

export interface FileSystemOptions {
  /** Lets a file system in memory pass with a warning: for trials, where nothing needs to survive. */
  allowVolatile: boolean;
}

type Kind = "local" | "volatile" | "network" | "overlay" | "fuse";

/** From statfs(2) and linux/magic.h. ext2, ext3 and ext4 share one number. */
const FILE_SYSTEMS: ReadonlyMap<number, { name: string; kind: Kind }> = new Map([
  [0xef53, { name: "ext4", kind: "local" }],
  [0x58465342, { name: "xfs", kind: "local" }],
  [0x9123683e, { name: "btrfs", kind: "local" }],
  [0x2fc12fc1, { name: "zfs", kind: "local" }],
  [0xf2f52010, { name: "f2fs", kind: "local" }],
  [0xca451a4e, { name: "bcachefs", kind: "local" }],
  [0x3153464a, { name: "jfs", kind: "local" }],
  [0x01021994, { name: "tmpfs", kind: "volatile" }],
  [0x858458f6, { name: "ramfs", kind: "volatile" }],
  [0x6969, { name: "nfs", kind: "network" }],
  [0xff534d42, { name: "cifs", kind: "network" }],
  [0xfe534d42, { name: "smb2", kind: "network" }],
  [0x517b, { name: "smb", kind: "network" }],
  [0x00c36400, { name: "ceph", kind: "network" }],
  [0x0bd00bd0, { name: "lustre", kind: "network" }],
  [0x47504653, { name: "gpfs", kind: "network" }],
  [0x01161970, { name: "gfs2", kind: "network" }],
  [0x7461636f, { name: "ocfs2", kind: "network" }],
  [0x5346414f, { name: "afs", kind: "network" }],
  [0x01021997, { name: "9p", kind: "network" }],
  [0x794c7630, { name: "overlay", kind: "overlay" }],
  [0x65735546, { name: "fuse", kind: "fuse" }],
]);

const NOTES: Record<Kind, { verdict: FileSystemVerdict; note: string }> = {
  local: { verdict: "ok", note: "what is synced survives a power cut" },
  volatile: {
    verdict: "refuse",
    note: "it is in memory, and what is acknowledged is lost when the machine stops",
  },
  network: {
    verdict: "warn",
    note: "an acknowledgement is worth what its server promises, and changes are seen by polling alone",
  },
  overlay: { verdict: "warn", note: "it is the layer of a container and goes away with it; mount a volume" },
  fuse: { verdict: "warn", note: "an acknowledgement is worth what the program behind it promises" },
};

const UNKNOWN_NOTE = "nothing is known of it; see to it that it keeps what is synced";

/** Rejects with `directory_unusable` if the directory cannot be made, written or synced. Never by its verdict. */
export async function checkFileSystem(
  disk: Disk,
  clock: Clock,
  directory: string,
  options: FileSystemOptions,
): Promise<FileSystemReport> {
  await prepareDirectory(disk, directory);
  try {
    // On 32-bit systems the number comes as a negative one.
    const type = (await disk.space(directory)).type >>> 0;
    return { ...judge(type, options), type, syncSeconds: await measureSync(disk, clock, directory) };
  } catch (error) {
    const reason = errnoOf(error) || String(error);
    throw new SpoolError("directory_unusable", `The directory ${directory} cannot be tried: ${reason}.`, {
      cause: error,
    });
  }
}

function judge(
  type: number,
  { allowVolatile }: FileSystemOptions,
): Pick<FileSystemReport, "name" | "verdict" | "message"> {
  const known = FILE_SYSTEMS.get(type);
  if (known === undefined) {
    const message = `The spool's file system has the number 0x${type.toString(16)}: ${UNKNOWN_NOTE}.`;
    return { name: "unknown", verdict: "warn", message };
  }
  const { verdict, note } = NOTES[known.kind];
  return {
    name: known.name,
    verdict: verdict === "refuse" && allowVolatile ? "warn" : verdict,
    message: `The spool's file system is ${known.name}: ${note}.`,
  };
}

/** As large as a small group. */
const PROBE_BYTES = 4096;

async function measureSync(disk: Disk, clock: Clock, directory: string): Promise<number> {
  const path = join(directory, `.probe-${randomBytes(8).toString("hex")}`);
  let startedAt = 0;
  try {
    await writeNewFile(disk, path, async (write) => {
      await write(Buffer.alloc(PROBE_BYTES));
      startedAt = clock.monotonic();
    });
    return (clock.monotonic() - startedAt) / 1000;
  } finally {
    await disk.remove(path).catch(() => undefined);
  }
}
