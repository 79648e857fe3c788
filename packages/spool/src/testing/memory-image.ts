/**
 * The two images of a disk in memory: what system calls see, and what a power cut leaves.
 *
 * The model is the strictest that POSIX allows, stricter than ext4 and XFS: a file's sync makes its bytes durable and
 * nothing else; a name is durable only after its directory's sync; of what was not synced, a power cut keeps any
 * part: any subset of the renames, links and removals, and of the bytes a prefix whose last block may be zeros.
 */
import { dirname } from "node:path";

export interface Inode {
  id: number;
  live: Buffer;
  durable: Buffer;
  links: number;
  modifiedAt: number;
}

/** Names in one directory, with their whole path. */
type Names = Map<string, Inode>;

/** Numbers from 0 to 1, 1 excluded. */
export type Random = () => number;

const BLOCK_BYTES = 512;

export class MemoryImage {
  /** Both by directory path. */
  #live = new Map<string, Names>([["/", new Map()]]);
  #durable = new Map<string, Names>([["/", new Map()]]);
  #nextInode = 1;

  create(path: string, now: number): Inode {
    const names = this.names(dirname(path));
    if (names.has(path)) throw systemError("EEXIST", path);
    const inode: Inode = {
      id: this.#nextInode++,
      live: Buffer.alloc(0),
      durable: Buffer.alloc(0),
      links: 1,
      modifiedAt: now,
    };
    names.set(path, inode);
    return inode;
  }

  find(path: string): Inode {
    const inode = this.names(dirname(path)).get(path);
    if (inode === undefined) throw systemError("ENOENT", path);
    return inode;
  }

  names(directory: string): Names {
    const names = this.#live.get(directory);
    if (names === undefined) throw systemError("ENOENT", directory);
    return names;
  }

  /** Paths of files; none if there is no such directory. */
  files(directory: string): string[] {
    return [...(this.#live.get(directory)?.keys() ?? [])];
  }

  /** File names and folder names. */
  list(directory: string): string[] {
    const prefix = directory === "/" ? 1 : directory.length + 1;
    const folders = [...this.#live.keys()].filter((path) => path !== "/" && dirname(path) === directory);
    return [...this.names(directory).keys(), ...folders].map((path) => path.slice(prefix));
  }

  makeDirectory(directory: string): void {
    for (let path = directory; !this.#live.has(path); path = dirname(path)) {
      this.#live.set(path, new Map());
      // Directories themselves are kept: what is tested here are the names in them.
      this.#durable.set(path, new Map());
    }
  }

  /** Another directory, empty, takes the place of this one. */
  replaceDirectory(directory: string): void {
    this.#live.set(directory, new Map());
    this.#durable.set(directory, new Map());
    this.#countLinks();
  }

  syncDirectory(directory: string): void {
    this.#durable.set(directory, new Map(this.names(directory)));
  }

  rename(from: string, to: string): void {
    const inode = this.find(from);
    const replaced = this.names(dirname(to)).get(to);
    if (replaced !== undefined) replaced.links -= 1;
    this.names(dirname(to)).set(to, inode);
    this.names(dirname(from)).delete(from);
  }

  link(from: string, to: string): void {
    const inode = this.find(from);
    if (this.names(dirname(to)).has(to)) throw systemError("EEXIST", to);
    this.names(dirname(to)).set(to, inode);
    inode.links += 1;
  }

  remove(path: string): void {
    this.find(path).links -= 1;
    this.names(dirname(path)).delete(path);
  }

  usedBytes(): number {
    let bytes = 0;
    for (const names of this.#live.values())
      for (const inode of names.values()) bytes += inode.live.byteLength;
    return bytes;
  }

  crash(random: Random): void {
    this.#writeBackNames(random);
    for (const inode of new Set([...this.#durable.values()].flatMap((names) => [...names.values()]))) {
      inode.durable = survivingBytes(inode, random);
      inode.live = inode.durable;
    }
    this.#live = new Map([...this.#durable].map(([directory, names]) => [directory, new Map(names)]));
    this.#countLinks();
  }

  /** Makes a random part of what was not synced durable, as the kernel does by itself. */
  writeBack(random: Random): void {
    this.#writeBackNames(random);
    for (const names of this.#live.values()) {
      for (const inode of names.values()) if (random() < 0.5) inode.durable = survivingBytes(inode, random);
    }
  }

  #writeBackNames(random: Random): void {
    for (const [directory, names] of this.#live) {
      const durable = new Map(this.#durable.get(directory));
      for (const [name, inode] of names) {
        if (durable.get(name) !== inode && random() < 0.5) durable.set(name, inode);
      }
      for (const name of durable.keys()) {
        if (!names.has(name) && random() < 0.5) durable.delete(name);
      }
      this.#durable.set(directory, durable);
    }
  }

  #countLinks(): void {
    const inodes = [...this.#live.values()].flatMap((names) => [...names.values()]);
    const links = new Map<Inode, number>();
    for (const inode of inodes) links.set(inode, (links.get(inode) ?? 0) + 1);
    for (const names of this.#durable.values())
      for (const inode of names.values()) inode.links = links.get(inode) ?? 0;
    for (const [inode, count] of links) inode.links = count;
  }
}

/** The durable bytes, and of those written since a random prefix whose last block may never have been filled. */
function survivingBytes(inode: Inode, random: Random): Buffer {
  const pending = inode.live.byteLength - inode.durable.byteLength;
  if (pending <= 0) return Buffer.from(inode.durable);
  const length = inode.durable.byteLength + Math.floor(random() * (pending + 1));
  const survivor = Buffer.concat([inode.durable, inode.live.subarray(inode.durable.byteLength, length)]);
  if (random() < 0.3) survivor.fill(0, Math.max(inode.durable.byteLength, length - BLOCK_BYTES));
  return survivor;
}

/** An error as Node makes them for system calls, without a stack: so many are made that it would take the most time. */
export function systemError(errno: string, path: string): Error {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  const error = Object.assign(new Error(`${errno}: ${path}`), { code: errno });
  Error.stackTraceLimit = stackTraceLimit;
  return error;
}
