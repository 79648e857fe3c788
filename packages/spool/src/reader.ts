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
import type { Clock } from "./clock.js";
import type { Damage } from "./damage.js";
import type { Disk } from "./disk.js";
import { errnoOf } from "./errors.js";
import { spoolLayout } from "./layout.js";
import type { Instance, Position, Positions } from "./position.js";
import { groupSegments, parseSegmentName } from "./segment-name.js";
import type { SegmentName } from "./segment-name.js";
import { SegmentReader } from "./segment-reader.js";
import type { ReadLimits, SpoolItem } from "./segment-reader.js";
import { createWriterWatch } from "./writer-watch.js";
import type { WriterWatch } from "./writer-watch.js";

export interface ReaderOptions {
  /** The spool directory. */
  directory: string;
  /** One payload; what is longer is damage. */
  lineBytesMax: number;
  /** How long a line that does not verify at the end of a live segment is looked at again, milliseconds. */
  damageGraceMs: number;
  /** A writer that touched nothing for this long is gone, milliseconds. Several times its `segmentAgeMs`. */
  writerSilenceMs: number;
  /** How long the list of segments is used while there is enough to read, milliseconds. */
  rescanMs: number;
}

/** What is not consumed yet. */
export interface Backlog {
  /** Segments with bytes that are not consumed. */
  segments: number;
  bytes: number;
  /** All segments, those kept for replay included. */
  segmentsTotal: number;
  bytesTotal: number;
  /** When the oldest segment with unconsumed bytes was last written, milliseconds since the epoch. */
  oldestModifiedAt: number | undefined;
}

export interface SpoolReader {
  /** The next items, in the limits given; none if nothing new is there. */
  read(limits: ReadLimits): Promise<SpoolItem[]>;
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
  /** All is read and nothing more is expected: not looked at again until a scan sees new bytes. */
  idle: boolean;
  /** A segment that could not be read and was reported. */
  unreadable: string | undefined;
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
    this.#watch = createWriterWatch(disk, clock, this.#directory, options.writerSilenceMs);
    this.#known = new Map(start);
  }

  async read(limits: ReadLimits): Promise<SpoolItem[]> {
    const scannedAt = this.#scannedAt;
    if (scannedAt === undefined || this.#clock.monotonic() - scannedAt >= this.#options.rescanMs)
      await this.#scan();
    const items = await this.#readAll(limits);
    if (items.length > 0) return items;
    await this.#scan();
    return this.#readAll(limits);
  }

  positions(): Positions {
    const positions = new Map(this.#known);
    for (const { instance, position } of this.#tracks.values()) {
      if (position !== undefined) positions.set(instance, position);
    }
    return positions;
  }

  async seek(positions: Positions): Promise<void> {
    for (const track of this.#tracks.values()) await track.reader?.close();
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
  async #readAll(limits: ReadLimits): Promise<SpoolItem[]> {
    const items: SpoolItem[] = [];
    let bytesLeft = limits.bytesMax;
    let busy = this.#inTurn([...this.#tracks.values()].filter((track) => !track.idle));
    while (busy.length > 0) {
      const still: Track[] = [];
      for (const track of busy) {
        const linesLeft = limits.linesMax - items.length;
        if (linesLeft <= 0 || bytesLeft <= 0) return items;
        const before = items.length;
        if (await this.#readTrack(track, items, { linesMax: linesLeft, bytesMax: bytesLeft }))
          still.push(track);
        for (let index = before; index < items.length; index++) bytesLeft -= bytesOf(items[index]);
      }
      busy = still;
    }
    return items;
  }

  /** Each call begins with another instance, so that none waits behind the backlog of another for ever. */
  #inTurn(tracks: readonly Track[]): Track[] {
    const first = tracks.length === 0 ? 0 : this.#turn++ % tracks.length;
    return [...tracks.slice(first), ...tracks.slice(0, first)];
  }

  /** One turn of one instance; true if it may have more at once. */
  async #readTrack(track: Track, items: SpoolItem[], limits: ReadLimits): Promise<boolean> {
    const reader = this.#readerOf(track);
    if (reader === undefined) return false;
    const { segment } = reader.position();
    const finished = await this.#watch.isFinished(segment, track.segments);
    try {
      const state = await reader.read(items, limits, finished);
      track.position = reader.position();
      return state === "done" ? await this.#leave(track, reader) : state === "more";
    } catch (error) {
      return await this.#passUnreadable(track, reader, error, items);
    }
  }

  /** The reader of the segment in which the track stands, or undefined if there is none. */
  #readerOf(track: Track): SegmentReader | undefined {
    if (track.reader !== undefined) return track.reader;
    const start = startOf(track.segments, track.position);
    if (start === undefined) return undefined;
    const options = { ...this.#options, directory: this.#directory, instance: track.instance };
    track.reader = new SegmentReader(this.#disk, this.#clock, start, options);
    return track.reader;
  }

  /** Lets go of a segment that is read to its end and turns to the next; false if there is none. */
  async #leave(track: Track, reader: SegmentReader): Promise<boolean> {
    const { segment } = reader.position();
    track.position = reader.position();
    await reader.close();
    track.reader = undefined;
    const next = nextSegment(track.segments, segment);
    track.idle = next === undefined;
    if (next === undefined) return false;
    track.position = { segment: next.name, offset: 0, sequence: 0 };
    return true;
  }

  /** A segment that cannot be read is reported once and passed over, for it must not hold up those behind it. */
  async #passUnreadable(
    track: Track,
    reader: SegmentReader,
    error: unknown,
    items: SpoolItem[],
  ): Promise<boolean> {
    const errno = errnoOf(error);
    // Too many open files, or no memory: not the segment's fault, and gone in a moment.
    if (errno === "EMFILE" || errno === "ENFILE" || errno === "ENOMEM") throw error;
    const position = reader.position();
    if (errno !== "ENOENT") {
      if (track.unreadable !== position.segment)
        items.push(unreadableSegment(track.instance, position, error));
      track.unreadable = position.segment;
    }
    return this.#leave(track, reader);
  }

  async #scan(): Promise<void> {
    const groups = groupSegments(await listOrNothing(this.#disk, this.#directory));
    const scanned = new Map<Instance, Track>();
    for (const [instance, segments] of groups) {
      const track = this.#tracks.get(instance) ?? newTrack(instance, this.#known.get(instance));
      track.segments = segments;
      if (track.idle) track.idle = !(await this.#hasNews(track));
      scanned.set(instance, track);
    }
    for (const track of this.#tracks.values()) {
      if (scanned.has(track.instance)) continue;
      if (track.position !== undefined) this.#known.set(track.instance, track.position);
      await track.reader?.close();
    }
    this.#tracks = scanned;
    this.#scannedAt = this.#clock.monotonic();
  }

  /** True if a later segment appeared behind an idle track, or bytes behind its position: its writer only slept. */
  async #hasNews({ segments, position, unreadable }: Track): Promise<boolean> {
    const last = segments.at(-1);
    if (last === undefined || position === undefined || last.name !== position.segment) return true;
    if (last.name === unreadable) return false;
    const status = await this.#disk.status(join(this.#directory, last.name)).catch(() => undefined);
    return status !== undefined && status.size > position.offset;
  }
}

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
  return { instance, segments: [], position, reader: undefined, idle: false, unreadable: undefined };
}

function bytesOf(item: SpoolItem | undefined): number {
  if (item === undefined) return 0;
  return item.type === "line" ? item.payload.byteLength : item.bytes.byteLength;
}

/** Where to go on: at the position, or at the first segment behind it if its own is pruned. */
function startOf(segments: readonly SegmentName[], position: Position | undefined): Position | undefined {
  if (position !== undefined && segments.some(({ name }) => name === position.segment)) return position;
  const next = position === undefined ? segments[0] : nextSegment(segments, position.segment);
  return next === undefined ? undefined : { segment: next.name, offset: 0, sequence: 0 };
}

function nextSegment(segments: readonly SegmentName[], name: string): SegmentName | undefined {
  const number = parseSegmentName(name)?.number ?? -1;
  return segments.find((segment) => segment.number > number);
}

function unreadableSegment(instance: Instance, position: Position, error: unknown): Damage {
  return {
    type: "damage",
    reason: "unreadable",
    bytes: Buffer.alloc(0),
    length: 0,
    message: `The segment cannot be read: ${errnoOf(error) || String(error)}.`,
    instance,
    position,
    next: position,
  };
}

async function measureBacklog(disk: Disk, directory: string, tracks: readonly Track[]): Promise<Backlog> {
  const backlog: Backlog = {
    segments: 0,
    bytes: 0,
    segmentsTotal: 0,
    bytesTotal: 0,
    oldestModifiedAt: undefined,
  };
  for (const { segments, position } of tracks) {
    const current = position === undefined ? undefined : parseSegmentName(position.segment);
    for (const { name, number } of segments) {
      const status = await disk.status(join(directory, name)).catch(() => undefined);
      if (status === undefined) continue;
      backlog.segmentsTotal += 1;
      backlog.bytesTotal += status.size;
      if (current !== undefined && number < current.number) continue;
      const left = number === current?.number ? status.size - (position?.offset ?? 0) : status.size;
      if (left <= 0) continue;
      backlog.segments += 1;
      backlog.bytes += left;
      backlog.oldestModifiedAt = Math.min(backlog.oldestModifiedAt ?? status.modifiedAt, status.modifiedAt);
    }
  }
  return backlog;
}
