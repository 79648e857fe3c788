/**
 * A disk in memory that forgets what was not synced, and fails on demand.
 *
 * **Invariant:** it is faithful in the small print too: writes may be short, a failed sync loses the pages and the
 * next one succeeds, an open file outlives its name, a sync covers what was written before it began, and a process
 * that is dead does nothing more.
 */
import { join } from "node:path";
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
  operation: DiskOperation | "any";
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
  /** Does something, such as a crash, right before the call that comes after so many others. The last order counts. */
  interruptAfter(calls: number, interrupt: () => void): void;
  /** Makes one random part of what was not synced durable, as the kernel does by itself. */
  writeBack(random: Random): void;
  /** The disk as one process sees it, until it is killed or the power is cut. */
  startProcess(): ProcessDisk;
  /** Bytes that fit on the disk; writes beyond it are short and then fail with ENOSPC. */
  setCapacity(bytes: number): void;
  usedBytes(): number;
  setFreeInodes(count: number): void;
  /** The magic number of the file system that it pretends to be. */
  setType(type: number): void;
  /** Another directory, empty, takes the place of this one, as after `mv` or `umount`. */
  replaceDirectory(directory: string): void;
  /** Changes bytes of a file in both images. */
  corrupt(path: string, change: (bytes: Buffer) => Buffer): void;
  /** The bytes of a file as a reader sees them. */
  contents(path: string): Buffer;
  /** The paths of the files in a directory; none if there is no such directory. */
  files(directory: string): string[];
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
    interruptAfter: (callsLeft: number, interrupt: () => void) =>
      void (machine.interruption = { callsLeft, interrupt }),
    writeBack: (random: Random) => machine.image.writeBack(random),
    startProcess: () => {
      const process = machine.boot();
      machine.processes.add(process);
      return Object.assign(diskOf(machine, process), { kill: () => void (process.dead = true) });
    },
    setCapacity: (bytes: number) => void (machine.capacity = bytes),
    usedBytes: () => machine.image.usedBytes(),
    setType: (type: number) => void (machine.type = type),
    setFreeInodes: (count: number) => void (machine.freeInodes = count),
    replaceDirectory: (directory: string) => machine.image.replaceDirectory(directory),
    corrupt: (path: string, change: (bytes: Buffer) => Buffer) => {
      const inode = machine.image.find(path);
      inode.live = change(Buffer.from(inode.live));
      inode.durable = Buffer.from(inode.live);
    },
    files: (directory: string) => machine.image.files(directory),
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
  type = 0xef53;
  epoch = 0;
  interruption: { callsLeft: number; interrupt: () => void } | undefined;
  #hanging: (() => void)[] = [];

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
    this.interruption = undefined;
    this.epoch += 1;
    for (const process of this.processes) process.dead = true;
    this.processes.clear();
    this.image.crash(random);
  }

  /**
   * Records the call, lets an interruption or a fault strike it, and then lets it take effect, all at once: nothing
   * comes between the last look at the caller and the effect. A dead process never comes out of here.
   */
  async call<Result>(
    caller: Caller,
    operation: DiskOperation,
    path: string,
    effect: (fault: "short" | undefined) => Result,
  ): Promise<Result> {
    if (caller.dead) await never();
    if (this.interruption !== undefined && this.interruption.callsLeft-- === 0) {
      const { interrupt } = this.interruption;
      this.interruption = undefined;
      interrupt();
      if (caller.dead) await never();
    }
    this.calls.push({ operation, path });
    for (const fault of this.faults) {
      if (fault.operation !== "any" && fault.operation !== operation) continue;
      if (!path.includes(fault.path ?? "")) continue;
      fault.seen += 1;
      if (fault.seen <= (fault.after ?? 0) || fault.struck >= (fault.times ?? 1)) continue;
      fault.struck += 1;
      if (fault.failure === "short") return effect("short");
      if (fault.failure !== "hang") throw systemError(fault.failure, path);
      await new Promise<void>((resolve) => this.#hanging.push(resolve));
      if (caller.dead) await never();
    }
    return effect(undefined);
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
  const call = <Result>(operation: DiskOperation, path: string, effect: () => Result): Promise<Result> =>
    machine.call(caller, operation, path, effect);
  return {
    create: (path) =>
      call("create", path, () => fileOf(machine, caller, path, image.create(path, clock.now()))),
    open: (path) => call("open", path, () => fileOf(machine, caller, path, image.find(path))),
    readFile: (path) => call("open", path, () => Buffer.from(image.find(path).live)),
    status: (path) => call("status", path, () => statusOf(image.find(path))),
    list: (directory) => call("list", directory, () => image.list(directory)),
    makeDirectory: (directory) => call("makeDirectory", directory, () => image.makeDirectory(directory)),
    syncDirectory: (directory) => call("syncDirectory", directory, () => image.syncDirectory(directory)),
    rename: (from, to) => call("rename", to, () => image.rename(from, to)),
    link: (from, to) => call("link", to, () => image.link(from, to)),
    remove: (path) => call("remove", path, () => image.remove(path)),
    touch: (path, at) => call("touch", path, () => void (image.find(path).modifiedAt = at)),
    space: (directory) =>
      call("space", directory, (): DiskSpace => {
        image.names(directory);
        const { capacity, freeInodes, type } = machine;
        return { freeBytes: machine.freeBytes(), totalBytes: capacity, freeInodes, type };
      }),
    assertWritable: (directory) => call("status", directory, () => void image.names(directory)),
  };
}

function fileOf(machine: Machine, caller: Caller, path: string, inode: Inode): DiskFile {
  const { epoch } = machine;
  const call = <Result>(
    operation: DiskOperation,
    effect: (fault: "short" | undefined) => Result,
  ): Promise<Result> =>
    machine.call(caller, operation, path, (fault) => {
      if (epoch !== machine.epoch) throw systemError("EBADF", path);
      return effect(fault);
    });
  return {
    write: (bytes) =>
      call("write", (fault) => {
        const asked = fault === "short" ? Math.max(1, Math.floor(bytes.byteLength / 2)) : bytes.byteLength;
        const fits = Math.min(asked, machine.freeBytes());
        if (fits === 0 && asked > 0) throw systemError("ENOSPC", path);
        inode.live = Buffer.concat([inode.live, bytes.subarray(0, fits)]);
        inode.modifiedAt = machine.clock.now();
        return fits;
      }),
    read: (target, offset) =>
      call("read", (fault) => {
        const from = Math.min(offset, inode.live.byteLength);
        const count = Math.min(target.byteLength, inode.live.byteLength - from);
        return inode.live.copy(target, 0, from, from + (fault === "short" ? Math.ceil(count / 2) : count));
      }),
    sync: async () => {
      const length = inode.live.byteLength;
      try {
        await call("sync", () => {
          if (length >= inode.durable.byteLength) inode.durable = Buffer.from(inode.live.subarray(0, length));
        });
      } catch (error) {
        // The kernel marks the pages clean and may drop them; only what was durable is certain to be there.
        const lost = Math.max(inode.live.byteLength - inode.durable.byteLength, 0);
        inode.live = Buffer.concat([inode.durable, Buffer.alloc(lost)]);
        throw error;
      }
    },
    // Of an open file: neither can fail, nor does it wait.
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
