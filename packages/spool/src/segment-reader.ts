/**
 * Reads one segment from a position on, live or sealed, and never stumbles: damaged bytes come out as damage, and
 * the line after them comes out as a line.
 *
 * The line feed is where reading starts anew, for it cannot occur inside a payload. Bytes behind the last line
 * feed of a live segment are a line that is not finished yet: they are waited for.
 *
 * **Invariant:** a line comes out only if its checksum holds and its number is the next one.
 * **Invariant:** every byte from the start position to the end is covered exactly once, by a line, a control line
 * or damage.
 */
import { join } from "node:path";
import type { Clock } from "./clock.js";
import { DAMAGE_BYTES_MAX } from "./damage.js";
import type { Damage, DamageReason } from "./damage.js";
import type { Disk, DiskFile } from "./disk.js";
import { checksumSeed, decodeLine, FRAME_BYTES_MAX } from "./frame.js";
import type { Line } from "./frame.js";
import type { Instance, Position } from "./position.js";

export interface SpoolLine {
  type: "line";
  /** A view into the bytes read; stays valid as long as it is held. */
  payload: Buffer;
  instance: Instance;
  /** Where this line begins. */
  position: Position;
  /** Where reading goes on once it is consumed. */
  next: Position;
}

export type SpoolItem = SpoolLine | Damage;

export interface ReadLimits {
  /** Items. */
  linesMax: number;
  /** Bytes of payloads. At least one item is returned whatever its size. */
  bytesMax: number;
}

export interface SegmentReaderOptions {
  directory: string;
  instance: Instance;
  lineBytesMax: number;
  /** How long a line that does not verify at the end of a live segment is looked at again, milliseconds. */
  damageGraceMs: number;
}

const CHUNK_BYTES_MIN = 64 * 1024;
const CHUNK_BYTES_MAX = 1024 * 1024;
const LINE_FEED = 0x0a;
const NO_BYTES = Buffer.alloc(0);
/** A file is foreign if this many of its first lines do not verify, its header among them. */
const FOREIGN_LINES = 8;

/** What a turn left behind: perhaps more at once, a writer that may go on, or nothing that will follow. */
export type ReadState = "more" | "wait" | "done";

export class SegmentReader {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #options: SegmentReaderOptions;
  readonly #segment: string;
  readonly #seed: number;
  readonly #lineBytesMax: number;
  #file: DiskFile | undefined;
  #offset: number;
  #sequence: number;
  #chunkBytes = CHUNK_BYTES_MIN;
  /** Damaged stretches since the last good line: each may hide a line, so that many numbers may be missing. */
  #hidden = 0;
  #suspectSince: number | undefined;
  #sealed = false;

  constructor(disk: Disk, clock: Clock, start: Position, options: SegmentReaderOptions) {
    this.#disk = disk;
    this.#clock = clock;
    this.#options = options;
    this.#segment = start.segment;
    this.#offset = start.offset;
    this.#sequence = start.sequence;
    this.#seed = checksumSeed(start.segment);
    this.#lineBytesMax = options.lineBytesMax + FRAME_BYTES_MAX;
  }

  /** Where the next read begins, after control lines too. */
  position(): Position {
    return { segment: this.#segment, offset: this.#offset, sequence: this.#sequence };
  }

  /**
   * Appends the next items to `items`. `finished` says that the writer is known to be gone, found out before this
   * call: only then is the end of the file the end of the segment.
   */
  async read(items: SpoolItem[], limits: ReadLimits, finished: boolean): Promise<ReadState> {
    const chunk = await this.#readChunk();
    if (chunk.byteLength === 0) return this.#sealed ? "done" : this.#atEnd(items, finished);
    if (this.#sealed) {
      items.push(this.#damage("bytes_after_seal", chunk, chunk.byteLength, "Bytes stand behind the seal."));
      return "more";
    }
    if (this.#offset === 0 && isForeign(chunk, this.#seed)) return this.#passForeign(chunk, items, finished);
    const { at, healing } = this.#takeLines(chunk, items, limits, finished);
    if (healing) return "wait";
    if (at === 0) return this.#takeTail(chunk, items, finished);
    if (chunk.byteLength === this.#chunkBytes)
      this.#chunkBytes = Math.min(this.#chunkBytes * 2, CHUNK_BYTES_MAX);
    return "more";
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  async #readChunk(): Promise<Buffer> {
    this.#file ??= await this.#disk.open(join(this.#options.directory, this.#segment));
    const chunk = Buffer.allocUnsafe(this.#chunkBytes);
    const count = await this.#file.read(chunk, this.#offset);
    return chunk.subarray(0, count);
  }

  /** Takes whole lines from the chunk; returns how many bytes it took and whether it waits for bytes to heal. */
  #takeLines(
    chunk: Buffer,
    items: SpoolItem[],
    limits: ReadLimits,
    finished: boolean,
  ): { at: number; healing: boolean } {
    const itemsMax = items.length + limits.linesMax;
    let at = 0;
    while (!this.#sealed && at < limits.bytesMax && items.length < itemsMax) {
      const end = chunk.indexOf(LINE_FEED, at);
      if (end < 0) break;
      const line = decodeLine(chunk, at, end, this.#seed);
      if (line === undefined) {
        if (this.#mayHeal(finished)) return { at, healing: true };
        items.push(this.#badStretch(chunk.subarray(at, end), end + 1 - at));
      } else {
        this.#accept(line, end + 1 - at, items);
      }
      this.#suspectSince = undefined;
      at = end + 1;
    }
    return { at, healing: false };
  }

  /** Takes a line whose checksum holds. */
  #accept(line: Line, length: number, items: SpoolItem[]): void {
    if (line.sequence < this.#sequence) {
      const message = `Line ${line.sequence} stands here again.`;
      items.push(this.#damage("repeated_line", line.payload, length, message));
      return;
    }
    if (line.sequence - this.#sequence > this.#hidden) {
      const message = `Lines ${this.#sequence} to ${line.sequence - 1} are missing.`;
      items.push(this.#damage("hole", NO_BYTES, 0, message));
    }
    this.#hidden = 0;
    this.#sequence = line.sequence;
    if (line.kind === "seal") this.#takeSeal(line, items);
    const position = this.position();
    this.#offset += length;
    this.#sequence += 1;
    if (line.kind !== "data") return;
    const { instance } = this.#options;
    items.push({ type: "line", payload: line.payload, instance, position, next: this.position() });
  }

  #takeSeal(line: Line, items: SpoolItem[]): void {
    this.#sealed = true;
    if (sealAgrees(line, this.#offset)) return;
    items.push(
      this.#damage("seal_mismatch", line.payload, 0, "The seal disagrees with the lines before it."),
    );
  }

  /** The chunk begins with no whole line: an unfinished one, a torn one, or no line at all. */
  #takeTail(chunk: Buffer, items: SpoolItem[], finished: boolean): ReadState {
    if (chunk.byteLength > this.#lineBytesMax) {
      if (this.#mayHeal(finished)) return "wait";
      items.push(this.#badStretch(chunk, chunk.byteLength));
      return "more";
    }
    if (chunk.byteLength === this.#chunkBytes) {
      this.#chunkBytes = Math.min(this.#chunkBytes * 2, Math.max(CHUNK_BYTES_MAX, this.#lineBytesMax + 1));
      return "more";
    }
    if (!finished) return "wait";
    const message = "The last line was not finished; it was never acknowledged.";
    items.push(this.#damage("torn_tail", chunk, chunk.byteLength, message));
    return "done";
  }

  /** Nothing stands behind the position. */
  async #atEnd(items: SpoolItem[], finished: boolean): Promise<ReadState> {
    const size = (await this.#file?.status())?.size ?? this.#offset;
    if (size >= this.#offset) return finished ? "done" : "wait";
    const message = `The segment has ${size} bytes; ${this.#offset} were read from it before.`;
    items.push(this.#damage("shrunk", NO_BYTES, 0, message));
    return "done";
  }

  async #passForeign(chunk: Buffer, items: SpoolItem[], finished: boolean): Promise<ReadState> {
    if (this.#mayHeal(finished)) return "wait";
    const size = (await this.#file?.status())?.size ?? chunk.byteLength;
    items.push(this.#damage("foreign_segment", chunk, size, "Not one of the first lines verifies."));
    return "done";
  }

  /** True if a line that does not verify may yet do so: the writer is alive and the bytes are new to this reader. */
  #mayHeal(finished: boolean): boolean {
    if (finished) return false;
    this.#suspectSince ??= this.#clock.monotonic();
    return this.#clock.monotonic() - this.#suspectSince < this.#options.damageGraceMs;
  }

  /** One stretch of bytes up to a line feed that is no line. */
  #badStretch(bytes: Buffer, length: number): Damage {
    this.#hidden += 1;
    if (isZero(bytes)) return this.#damage("zero_bytes", bytes, length, `${length} bytes are zero.`);
    return this.#damage("bad_line", bytes, length, "The checksum or the shape of the line is wrong.");
  }

  #damage(reason: DamageReason, bytes: Buffer, length: number, message: string): Damage {
    const position = this.position();
    this.#offset += length;
    return {
      type: "damage",
      reason,
      // A copy: a view would keep the whole chunk alive for as long as the dead letter lives.
      bytes: Buffer.from(bytes.subarray(0, DAMAGE_BYTES_MAX)),
      length,
      message,
      instance: this.#options.instance,
      position,
      next: this.position(),
    };
  }
}

/** True if the chunk, the first of a segment, holds several whole lines and none of them verifies. */
function isForeign(chunk: Buffer, seed: number): boolean {
  let at = 0;
  for (let lines = 0; lines < FOREIGN_LINES; lines++) {
    const end = chunk.indexOf(LINE_FEED, at);
    if (end < 0) return lines > 1 || chunk.byteLength >= CHUNK_BYTES_MIN;
    if (decodeLine(chunk, at, end, seed) !== undefined) return false;
    at = end + 1;
  }
  return true;
}

function isZero(bytes: Buffer): boolean {
  for (const byte of bytes) if (byte !== 0) return false;
  return bytes.byteLength > 0;
}

/** The seal states how many data lines and how many bytes stand before it. */
function sealAgrees(line: Line, offset: number): boolean {
  try {
    const seal: unknown = JSON.parse(line.payload.toString("utf8"));
    if (typeof seal !== "object" || seal === null || !("lines" in seal) || !("bytes" in seal)) return false;
    return seal.lines === line.sequence - 1 && seal.bytes === offset;
  } catch {
    return false;
  }
}
