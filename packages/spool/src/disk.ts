/**
 * Everything the spool may ask of a disk, and its implementation on node:fs.
 *
 * **Invariant:** this is the only file of the product that imports node:fs. Nothing here is synchronous: a frozen
 * disk must never freeze the event loop. Nothing here retries: a caller that may not sync twice must be able to
 * rely on it.
 */
import { constants, fdatasync, stat, write } from "node:fs";
import type { Stats } from "node:fs";
import {
  access,
  link,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  statfs,
  unlink,
  utimes,
} from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";

export interface DiskFile {
  /** Appends bytes; resolves with how many were written, which may be fewer than asked, without an error (write(2)). */
  write(bytes: Uint8Array): Promise<number>;
  /** Reads at an offset into `target`; resolves with the number of bytes read, 0 at the end of the file. */
  read(target: Uint8Array, offset: number): Promise<number>;
  /** fdatasync(2): data and the size needed to read it back are on stable storage. Never call it again after it failed. */
  sync(): Promise<void>;
  status(): Promise<FileStatus>;
  close(): Promise<void>;
}

export interface FileStatus {
  /** Bytes. */
  size: number;
  /** Number of directory entries; 0 means that somebody deleted the file. */
  links: number;
  /** Last write, milliseconds since the Unix epoch. */
  modifiedAt: number;
  /** Device and inode number together: the same name with another identity is another file. */
  identity: string;
}

export interface DiskSpace {
  /** Bytes that this process may still write. */
  freeBytes: number;
  totalBytes: number;
  /** Inodes left; Infinity where the file system does not count them. */
  freeInodes: number;
  /** The magic number of statfs(2), which names the kind of file system. */
  type: number;
}

export interface Disk {
  /** Opens a file that must not exist yet, for appending (O_CREAT | O_EXCL | O_APPEND). */
  create(path: string): Promise<DiskFile>;
  /** Opens an existing file for reading. */
  open(path: string): Promise<DiskFile>;
  /** The whole of a small file. */
  readFile(path: string): Promise<Uint8Array>;
  /** Status by path, without opening. */
  status(path: string): Promise<FileStatus>;
  /** Names in a directory, in no order. */
  list(directory: string): Promise<string[]>;
  /** Makes the directory and its missing parents. Durable only after their parents are synced. */
  makeDirectory(directory: string): Promise<void>;
  /** fsync of the directory: names created, renamed and removed in it are on stable storage. */
  syncDirectory(directory: string): Promise<void>;
  /** rename(2). Durable only after the directory is synced. */
  rename(from: string, to: string): Promise<void>;
  /** link(2): gives a file a second name; fails with EEXIST if the name is taken. Durable only after the directory is synced. */
  link(from: string, to: string): Promise<void>;
  /** unlink(2). Durable only after the directory is synced. */
  remove(path: string): Promise<void>;
  /** Sets the time of the last write to `at`, milliseconds since the Unix epoch. */
  touch(path: string, at: number): Promise<void>;
  space(directory: string): Promise<DiskSpace>;
  /** Rejects unless this process may write in the directory. */
  assertWritable(directory: string): Promise<void>;
}

/**
 * A file handle as a DiskFile. What every group of events needs is asked with a callback on its descriptor: the promises
 * of a handle cost several times as much.
 *
 * **Invariant:** the descriptor is not closed while something is asked of it, since its number may then be another file's.
 */
function diskFile(handle: FileHandle): DiskFile {
  const calls = createCallCount();
  let closed: Promise<void> | undefined;
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => {
        write(handle.fd, bytes, 0, bytes.byteLength, null, (error, written) => {
          calls.end();
          if (error === null) resolve(written);
          else reject(error);
        });
        calls.begin();
      }),
    read: async (target, offset) => (await handle.read(target, 0, target.byteLength, offset)).bytesRead,
    sync: () =>
      new Promise((resolve, reject) => {
        fdatasync(handle.fd, (error) => {
          calls.end();
          if (error === null) resolve();
          else reject(error);
        });
        calls.begin();
      }),
    status: async () => statusOf(await handle.stat()),
    close: () => (closed ??= calls.none().then(() => handle.close())),
  };
}

interface CallCount {
  begin(): void;
  end(): void;
  /** Resolves when no call is under way. */
  none(): Promise<void>;
}

function createCallCount(): CallCount {
  let underWay = 0;
  let whenNone: (() => void) | undefined;
  return {
    begin: () => void (underWay += 1),
    end: () => {
      underWay -= 1;
      if (underWay === 0) whenNone?.();
    },
    none: () => (underWay === 0 ? Promise.resolve() : new Promise((resolve) => (whenNone = resolve))),
  };
}

function statusOf({ size, nlink, mtimeMs, dev, ino }: Stats): FileStatus {
  return { size, links: nlink, modifiedAt: mtimeMs, identity: `${dev}:${ino}` };
}

function statusByPath(path: string): Promise<FileStatus> {
  return new Promise((resolve, reject) => {
    stat(path, (error, stats) => {
      if (error === null) resolve(statusOf(stats));
      else reject(error);
    });
  });
}

const CREATE = constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_APPEND;

export const nodeDisk: Disk = {
  create: async (path) => diskFile(await open(path, CREATE, 0o640)),
  open: async (path) => diskFile(await open(path, "r")),
  readFile: (path) => readFile(path),
  status: statusByPath,
  list: (directory) => readdir(directory),
  makeDirectory: async (directory) => {
    await mkdir(directory, { recursive: true, mode: 0o750 });
  },
  syncDirectory: async (directory) => {
    const handle = await open(directory, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
  rename: (from, to) => rename(from, to),
  link: (from, to) => link(from, to),
  remove: (path) => unlink(path),
  touch: (path, at) => utimes(path, at / 1000, at / 1000),
  space: async (directory) => {
    const stats = await statfs(directory);
    return {
      freeBytes: stats.bavail * stats.bsize,
      totalBytes: stats.blocks * stats.bsize,
      freeInodes: stats.files === 0 ? Number.POSITIVE_INFINITY : stats.ffree,
      type: stats.type,
    };
  },
  assertWritable: (directory) => access(directory, constants.W_OK | constants.X_OK),
};
