/**
 * A disk in memory that forgets what was not synced, and fails on demand.
 *
 * **Invariant:** it is faithful in the small print too: writes may be short, a failed sync loses the pages and the
 * next one succeeds, an open file outlives its name, a sync covers what was written before it began, and a process
 * that is dead does nothing more.
 */
import { dirname, join } from "node:path";
import type { Clock } from "../clock.js";
import type { Disk, DiskFile, DiskSpace, FileStatus } from "../disk.js";
import { MemoryImage, systemError } from "./memory-image.js";
import type { Inode, Random } from "./memory-image.js";

export type DiskOperation =
  | "create"
  | "open"
  | "write"
  | "read"
  | "sync"
  | "syncDirectory"
  | "makeDirectory"
  | "rename"
  | "link"
  | "remove"
  | "touch"
  | "list"
  | "space"
  | "status";

export interface Fault {
  operation: DiskOperation;
  /** The errno name to fail with ("EIO"), or "short" for a write or read of half the bytes, or "hang" until `release`. */
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
  crash(random: Random): void;
  /** Cuts the power right before the call that comes after so many; resolves then. The last order counts. */
  crashAfter(calls: number, random: Random): Promise<void>;
  /** Makes one random part of what was not synced durable, as the kernel does by itself. */
  writeBack(random: Random): void;
  /** The disk as one process sees it, until it is killed or the power is cut. */
  startProcess(): ProcessDisk;
  /** Bytes that fit on the disk; writes beyond it are short and then fail with ENOSPC. */
  setCapacity(bytes: number): void;
  setFreeInodes(count: number): void;
  /** Another directory, empty, takes the place of this one, as after `mv` or `umount`. */
  replaceDirectory(directory: string): void;
  /** Changes bytes of a file in both images. */
  corrupt(path: string, change: (bytes: Buffer) => Buffer): void;
  /** The bytes of a file as a reader sees them. */
  contents(path: string): Buffer;
  /** Every call in order, for tests about order. */
  readonly calls: readonly DiskCall[];
}

export interface ProcessDisk extends Disk {
  /** From now on calls have no effect and never return. */
  kill(): void;
}

export interface DiskCall {
  operation: DiskOperation;
  path: string;
}

/** Who calls. The test itself never dies. */
interface Caller {
  dead: boolean;
  /** Of the last power cut: files opened before it are closed for those who survive it. */
  epoch: number;
}

export function createFaultDisk(clock: Clock, options: { capacity?: number } = {}): FaultDisk {
  const machine = new Machine(clock, options.capacity ?? Number.POSITIVE_INFINITY);
  return Object.assign(diskOf(machine, machine.boot()), {
    calls: machine.calls,
    inject: (fault: Fault) => void machine.faults.push({ ...fault, seen: 0, struck: 0 }),
    release: () => machine.release(),
    crash: (random: Random) => machine.crash(random),
    crashAfter: (calls: number, random: Random) => machine.crashAfter(calls, random),
    writeBack: (random: Random) => machine.image.writeBack(random),
    startProcess: () => {
      const process = machine.boot();
      machine.processes.add(process);
      return Object.assign(diskOf(machine, process), { kill: () => void (process.dead = true) });
    },
    setCapacity: (bytes: number) => void (machine.capacity = bytes),
    setFreeInodes: (count: number) => void (machine.freeInodes = count),
    replaceDirectory: (directory: string) => machine.image.replaceDirectory(directory),
    corrupt: (path: string, change: (bytes: Buffer) => Buffer) => {
      const inode = machine.image.find(path);
      inode.live = change(Buffer.from(inode.live));
      inode.durable = Buffer.from(inode.live);
    },
    contents: (path: string) => Buffer.from(machine.image.find(path).live),
  });
}

/** What all processes share: the images, the faults, the power. */
class Machine {
  readonly calls: DiskCall[] = [];
  readonly image: MemoryImage = new MemoryImage();
  readonly processes: Set<Caller> = new Set<Caller>();
  readonly clock: Clock;
  faults: (Fault & { seen: number; struck: number })[] = [];
  capacity: number;
  freeInodes: number = Number.POSITIVE_INFINITY;
  epoch = 0;
  #hanging: (() => void)[] = [];
  #cut: { callsLeft: number; random: Random; done: () => void } | undefined;

  constructor(clock: Clock, capacity: number) {
    this.clock = clock;
    this.capacity = capacity;
  }

  boot(): Caller {
    return { dead: false, epoch: this.epoch };
  }

  release(): void {
    this.faults = [];
    for (const go of this.#hanging.splice(0)) go();
  }

  crash(random: Random): void {
    this.#cut = undefined;
    this.epoch += 1;
    for (const process of this.processes) process.dead = true;
    this.processes.clear();
    this.image.crash(random);
  }

  crashAfter(calls: number, random: Random): Promise<void> {
    return new Promise((resolve) => {
      this.#cut = { callsLeft: calls, random, done: resolve };
    });
  }

  /** Records the call and lets the power cut or a fault strike it. A dead process never comes out of here. */
  async enter(caller: Caller, operation: DiskOperation, path: string): Promise<"short" | undefined> {
    if (caller.dead) await never();
    if (this.#cut !== undefined && this.#cut.callsLeft-- === 0) {
      const { random, done } = this.#cut;
      this.crash(random);
      done();
      if (caller.dead) await never();
    }
    this.calls.push({ operation, path });
    for (const fault of this.faults) {
      if (fault.operation !== operation || !path.includes(fault.path ?? "")) continue;
      fault.seen += 1;
      if (fault.seen <= (fault.after ?? 0) || fault.struck >= (fault.times ?? 1)) continue;
      fault.struck += 1;
      if (fault.failure === "short") return "short";
      if (fault.failure !== "hang") throw systemError(fault.failure, path);
      await new Promise<void>((resolve) => this.#hanging.push(resolve));
      if (caller.dead) await never();
    }
    return undefined;
  }

  freeBytes(): number {
    return Math.min(Math.max(this.capacity - this.image.usedBytes(), 0), Number.MAX_SAFE_INTEGER);
  }
}

function never(): Promise<never> {
  return new Promise(() => undefined);
}

function diskOf(machine: Machine, caller: Caller): Disk {
  const { image, clock } = machine;
  const at = (operation: DiskOperation, path: string): Promise<"short" | undefined> =>
    machine.enter(caller, operation, path);
  return {
    create: async (path) => {
      await at("create", path);
      return fileOf(machine, caller, path, image.create(path, clock.now()));
    },
    open: async (path) => {
      await at("open", path);
      return fileOf(machine, caller, path, image.find(path));
    },
    readFile: async (path) => {
      await at("open", path);
      return Buffer.from(image.find(path).live);
    },
    status: async (path) => {
      await at("status", path);
      return statusOf(image.find(path));
    },
    list: async (directory) => {
      await at("list", directory);
      return image.list(directory);
    },
    makeDirectory: async (directory) => {
      await at("makeDirectory", directory);
      image.makeDirectory(directory);
    },
    syncDirectory: async (directory) => {
      await at("syncDirectory", directory);
      image.syncDirectory(directory);
    },
    rename: async (from, to) => {
      await at("rename", to);
      image.rename(from, to);
    },
    link: async (from, to) => {
      await at("link", to);
      image.link(from, to);
    },
    remove: async (path) => {
      await at("remove", path);
      image.remove(path);
    },
    touch: async (path, modifiedAt) => {
      await at("touch", path);
      image.find(path).modifiedAt = modifiedAt;
    },
    space: async (directory): Promise<DiskSpace> => {
      await at("space", directory);
      image.names(directory);
      const { capacity, freeInodes } = machine;
      return { freeBytes: machine.freeBytes(), totalBytes: capacity, freeInodes, type: 0xef53 };
    },
    assertWritable: async (directory) => {
      await at("status", directory);
      image.names(dirname(join(directory, "x")));
    },
  };
}

function fileOf(machine: Machine, caller: Caller, path: string, inode: Inode): DiskFile {
  const { epoch } = machine;
  const enter = async (operation: DiskOperation): Promise<"short" | undefined> => {
    const fault = await machine.enter(caller, operation, path);
    if (epoch !== machine.epoch) throw systemError("EBADF", path);
    return fault;
  };
  return {
    write: async (bytes) => {
      const short = (await enter("write")) === "short";
      const asked = short ? Math.max(1, Math.floor(bytes.byteLength / 2)) : bytes.byteLength;
      const fits = Math.min(asked, machine.freeBytes());
      if (fits === 0 && asked > 0) throw systemError("ENOSPC", path);
      inode.live = Buffer.concat([inode.live, bytes.subarray(0, fits)]);
      inode.modifiedAt = machine.clock.now();
      return fits;
    },
    read: async (target, offset) => {
      const short = (await enter("read")) === "short";
      const from = Math.min(offset, inode.live.byteLength);
      const count = Math.min(target.byteLength, inode.live.byteLength - from);
      return inode.live.copy(target, 0, from, from + (short ? Math.ceil(count / 2) : count));
    },
    sync: async () => {
      const length = inode.live.byteLength;
      try {
        await enter("sync");
      } catch (error) {
        // The kernel marks the pages clean and may drop them; only what was durable is certain to be there.
        const lost = Math.max(inode.live.byteLength - inode.durable.byteLength, 0);
        inode.live = Buffer.concat([inode.durable, Buffer.alloc(lost)]);
        throw error;
      }
      if (length >= inode.durable.byteLength) inode.durable = Buffer.from(inode.live.subarray(0, length));
    },
    status: async () => statusOf(inode),
    close: async () => undefined,
  };
}

function statusOf(inode: Inode): FileStatus {
  return {
    size: inode.live.byteLength,
    links: inode.links,
    modifiedAt: inode.modifiedAt,
    identity: `memory:${inode.id}`,
  };
}

/** Where a test keeps its spool on a disk in memory. */
export const MEMORY_SPOOL: string = join("/", "spool");
