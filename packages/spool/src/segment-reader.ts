/**
 * Reads one segment from a position on, live or sealed, and never stumbles: damaged bytes come out as damage, and
 * the line after them comes out as a line.
 *
 * The line feed is where reading starts anew, for it cannot occur inside a payload. Bytes behind the last line
 * feed of a live segment are a line that is not finished yet: they are waited for.
 *
 * **Invariant:** a line comes out only if its checksum holds and its number was not passed.
 * **Invariant:** every byte from the start position to the end is covered exactly once, by a line, a control line
 * or damage, and a reader that starts at the `next` of any item goes on as if it had read that item itself.
 */
import { join } from "node:path";
import type { Clock } from "./clock.js";
import { sealAgrees } from "./control-line.js";
import { DAMAGE_BYTES_MAX, isZero } from "./damage.js";
import type { Damage, DamageReason } from "./damage.js";
import type { Disk, DiskFile } from "./disk.js";
import { checksumSeed, decodeLine, FRAME_BYTES_MAX, LINE_BYTES_MIN, payloadOf } from "./frame.js";
import type { Line } from "./frame.js";
import { readLineBefore } from "./line-before.js";
import { BEHIND_PAYLOAD, LineRun } from "./line-run.js";
import type { Instance, Position } from "./position.js";
import { READ_BYTES_MAX } from "./read-memory.js";
import type { ReadMemory } from "./read-memory.js";
import { findLineInside, scanForLine } from "./resync.js";
import { StoredLine } from "./spool-line.js";
import type { LinePlace } from "./spool-line.js";
import type { SpoolPiece } from "./spool-piece.js";
import type { WriterState } from "./writer-watch.js";

export interface ReadLimits {
  /** Items. */
  linesMax: number;
  /** Bytes of lines. At least one item is returned whatever its size. */
  bytesMax: number;
  /**
   * Milliseconds. What was read by then is returned, so that it waits neither for a slow disk nor for many instances;
   * each instance has had its turn. By default there is no such bound.
   */
  durationMaxMs?: number;
}

export interface SegmentReaderOptions {
  directory: string;
  instance: Instance;
  lineBytesMax: number;
  /** How long a line that does not verify at the end of a live segment is looked at again, milliseconds. */
  damageGraceMs: number;
  /** What is read stands in this. */
  memory: ReadMemory;
}

const CHUNK_BYTES_MIN = 64 * 1024;
const CHUNK_BYTES_MAX = READ_BYTES_MAX;
const LINE_FEED = 0x0a;
const NO_BYTES = Buffer.alloc(0);
/** If so many of its first lines do not verify, its header among them, a file is looked through for one that does. */
const FOREIGN_LINES = 8;

/** What a turn left behind. */
export type ReadState =
  /** Perhaps more at once. */
  | "more"
  /** Nothing now; the writer may go on, or bytes that do not verify may yet do so. */
  | "wait"
  /** Nothing, unless a writer that was silent for long wakes up. */
  | "rest"
  /** Nothing will follow. */
  | "done";

export class SegmentReader {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #options: SegmentReaderOptions;
  readonly #segment: string;
  readonly #place: LinePlace;
  readonly #seed: number;
  /** Of one line with its frame. */
  readonly #lineBytesMax: number;
  #file: DiskFile | undefined;
  #offset: number;
  #sequence: number;
  #chunkBytes = CHUNK_BYTES_MIN;
  /** The last chunk held no whole line: what is asked for does not bound the next one. */
  #hungry = false;
  /** The last chunk was short, and every line of it was taken. */
  #hasAllVisible = false;
  /** How many lines the damage since the last good line may have hidden: so many numbers may be missing. */
  #hidden = 0;
  /** Bytes up to `to` were there at `since`, and some of them did not verify. */
  #suspect = { to: 0, since: 0 };
  #sealed = false;
  /** The start of the file was looked at: it is a segment. */
  #native = false;

  constructor(disk: Disk, clock: Clock, start: Position, options: SegmentReaderOptions) {
    this.#disk = disk;
    this.#clock = clock;
    this.#options = options;
    this.#segment = start.segment;
    this.#place = { instance: options.instance, segment: start.segment };
    this.#offset = start.offset;
    this.#sequence = start.sequence;
    this.#seed = checksumSeed(start.segment);
    this.#lineBytesMax = options.lineBytesMax + FRAME_BYTES_MAX;
  }

  /** Where the next read begins, after control lines too. */
  position(): Position {
    return { segment: this.#segment, offset: this.#offset, sequence: this.#sequence };
  }

  /** True if the last read took all that stood there; the end of a segment is told by the next read alone. */
  hasAllVisible(): boolean {
    return this.#hasAllVisible;
  }

  /** Appends the next items to `items`. `writer` is what was known of the writer before this call. */
  async read(items: SpoolPiece[], limits: ReadLimits, writer: WriterState): Promise<ReadState> {
    const file = (this.#file ??= await this.#open());
    const from = this.#offset;
    const buffer = this.#options.memory.take(this.#bytesToRead(limits));
    const chunk = buffer.subarray(0, await file.read(buffer, this.#offset));
    if (chunk.byteLength === 0) return this.#atEnd(file, items, writer);
    if (this.#sealed) {
      items.push(this.#damage("bytes_after_seal", chunk, chunk.byteLength, "Bytes stand behind the seal."));
      return "more";
    }
    if (this.#offset === 0 && !this.#native) {
      const strangeTo = endOfStrangeLines(chunk, this.#seed);
      if (strangeTo > 0) return this.#judgeFile(file, chunk, strangeTo, items, writer);
    }
    const isFull = chunk.byteLength === buffer.byteLength;
    this.#hungry = isFull && !chunk.includes(LINE_FEED);
    if (!chunk.includes(LINE_FEED)) return this.#takeTail(file, chunk, isFull, items, writer);
    if (this.#takeLines(chunk, items, limits, writer) === "healing") return "wait";
    this.#hasAllVisible = !isFull && this.#offset === from + chunk.byteLength;
    if (chunk.byteLength === this.#chunkBytes)
      this.#chunkBytes = Math.max(this.#chunkBytes, Math.min(this.#chunkBytes * 2, CHUNK_BYTES_MAX));
    return "more";
  }

  /** Not more than is asked for, if that may hold a line: what is left of a chunk is read again. */
  #bytesToRead({ bytesMax }: ReadLimits): number {
    if (this.#hungry) return this.#chunkBytes;
    return Math.min(this.#chunkBytes, Math.max(bytesMax, CHUNK_BYTES_MIN));
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /** Opens the file. What stands right before the position tells what an earlier reader knew there. */
  async #open(): Promise<DiskFile> {
    const file = await this.#disk.open(join(this.#options.directory, this.#segment));
    if (this.#offset === 0) return file;
    try {
      const before = await readLineBefore(file, this.#offset, this.#seed, this.#lineBytesMax);
      this.#sealed = before?.kind === "seal";
      if (before === undefined) this.#hidden = Number.POSITIVE_INFINITY;
    } catch (error) {
      await file.close();
      throw error;
    }
    return file;
  }

  /** Takes whole lines from the chunk, and what is damaged between them. */
  #takeLines(
    chunk: Buffer,
    items: SpoolPiece[],
    limits: ReadLimits,
    writer: WriterState,
  ): "taken" | "healing" {
    let taken = 0;
    let at = 0;
    while (!this.#sealed && at < limits.bytesMax && taken < limits.linesMax) {
      const end = chunk.indexOf(LINE_FEED, at);
      if (end < 0) break;
      const line = decodeLine(chunk, at, end, this.#seed);
      const before = items.length;
      if (line !== undefined) {
        at += this.#accept(line, at, end + 1 - at, items);
        taken += line.kind === "data" ? 1 : items.length - before;
        continue;
      }
      const visibleTo = this.#offset + chunk.byteLength - at;
      if (this.#mayHeal(this.#offset + end + 1 - at, visibleTo, writer)) return "healing";
      at += this.#passDamage(chunk, at, end, items);
      taken += items.length - before;
    }
    return "taken";
  }

  /**
   * Takes the line at `start` of its bytes, whose checksum holds; returns by how many bytes reading goes on: none if a
   * hole comes first.
   */
  #accept(line: Line, start: number, length: number, items: SpoolPiece[]): number {
    if (line.sequence < this.#sequence) {
      const message = `Line ${line.sequence} stands here again.`;
      items.push(this.#damage("repeated_line", payloadOf(line), length, message));
      return length;
    }
    if (line.sequence - this.#sequence > this.#hidden) {
      const message = `Lines ${this.#sequence} to ${line.sequence - 1} are missing.`;
      items.push(this.#damage("hole", NO_BYTES, 0, message, line.sequence));
      return 0;
    }
    this.#hidden = 0;
    this.#sequence = line.sequence;
    if (line.kind === "seal") return this.#takeSeal(line, length, items);
    if (line.kind === "data") this.#keep(line, start, length, items);
    this.#offset += length;
    this.#sequence += 1;
    return length;
  }

  /** Puts a line into the run before it, or begins one with it. */
  #keep(line: Line, start: number, length: number, items: SpoolPiece[]): void {
    const hasLineFeed = line.payloadTo + BEHIND_PAYLOAD === start + length;
    if (!hasLineFeed) return void items.push(new StoredLine(line, this.#place, this.#offset, length));
    const last = items.at(-1);
    if (last?.type === "lines" && last.continuesAt(line.source, start, line.sequence)) return last.add(line);
    const run = new LineRun(line.source, start, this.#place, this.#offset, line.sequence);
    run.add(line);
    items.push(run);
  }

  #takeSeal(line: Line, length: number, items: SpoolPiece[]): number {
    this.#sealed = true;
    if (sealAgrees(line, this.#offset)) {
      this.#offset += length;
      this.#sequence += 1;
    } else {
      const message = "The seal disagrees with the lines before it.";
      items.push(this.#damage("seal_mismatch", payloadOf(line), length, message, line.sequence + 1));
    }
    return length;
  }

  /**
   * Passes bytes up to `end` that are no line, or those of them in front of a line that is whole: then a line feed
   * is what is damaged, and the line that it ended may be whole too. Returns by how many bytes reading goes on.
   */
  #passDamage(chunk: Buffer, at: number, end: number, items: SpoolPiece[]): number {
    const inside = findLineInside(chunk, at, end, this.#seed);
    if (inside === undefined) return this.#passStretch(chunk.subarray(at, end), end + 1 - at, items);
    for (const lineEnd of [inside - 1, inside]) {
      const line = decodeLine(chunk, at, lineEnd, this.#seed);
      if (line !== undefined) return this.#accept(line, at, lineEnd - at, items);
    }
    return this.#passStretch(chunk.subarray(at, inside), inside - at, items);
  }

  #passStretch(bytes: Buffer, length: number, items: SpoolPiece[]): number {
    this.#hide(length);
    const damage = isZero(bytes)
      ? this.#damage("zero_bytes", bytes, length, `${length} bytes are zero.`)
      : this.#damage("bad_line", bytes, length, "The checksum or the shape of the line is wrong.");
    items.push(damage);
    return length;
  }

  /** The chunk holds no line feed: an unfinished line, a torn one, or no line at all. */
  async #takeTail(
    file: DiskFile,
    chunk: Buffer,
    isFull: boolean,
    items: SpoolPiece[],
    writer: WriterState,
  ): Promise<ReadState> {
    const length = chunk.byteLength;
    const end = this.#offset + length;
    const tailBytesMax = 2 * this.#lineBytesMax;
    if (length >= tailBytesMax) {
      if (this.#mayHeal(end, end, writer)) return "wait";
      // What is left is as long as a line: if one ends behind it, its beginning is still there.
      this.#passStretch(chunk.subarray(0, length - this.#lineBytesMax), length - this.#lineBytesMax, items);
      return "more";
    }
    if (isFull) {
      // After a chunk that was bounded by what is asked for, the size reached before may do.
      if (length === this.#chunkBytes)
        this.#chunkBytes = Math.min(this.#chunkBytes * 2, Math.max(CHUNK_BYTES_MAX, tailBytesMax));
      return "more";
    }
    if (writer === "writing" || this.#mayHeal(end, end, writer)) return "wait";
    // A read may be short; only at the end of the file is this its tail.
    if ((await file.status()).size > end) return "wait";
    this.#takeLastBytes(chunk, items);
    return "more";
  }

  /** Nothing will follow these bytes. A line is whole without its line feed. */
  #takeLastBytes(chunk: Buffer, items: SpoolPiece[]): void {
    const length = chunk.byteLength;
    for (const end of [length, length - 1]) {
      const line = decodeLine(chunk, 0, end, this.#seed);
      if (line !== undefined) return void this.#accept(line, 0, end, items);
      if (findLineInside(chunk, 0, end, this.#seed) !== undefined) {
        return void this.#passDamage(chunk, 0, end, items);
      }
    }
    this.#hide(length);
    const message = "The last line was not finished; it was never acknowledged.";
    items.push(this.#damage("torn_tail", chunk, length, message));
  }

  /** Nothing stands behind the position. */
  async #atEnd(file: DiskFile, items: SpoolPiece[], writer: WriterState): Promise<ReadState> {
    const { size } = await file.status();
    if (size > this.#offset) return "wait";
    if (size < this.#offset) {
      const message = `The segment has ${size} bytes; ${this.#offset} were read from it before.`;
      items.push(this.#damage("shrunk", NO_BYTES, size - this.#offset, message));
      this.#sealed = false;
      return "more";
    }
    if (this.#sealed || writer === "gone") return "done";
    return writer === "silent" ? "rest" : "wait";
  }

  /** None of the first lines verifies. If no other does, the file is foreign; if one does, each is judged by itself. */
  async #judgeFile(
    file: DiskFile,
    chunk: Buffer,
    strangeTo: number,
    items: SpoolPiece[],
    writer: WriterState,
  ): Promise<ReadState> {
    if (this.#mayHeal(strangeTo, chunk.byteLength, writer)) return "wait";
    const { found, scannedTo } = await scanForLine(file, 0, this.#seed, 2 * this.#lineBytesMax, () => true);
    // What a living writer has not finished is not judged yet.
    const length = writer === "gone" ? (await file.status()).size : scannedTo;
    this.#native = true;
    if (found || length === 0) return "more";
    this.#hide(length);
    items.push(this.#damage("foreign_segment", chunk, length, "No line of the file verifies."));
    return "more";
  }

  /**
   * True if bytes up to `to` that do not verify may yet do so: they are new to this reader. All that is visible
   * now, up to `visibleTo`, has been waited for then as well.
   */
  #mayHeal(to: number, visibleTo: number, writer: WriterState): boolean {
    if (writer === "gone") return false;
    const now = this.#clock.monotonic();
    if (to > this.#suspect.to) this.#suspect = { to: visibleTo, since: now };
    return now - this.#suspect.since < this.#options.damageGraceMs;
  }

  /** So many damaged bytes may have held so many lines. */
  #hide(bytes: number): void {
    this.#hidden += Math.max(1, Math.floor(bytes / LINE_BYTES_MIN));
  }

  /** Damage from the position on; reading goes on `length` bytes further, with the line `sequence`. */
  #damage(
    reason: DamageReason,
    bytes: Buffer,
    length: number,
    message: string,
    sequence: number = this.#sequence,
  ): Damage {
    const position = this.position();
    this.#offset += length;
    this.#sequence = sequence;
    return {
      type: "damage",
      reason,
      // A copy: a view would keep the whole chunk alive for as long as the dead letter lives.
      bytes: Buffer.from(bytes.subarray(0, DAMAGE_BYTES_MAX)),
      length: Math.max(length, 0),
      message,
      instance: this.#options.instance,
      position,
      next: this.position(),
    };
  }
}

/** Where the first lines of a segment end if several do not verify, or many bytes without one that does; else 0. */
function endOfStrangeLines(chunk: Buffer, seed: number): number {
  let at = 0;
  for (let lines = 0; lines < FOREIGN_LINES; lines++) {
    const end = chunk.indexOf(LINE_FEED, at);
    if (end < 0) return chunk.byteLength >= CHUNK_BYTES_MIN ? chunk.byteLength : 0;
    if (decodeLine(chunk, at, end, seed) !== undefined) return 0;
    at = end + 1;
  }
  return at;
}
