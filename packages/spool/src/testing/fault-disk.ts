/**
 * A disk in memory that forgets what was not synced, and fails on demand.
 *
 * It keeps two images. The live one is what system calls see; the durable one is what a power cut leaves. The model
 * is the strictest that POSIX allows, stricter than ext4 and XFS: a file's sync makes its bytes durable and nothing
 * else; a name is durable only after its directory's sync; of what was not synced, a power cut keeps any part: any
 * subset of the renames, links and removals, and of the bytes a prefix whose last block may be zeros.
 *
 * **Invariant:** it is faithful in the small print too: writes may be short, a failed sync loses the pages and the
 * next one succeeds, an open file outlives its name.
 */
import { dirname, join } from "node:path";
import type { Clock } from "../clock.js";
import type { Disk, DiskFile, DiskSpace, FileStatus } from "../disk.js";

export type DiskOperation =
  | "create"
  | "open"
  | "write"
  | "read"
  | "sync"
  | "syncDirectory"
  | "rename"
  | "link"
  | "remove"
  | "list"
  | "space"
  | "status";

export interface Fault {
  operation: DiskOperation;
  /** The errno name to fail with ("EIO"), or "short" for a write of half the bytes, or "hang" until `release`. */
  failure: string;
  /** How many calls pass before it strikes; 0 for the very next. */
  after?: number;
  /** How many times it strikes; 1 by default. */
  times?: number;
  /** Only paths that contain this. */
  path?: string;
}

export interface FaultDisk extends Disk {
  /** Adds a fault; the first that matches a call strikes. */
  inject(fault: Fault): void;
  /** Takes all faults away and lets what hangs go on. */
  release(): void;
  /** Cuts the power: the live image becomes the durable one plus a random part of what was not synced. */
  crash(random: () => number): void;
  /** Makes one random part of what was not synced durable, as the kernel does by itself. */
  writeBack(random: () => number): void;
  /** Bytes that fit on the disk; writes beyond it are short and then fail with ENOSPC. */
  setCapacity(bytes: number): void;
  /** Changes bytes of a file in both images. */
  corrupt(path: string, change: (bytes: Buffer) => Buffer): void;
  /** The bytes of a file as a reader sees them. */
  contents(path: string): Buffer;
  /** Every call in order, for tests about order. */
  readonly calls: readonly DiskCall[];
}

export interface DiskCall {
  operation: DiskOperation;
  path: string;
}

interface Inode {
  id: number;
  live: Buffer;
  durable: Buffer;
  links: number;
  modifiedAt: number;
}

/** Names in one directory. */
type Names = Map<string, Inode>;

const BLOCK = 512;

export function createFaultDisk(clock: Clock, options: { capacity?: number } = {}): FaultDisk {
  return new MemoryDisk(clock, options.capacity ?? Number.POSITIVE_INFINITY);
}

class MemoryDisk implements FaultDisk {
  readonly calls: DiskCall[] = [];
  readonly #clock: Clock;
  #capacity: number;
  /** Both by directory path. */
  #live = new Map<string, Names>([["/", new Map()]]);
  #durable = new Map<string, Names>([["/", new Map()]]);
  #faults: (Fault & { seen: number; struck: number })[] = [];
  #hanging: (() => void)[] = [];
  #nextInode = 1;
  #epoch = 0;

  constructor(clock: Clock, capacity: number) {
    this.#clock = clock;
    this.#capacity = capacity;
  }

  inject(fault: Fault): void {
    this.#faults.push({ ...fault, seen: 0, struck: 0 });
  }

  release(): void {
    this.#faults = [];
    for (const go of this.#hanging.splice(0)) go();
  }

  setCapacity(bytes: number): void {
    this.#capacity = bytes;
  }

  corrupt(path: string, change: (bytes: Buffer) => Buffer): void {
    const inode = this.#find(path);
    inode.live = change(Buffer.from(inode.live));
    inode.durable = Buffer.from(inode.live);
  }

  contents(path: string): Buffer {
    return Buffer.from(this.#find(path).live);
  }

  crash(random: () => number): void {
    this.#epoch += 1;
    for (const [directory, names] of this.#live) {
      const survivors = new Map(this.#durable.get(directory));
      for (const [name, inode] of names) {
        if (survivors.get(name) !== inode && random() < 0.5) survivors.set(name, inode);
      }
      for (const name of survivors.keys())
        if (!names.has(name) && random() < 0.5) survivors.delete(name);
      this.#durable.set(directory, survivors);
    }
    const kept = new Set<Inode>();
    for (const names of this.#durable.values()) for (const inode of names.values()) kept.add(inode);
    for (const inode of kept) {
      inode.durable = survivingBytes(inode, random);
      inode.live = inode.durable;
    }
    this.#live = new Map([...this.#durable].map(([directory, names]) => [directory, new Map(names)]));
    this.#countLinks();
  }

  writeBack(random: () => number): void {
    for (const names of this.#live.values()) {
      for (const inode of names.values()) if (random() < 0.5) inode.durable = survivingBytes(inode, random);
    }
  }

  async create(path: string): Promise<DiskFile> {
    await this.#enter("create", path);
    const names = this.#names(dirname(path));
    if (names.has(path)) throw failure("EEXIST", path);
    const inode: Inode = {
      id: this.#nextInode++,
      live: Buffer.alloc(0),
      durable: Buffer.alloc(0),
      links: 1,
      modifiedAt: this.#clock.now(),
    };
    names.set(path, inode);
    return this.#handle(path, inode);
  }

  async open(path: string): Promise<DiskFile> {
    await this.#enter("open", path);
    return this.#handle(path, this.#find(path));
  }

  async readFile(path: string): Promise<Uint8Array> {
    await this.#enter("open", path);
    return this.contents(path);
  }

  async status(path: string): Promise<FileStatus> {
    await this.#enter("status", path);
    return statusOf(this.#find(path));
  }

  async list(directory: string): Promise<string[]> {
    await this.#enter("list", directory);
    const prefix = directory === "/" ? 1 : directory.length + 1;
    const folders = [...this.#live.keys()].filter((path) => path !== "/" && dirname(path) === directory);
    return [...this.#names(directory).keys(), ...folders].map((path) => path.slice(prefix));
  }

  async makeDirectory(directory: string): Promise<void> {
    for (let path = directory; !this.#live.has(path); path = dirname(path)) {
      this.#live.set(path, new Map());
      // Directories themselves are kept: what is tested here are the names in them.
      this.#durable.set(path, new Map());
    }
  }

  async syncDirectory(directory: string): Promise<void> {
    await this.#enter("syncDirectory", directory);
    this.#durable.set(directory, new Map(this.#names(directory)));
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#enter("rename", to);
    const inode = this.#find(from);
    this.#names(dirname(to)).set(to, inode);
    this.#names(dirname(from)).delete(from);
    this.#countLinks();
  }

  async link(from: string, to: string): Promise<void> {
    await this.#enter("link", to);
    if (this.#names(dirname(to)).has(to)) throw failure("EEXIST", to);
    this.#names(dirname(to)).set(to, this.#find(from));
    this.#countLinks();
  }

  async remove(path: string): Promise<void> {
    await this.#enter("remove", path);
    const inode = this.#find(path);
    this.#names(dirname(path)).delete(path);
    inode.links -= 1;
  }

  async touch(path: string, at: number): Promise<void> {
    this.#find(path).modifiedAt = at;
  }

  async space(directory: string): Promise<DiskSpace> {
    await this.#enter("space", directory);
    const freeBytes = Math.min(Math.max(this.#capacity - this.#usedBytes(), 0), Number.MAX_SAFE_INTEGER);
    return { freeBytes, totalBytes: this.#capacity, freeInodes: Number.POSITIVE_INFINITY, type: 0xef53 };
  }

  async assertWritable(directory: string): Promise<void> {
    this.#names(directory);
  }

  #handle(path: string, inode: Inode): DiskFile {
    const epoch = this.#epoch;
    const alive = (): void => {
      if (epoch !== this.#epoch) throw failure("EBADF", path);
    };
    return {
      write: async (bytes) => {
        const short = (await this.#enter("write", path)) === "short";
        alive();
        const asked = short ? Math.max(1, Math.floor(bytes.byteLength / 2)) : bytes.byteLength;
        const fits = Math.min(asked, Math.max(this.#capacity - this.#usedBytes(), 0));
        if (fits === 0 && asked > 0) throw failure("ENOSPC", path);
        inode.live = Buffer.concat([inode.live, bytes.subarray(0, fits)]);
        inode.modifiedAt = this.#clock.now();
        return fits;
      },
      read: async (target, offset) => {
        await this.#enter("read", path);
        alive();
        return inode.live.copy(target, 0, Math.min(offset, inode.live.byteLength));
      },
      sync: async () => {
        try {
          await this.#enter("sync", path);
        } catch (error) {
          // The kernel marks the pages clean and may drop them; only what was durable is certain to be there.
          inode.live = Buffer.concat([
            inode.durable,
            Buffer.alloc(inode.live.byteLength - inode.durable.byteLength),
          ]);
          throw error;
        }
        alive();
        inode.durable = Buffer.from(inode.live);
      },
      status: async () => statusOf(inode),
      close: async () => undefined,
    };
  }

  /** Records the call and lets a fault strike it. */
  async #enter(operation: DiskOperation, path: string): Promise<"short" | undefined> {
    this.calls.push({ operation, path });
    for (const fault of this.#faults) {
      if (fault.operation !== operation || !path.includes(fault.path ?? "")) continue;
      fault.seen += 1;
      if (fault.seen <= (fault.after ?? 0) || fault.struck >= (fault.times ?? 1)) continue;
      fault.struck += 1;
      if (fault.failure === "short") return "short";
      if (fault.failure !== "hang") throw failure(fault.failure, path);
      await new Promise<void>((resolve) => this.#hanging.push(resolve));
    }
    return undefined;
  }

  #names(directory: string): Names {
    const names = this.#live.get(directory);
    if (names === undefined) throw failure("ENOENT", directory);
    return names;
  }

  #find(path: string): Inode {
    const inode = this.#names(dirname(path)).get(path);
    if (inode === undefined) throw failure("ENOENT", path);
    return inode;
  }

  #usedBytes(): number {
    let bytes = 0;
    for (const names of this.#live.values())
      for (const inode of names.values()) bytes += inode.live.byteLength;
    return bytes;
  }

  #countLinks(): void {
    const links = new Map<Inode, number>();
    for (const names of this.#live.values()) {
      for (const inode of names.values()) links.set(inode, (links.get(inode) ?? 0) + 1);
    }
    for (const names of this.#durable.values())
      for (const inode of names.values()) inode.links = links.get(inode) ?? 0;
    for (const [inode, count] of links) inode.links = count;
  }
}

function statusOf(inode: Inode): FileStatus {
  return {
    size: inode.live.byteLength,
    links: inode.links,
    modifiedAt: inode.modifiedAt,
    identity: `memory:${inode.id}`,
  };
}

/** The durable bytes, and of those written since a random prefix whose last block may never have been filled. */
function survivingBytes(inode: Inode, random: () => number): Buffer {
  const pending = inode.live.byteLength - inode.durable.byteLength;
  if (pending <= 0) return Buffer.from(inode.durable);
  const length = inode.durable.byteLength + Math.floor(random() * (pending + 1));
  const survivor = Buffer.from(inode.live.subarray(0, length));
  if (random() < 0.3) survivor.fill(0, Math.max(inode.durable.byteLength, length - BLOCK));
  return survivor;
}

function failure(errno: string, path: string): Error {
  return Object.assign(new Error(`${errno}: ${path}`), { code: errno });
}

/** Where a test keeps its spool on a disk in memory. */
export const MEMORY_SPOOL: string = join("/", "spool");
