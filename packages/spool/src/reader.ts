/**
 * Reads a spool: every segment of every writer instance, each instance strictly in its own order, all instances in
 * turn, from the positions at which the last reader stopped.
 *
 * It is asked, it never waits: an empty answer means that nothing new is there. Which files there are is found by
 * listing the directory; nothing depends on being told.
 *
 * **Invariant:** one bad segment never stops the others. **Invariant:** memory does not grow with the backlog:
 * names are kept, and one chunk of one segment at a time.
 */
import { join } from "node:path";
import { measureBacklog } from "./backlog.js";
import type { Backlog } from "./backlog.js";
import type { Clock } from "./clock.js";
import { headerBytes } from "./control-line.js";
import { unreadableSegment } from "./damage.js";
import type { Disk } from "./disk.js";
import { errnoOf } from "./errors.js";
import { FRAME_BYTES_MAX } from "./frame.js";
import { spoolLayout } from "./layout.js";
import type { Instance, Position, Positions } from "./position.js";
import { ReadMemory } from "./read-memory.js";
import { groupSegments, parseSegmentName } from "./segment-name.js";
import type { SegmentName } from "./segment-name.js";
import { SegmentReader } from "./segment-reader.js";
import type { ReadLimits } from "./segment-reader.js";
import { itemsIn, itemsOf } from "./spool-piece.js";
import type { SpoolItem, SpoolPiece } from "./spool-piece.js";
import { createWriterWatch } from "./writer-watch.js";
import type { WriterState, WriterWatch } from "./writer-watch.js";

export interface ReaderOptions {
  /** The spool directory. */
  directory: string;
  /** One payload; what is longer is damage. */
  lineBytesMax: number;
  /** How long a line that does not verify at the end of a live segment is looked at again, milliseconds. */
  damageGraceMs: number;
  /** A writer that touched nothing for this long is gone, milliseconds. Three times the lease of its segments. */
  writerSilenceMs: number;
  /** How long the list of segments is used while there is enough to read, milliseconds. */
  rescanMs: number;
}

export interface SpoolReader {
  /** The next items, in the limits given; none if nothing new is there. */
  read(limits: ReadLimits): Promise<SpoolItem[]>;
  /** The same, with lines that stand together in one piece. */
  readPieces(limits: ReadLimits): Promise<SpoolPiece[]>;
  /** Nobody looks at these pieces any more: their memory is used for what is read next. */
  reuse(pieces: readonly SpoolPiece[]): void;
  /** Where the next read begins, for every instance met. */
  positions(): Positions;
  /** Goes back, or forward, to these positions; instances that are not named start at their first segment. */
  seek(positions: Positions): Promise<void>;
  backlog(): Promise<Backlog>;
  close(): Promise<void>;
}

/** One instance. */
interface Track {
  instance: Instance;
  segments: SegmentName[];
  position: Position | undefined;
  reader: SegmentReader | undefined;
  /** All is read: not looked at again until a scan finds more. */
  idle: "no" | "resting" | "done";
  /** Its last turn took all that was there. */
  isCurrent: boolean;
  /** The segment could not be read, for the first time at `since` (monotonic). */
  unreadable: { segment: string; since: number; reported: boolean } | undefined;
}

export function openReader(disk: Disk, clock: Clock, options: ReaderOptions, start: Positions): SpoolReader {
  return new Reader(disk, clock, options, start);
}

class Reader implements SpoolReader {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #options: ReaderOptions;
  readonly #directory: string;
  readonly #watch: WriterWatch;
  readonly #memory = new ReadMemory();
  #tracks = new Map<Instance, Track>();
  /** Positions of instances that have no track, because no segment of theirs was met or is left. */
  #known: Map<Instance, Position>;
  #scannedAt: number | undefined;
  #turn = 0;

  constructor(disk: Disk, clock: Clock, options: ReaderOptions, start: Positions) {
    this.#disk = disk;
    this.#clock = clock;
    this.#options = options;
    this.#directory = spoolLayout(options.directory).segments;
    this.#watch = createWriterWatch(disk, clock, {
      directory: this.#directory,
      writerSilenceMs: options.writerSilenceMs,
      lineBytesMax: options.lineBytesMax + FRAME_BYTES_MAX,
    });
    this.#known = new Map(start);
  }

  async read(limits: ReadLimits): Promise<SpoolItem[]> {
    return itemsOf(await this.readPieces(limits));
  }

  async readPieces(limits: ReadLimits): Promise<SpoolPiece[]> {
    const scannedAt = this.#scannedAt;
    if (scannedAt === undefined || this.#clock.monotonic() - scannedAt >= this.#options.rescanMs)
      await this.#scan();
    const items = await this.#readAll(limits);
    if (items.length > 0) return items;
    await this.#scan();
    return this.#readAll(limits);
  }

  reuse(pieces: readonly SpoolPiece[]): void {
    for (const piece of pieces) if (piece.type === "lines") this.#memory.giveBack(piece.source);
  }

  positions(): Positions {
    const positions = new Map(this.#known);
    for (const { instance, position } of this.#tracks.values()) {
      if (position !== undefined) positions.set(instance, position);
    }
    return positions;
  }

  async seek(positions: Positions): Promise<void> {
    for (const track of this.#tracks.values()) await this.#rest(track, "no");
    this.#tracks = new Map();
    this.#known = new Map(positions);
    this.#scannedAt = undefined;
  }

  backlog(): Promise<Backlog> {
    return measureBacklog(this.#disk, this.#directory, [...this.#tracks.values()]);
  }

  async close(): Promise<void> {
    await this.seek(this.positions());
  }

  /** Turn after turn, until the limits are reached or no instance has more. */
  async #readAll(limits: ReadLimits): Promise<SpoolPiece[]> {
    const items: SpoolPiece[] = [];
    let linesLeft = limits.linesMax;
    const startedAt = this.#clock.monotonic();
    const durationMaxMs = limits.durationMaxMs ?? Number.POSITIVE_INFINITY;
    let bytesLeft = limits.bytesMax;
    let busy = this.#inTurn([...this.#tracks.values()].filter(({ idle }) => idle === "no"));
    while (busy.length > 0) {
      const still: Track[] = [];
      for (const track of busy) {
        if (linesLeft <= 0 || bytesLeft <= 0) return items;
        const before = items.length;
        if (await this.#readTrack(track, items, { linesMax: linesLeft, bytesMax: bytesLeft }))
          still.push(track);
        for (const piece of items.slice(before)) {
          linesLeft -= itemsIn(piece);
          bytesLeft -= bytesOf(piece);
        }
      }
      busy = still;
      if (items.length > 0 && this.#clock.monotonic() - startedAt >= durationMaxMs) return items;
    }
    return items;
  }

  /**
   * First the instances that are current, so that what they write now waits behind no backlog. Of the others each call begins with another one, so that none waits behind the backlog of another for ever.
   */
  #inTurn(tracks: readonly Track[]): Track[] {
    const behind = tracks.filter(({ isCurrent }) => !isCurrent);
    const first = behind.length === 0 ? 0 : this.#turn++ % behind.length;
    return [
      ...tracks.filter(({ isCurrent }) => isCurrent),
      ...behind.slice(first),
      ...behind.slice(0, first),
    ];
  }

  /** One turn of one instance; true if it may have more at once. */
  async #readTrack(track: Track, items: SpoolPiece[], limits: ReadLimits): Promise<boolean> {
    const segment = this.#segmentOf(track);
    if (segment === undefined) return false;
    const reader = this.#readerOf(track, segment);
    // Before reading: whether what is then read to its end can grow.
    const writer = await this.#watch.stateOf(segment, track.segments);
    try {
      const state = await reader.read(items, limits, writer);
      track.position = reader.position();
      track.unreadable = undefined;
      if (state === "wait") track.isCurrent = true;
      else if (state === "more") track.isCurrent = reader.hasAllVisible();
      if (state === "done") return await this.#leave(track, segment);
      if (state === "rest") await this.#rest(track, "resting");
      return state === "more";
    } catch (error) {
      return await this.#passUnreadable(track, segment, writer, error, items);
    }
  }

  /** The segment in which the track stands: that of its position, or the first behind it if that one is pruned. */
  #segmentOf(track: Track): SegmentName | undefined {
    if (track.reader !== undefined) return parseSegmentName(track.reader.position().segment);
    const current = track.position === undefined ? undefined : parseSegmentName(track.position.segment);
    if (current?.instance !== track.instance) {
      // Not a position of this instance: all that is still there is read.
      track.position = undefined;
      return track.segments[0];
    }
    return track.segments.find(({ number }) => number >= current.number);
  }

  #readerOf(track: Track, { name }: SegmentName): SegmentReader {
    const start =
      track.position?.segment === name ? track.position : { segment: name, offset: 0, sequence: 0 };
    track.reader ??= new SegmentReader(this.#disk, this.#clock, start, {
      ...this.#options,
      directory: this.#directory,
      instance: track.instance,
      memory: this.#memory,
    });
    return track.reader;
  }

  /** Turns to the next segment; false if there is none. */
  async #leave(track: Track, { number }: SegmentName): Promise<boolean> {
    const next = track.segments.find((segment) => segment.number > number);
    await this.#rest(track, next === undefined ? "done" : "no");
    if (next === undefined) return false;
    track.position = { segment: next.name, offset: 0, sequence: 0 };
    return true;
  }

  async #rest(track: Track, idle: Track["idle"]): Promise<void> {
    track.idle = idle;
    const { reader } = track;
    track.reader = undefined;
    await reader?.close().catch(() => undefined);
  }

  /**
   * A segment that cannot be read is tried for a while, then reported once. It must not hold up those behind it; but
   * while its writer may go on, nothing stands behind it.
   */
  async #passUnreadable(
    track: Track,
    segment: SegmentName,
    writer: WriterState,
    error: unknown,
    items: SpoolPiece[],
  ): Promise<boolean> {
    await this.#rest(track, "no");
    const errno = errnoOf(error);
    // Pruned since the last scan, or the whole directory is away: only another scan can tell.
    if (errno === "ENOENT") this.#scannedAt = undefined;
    if (TRANSIENT.has(errno)) {
      // Not the segment's fault, and gone in a moment. What was read so far must not be lost over it.
      if (items.length > 0) return false;
      throw error;
    }
    const now = this.#clock.monotonic();
    if (track.unreadable?.segment !== segment.name)
      track.unreadable = { segment: segment.name, since: now, reported: false };
    if (now - track.unreadable.since < this.#options.damageGraceMs) return false;
    const position = track.position ?? { segment: segment.name, offset: 0, sequence: 0 };
    const left = writer === "gone" && (await this.#leave(track, segment));
    if (!track.unreadable.reported)
      items.push(unreadableSegment(track.instance, position, track.position ?? position, error));
    track.unreadable.reported = true;
    return left;
  }

  async #scan(): Promise<void> {
    const groups = groupSegments(await listOrNothing(this.#disk, this.#directory));
    const scanned = new Map<Instance, Track>();
    for (const [instance, segments] of groups) {
      const track = this.#tracks.get(instance) ?? newTrack(instance, this.#known.get(instance));
      track.segments = segments;
      if (track.idle !== "no" && (await this.#hasNews(track).catch(() => true))) track.idle = "no";
      scanned.set(instance, track);
    }
    for (const track of this.#tracks.values()) {
      if (scanned.has(track.instance)) continue;
      if (track.position !== undefined) this.#known.set(track.instance, track.position);
      await this.#rest(track, "no");
    }
    this.#tracks = scanned;
    this.#scannedAt = this.#clock.monotonic();
  }

  /** True if more may be read since the track became idle: its writer only slept, or went on. */
  async #hasNews({ segments, position, idle }: Track): Promise<boolean> {
    const current = segments.find(({ name }) => name === position?.segment);
    if (position === undefined || current === undefined) return true;
    const later = segments.filter(({ number }) => number > current.number);
    if (idle === "done" && later.length > 0) return true;
    for (const { name } of later) if ((await this.#sizeOf(name)) > headerBytes(name)) return true;
    return (await this.#sizeOf(current.name)) !== position.offset;
  }

  async #sizeOf(name: string): Promise<number> {
    return (await this.#disk.status(join(this.#directory, name))).size;
  }
}

/** Too many open files, or no memory. */
const TRANSIENT: ReadonlySet<string> = new Set(["EMFILE", "ENFILE", "ENOMEM"]);

/** A spool that no writer has opened yet has no segments. */
async function listOrNothing(disk: Disk, directory: string): Promise<string[]> {
  try {
    return await disk.list(directory);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return [];
    throw error;
  }
}

function newTrack(instance: Instance, position: Position | undefined): Track {
  return {
    instance,
    segments: [],
    position,
    reader: undefined,
    idle: "no",
    isCurrent: false,
    unreadable: undefined,
  };
}

function bytesOf(piece: SpoolPiece): number {
  return piece.type === "damage" ? piece.bytes.byteLength : piece.length;
}
