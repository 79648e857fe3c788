/**
 * The writer: many appends, one file, one sync for all that wait.
 *
 * Appends that arrive while a write and its fdatasync are under way wait together and share the next one (group
 * commit). An append resolves only after the fdatasync that began after its last byte was written. A failure
 * rejects exactly the appends of the group that it hit, abandons the segment, and the next group goes to another
 * one. The next segment stands ready beforehand, so that a rotation costs no acknowledgement anything.
 *
 * **Invariant:** at most one group is under way. **Invariant:** lines stand in the segment in the order in which
 * `append` was called. **Invariant:** what waits is bounded by `queueBytesMax`, and how long by `appendTimeoutMs`.
 */
import { randomBytes } from "node:crypto";
import type { Clock } from "./clock.js";
import type { Disk } from "./disk.js";
import { SpoolError } from "./errors.js";
import type { SpoolErrorCode } from "./errors.js";
import { failpoint } from "./failpoint.js";
import { frameGroup, GroupMemory, settle, takeGroup } from "./group.js";
import type { Append } from "./group.js";
import { measurePayloads, packPayloads } from "./payloads.js";
import type { Payloads } from "./payloads.js";
import { spoolLayout } from "./layout.js";
import { prepareDirectory } from "./directory.js";
import { createRoomGauge, refuseForRoom } from "./room.js";
import type { Room } from "./room.js";
import type { Instance } from "./position.js";
import { appendDurably } from "./segment-file.js";
import type { SegmentFile } from "./segment-file.js";
import { SegmentSource } from "./segment-source.js";

export interface WriterOptions {
  /** The spool directory (not its `segments` folder). Made if it is missing. */
  directory: string;
  /** A segment that reached this many bytes is sealed. One group may exceed it. */
  segmentBytesMax: number;
  /** A segment whose first line is this old is sealed, so that no live file comes near the age of pruning. */
  segmentAgeMs: number;
  /** All segments together; at this size appends are refused. */
  spoolBytesMax: number;
  /** Bytes that must stay free on the file system. */
  freeBytesMin: number;
  /** One payload. */
  lineBytesMax: number;
  /** All payloads that wait for the disk. */
  queueBytesMax: number;
  /** How long an append may wait for the disk, milliseconds. */
  appendTimeoutMs: number;
  /** Between two looks at room, age and stalls, milliseconds. */
  checkIntervalMs: number;
}

/** Told of each group that reached stable storage. */
export type GroupObserver = (group: { lines: number; bytes: number; syncSeconds: number }) => void;

export type Readiness =
  | { readonly ready: true }
  | { readonly ready: false; readonly code: SpoolErrorCode; readonly message: string };

export interface WriterStats extends Room {
  instance: string;
  /** Name of the segment that takes the next group, if one is open. */
  segment: string | undefined;
  /** Since the writer was opened: on stable storage. */
  lines: number;
  bytes: number;
  groups: number;
  /** Groups that failed. */
  failures: number;
  /** Payload bytes that wait now. */
  queueBytes: number;
}

export interface SpoolWriter {
  /**
   * Appends the lines of one request, all or nothing as far as the answer goes: resolves when all are on stable
   * storage; rejects with a SpoolError otherwise, and then each of them may or may not have been stored. The
   * payloads must not change until then. No payload resolves at once.
   */
  append(payloads: Payloads): Promise<void>;
  readiness(): Readiness;
  stats(): WriterStats;
  /** Waits for the appends under way, refuses new ones, seals the segment. Idempotent. */
  close(): Promise<void>;
}

export interface UntimedWriter extends SpoolWriter {
  /** Looks at room, age and stalls. Never rejects; a look that is under way is not joined by another. */
  check(): Promise<void>;
}

const READY: Readiness = { ready: true };

/** A writer that looks around by itself every `checkIntervalMs`. Rejects if the first segment cannot be made. */
export async function openWriter(
  disk: Disk,
  clock: Clock,
  options: WriterOptions,
  observe: GroupObserver = () => undefined,
): Promise<SpoolWriter> {
  const writer = await openUntimedWriter(disk, clock, options, observe);
  const timer = setInterval(() => void writer.check(), options.checkIntervalMs);
  timer.unref();
  return {
    append: (payloads) => writer.append(payloads),
    readiness: () => writer.readiness(),
    stats: () => writer.stats(),
    close: () => writer.close().finally(() => clearInterval(timer)),
  };
}

/** A writer that looks around when its owner says so: for tests, where time is made. */
export async function openUntimedWriter(
  disk: Disk,
  clock: Clock,
  options: WriterOptions,
  observe: GroupObserver = () => undefined,
): Promise<UntimedWriter> {
  const { segments } = spoolLayout(options.directory);
  await prepareDirectory(disk, segments);
  const measureRoom = createRoomGauge(disk, segments);
  const instance = randomBytes(16).toString("hex");
  const source = new SegmentSource(disk, clock, { ...options, directory: segments, instance });
  const writer = new Writer(disk, clock, options, { instance, source, measureRoom, observe });
  await writer.open();
  return writer;
}

interface WriterParts {
  instance: Instance;
  source: SegmentSource;
  measureRoom: () => Promise<Room>;
  observe: GroupObserver;
}

class Writer implements UntimedWriter {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #options: WriterOptions;
  readonly #parts: WriterParts;
  readonly #waiting: Append[] = [];
  readonly #memory = new GroupMemory();
  readonly #totals = { lines: 0, bytes: 0, groups: 0, failures: 0 };
  #underWay: readonly Append[] = [];
  #queueBytes = 0;
  #room: Room = { spoolBytes: 0, segments: 0, freeBytes: 0, totalBytes: 0, freeInodes: 0 };
  /** The last look at the directory failed. */
  #roomFailure: SpoolError | undefined;
  /** The disk has kept an append or a look waiting past its deadline. */
  #stalled = false;
  #looking: { since: number; done: Promise<void> } | undefined;
  /** The largest append that was refused for want of room; 0 once a look finds room for it. */
  #crowdedBytes = 0;
  /** Bytes that reached the disk since the last look began: it may have missed them. */
  #bytesSinceLook = 0;
  #committing: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  constructor(disk: Disk, clock: Clock, options: WriterOptions, parts: WriterParts) {
    this.#disk = disk;
    this.#clock = clock;
    this.#options = options;
    this.#parts = parts;
  }

  /** Rejects if the first segment cannot be made. */
  async open(): Promise<void> {
    this.#room = await this.#parts.measureRoom();
    await this.#parts.source.take();
  }

  append(payloads: Payloads): Promise<void> {
    const packed = packPayloads(payloads);
    if (packed.ends.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      // What throws in here rejects.
      const bytes = measurePayloads(packed, this.#options.lineBytesMax);
      const refused = this.#refusal(bytes);
      if (refused !== undefined) {
        if (isForRoom(refused)) this.#crowd(bytes);
        throw refused;
      }
      const deadline = this.#clock.monotonic() + this.#options.appendTimeoutMs;
      this.#waiting.push({ payloads: packed, bytes, deadline, settled: false, resolve, reject });
      this.#queueBytes += bytes;
      this.#committing ??= this.#commitAll();
    });
  }

  readiness(): Readiness {
    // A spool that has room for crumbs alone is full for most senders.
    const refused = this.#refusal(this.#crowdedBytes);
    return refused === undefined ? READY : { ready: false, code: refused.code, message: refused.message };
  }

  stats(): WriterStats {
    const { instance, source } = this.#parts;
    return {
      instance,
      segment: source.current(),
      ...this.#room,
      ...this.#totals,
      queueBytes: this.#queueBytes,
    };
  }

  close(): Promise<void> {
    this.#closed ??= this.#finish();
    return this.#closed;
  }

  async #finish(): Promise<void> {
    while (this.#committing !== undefined) await this.#committing;
    // A look may be about to make a segment, which would be left open.
    await this.#looking?.done;
    await this.#parts.source.close();
  }

  /** Why an append of `bytes` cannot be taken now, or undefined. */
  #refusal(bytes: number): SpoolError | undefined {
    if (this.#closed !== undefined) return new SpoolError("closed", "The spool is closed.");
    if (this.#stalled) return this.#stall();
    if (this.#roomFailure !== undefined) return this.#roomFailure;
    const failure = this.#parts.source.failure();
    if (failure !== undefined) return failure;
    const { queueBytesMax } = this.#options;
    if (this.#queueBytes + bytes > queueBytesMax) {
      return new SpoolError(
        "queue_full",
        `${this.#queueBytes} bytes wait for the disk; the limit is ${queueBytesMax}.`,
      );
    }
    return refuseForRoom(this.#room, this.#options, bytes + this.#queueBytes);
  }

  /** Half of the spool bounds it, so that an append which never fits cannot keep the writer from being ready. */
  #crowd(bytes: number): void {
    const bytesMax = Math.floor(this.#options.spoolBytesMax / 2);
    this.#crowdedBytes = Math.max(this.#crowdedBytes, Math.min(bytes, bytesMax));
  }

  #stall(): SpoolError {
    return new SpoolError("stalled", `The disk has not answered for ${this.#options.appendTimeoutMs} ms.`);
  }

  /** Commits groups until nothing waits. */
  async #commitAll(): Promise<void> {
    // The appends of this turn of the event loop share the first group.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const group = takeGroup(this.#waiting);
      this.#underWay = group;
      const failure = await this.#commit(group);
      const now = this.#clock.monotonic();
      for (const one of group) {
        // What comes too late is no acknowledgement: the sender was promised an answer by then.
        settle(one, failure ?? (one.deadline <= now ? this.#stall() : undefined));
        this.#queueBytes -= one.bytes;
      }
      this.#underWay = [];
      this.#stalled = false;
      if (failure === undefined) await failpoint("group.acknowledged");
    }
    this.#committing = undefined;
  }

  /** Brings one group to stable storage; returns why it failed, or undefined. */
  async #commit(group: readonly Append[]): Promise<SpoolError | undefined> {
    const { source, observe } = this.#parts;
    let segment: SegmentFile;
    try {
      segment = await source.take();
    } catch (error) {
      this.#totals.failures += 1;
      return asSpoolError(error);
    }
    const { bytes, lines } = frameGroup(group, segment.seed, segment.sequence, this.#memory);
    segment.firstLineAt ??= this.#clock.monotonic();
    try {
      const syncSeconds = await appendDurably(this.#disk, this.#clock, segment, bytes, lines);
      source.confirm();
      this.#count(bytes.byteLength, lines);
      observe({ lines, bytes: bytes.byteLength, syncSeconds });
      return undefined;
    } catch (error) {
      const failure = asSpoolError(error);
      this.#totals.failures += 1;
      await source.abandon(failure);
      return failure;
    }
  }

  #count(bytes: number, lines: number): void {
    this.#bytesSinceLook += bytes;
    this.#room.spoolBytes += bytes;
    this.#room.freeBytes -= bytes;
    this.#totals.lines += lines;
    this.#totals.bytes += bytes;
    this.#totals.groups += 1;
  }

  /** Rejects what has waited too long. Its bytes may still reach the disk; its sender knows only that they may. */
  #rejectOverdue(): void {
    const now = this.#clock.monotonic();
    for (const one of this.#underWay) {
      if (one.deadline > now) continue;
      this.#stalled = true;
      settle(one, this.#stall());
    }
    // Appends wait in the order of their deadlines.
    while (this.#waiting[0] !== undefined && this.#waiting[0].deadline <= now) {
      const one = this.#waiting.shift();
      if (one === undefined) return;
      this.#queueBytes -= one.bytes;
      settle(one, this.#stall());
    }
  }

  async check(): Promise<void> {
    // Overdue appends first, since everything after it may hang with the disk.
    this.#rejectOverdue();
    const now = this.#clock.monotonic();
    if (this.#looking !== undefined) {
      if (now - this.#looking.since >= this.#options.appendTimeoutMs) this.#stalled = true;
      return;
    }
    if (this.#closed !== undefined) return;
    const done = this.#look();
    this.#looking = { since: now, done };
    await done;
    this.#looking = undefined;
  }

  async #look(): Promise<void> {
    const { source, measureRoom } = this.#parts;
    try {
      if (this.#committing === undefined) source.rotate();
      this.#bytesSinceLook = 0;
      const room = await measureRoom();
      const { spoolBytes, freeBytes } = room;
      const bytes = this.#bytesSinceLook;
      this.#room = { ...room, spoolBytes: spoolBytes + bytes, freeBytes: freeBytes - bytes };
      this.#roomFailure = undefined;
      if (refuseForRoom(this.#room, this.#options, this.#crowdedBytes) === undefined) this.#crowdedBytes = 0;
      await source.check();
      if (this.#underWay.length === 0) this.#stalled = false;
    } catch (error) {
      const message = `The spool directory cannot be read: ${String(error)}.`;
      this.#roomFailure = new SpoolError("directory_unusable", message, { cause: error });
    }
  }
}

function isForRoom({ code }: SpoolError): boolean {
  return code === "spool_full" || code === "disk_full";
}

function asSpoolError(error: unknown): SpoolError {
  if (error instanceof SpoolError) return error;
  return new SpoolError("write_failed", `The spool could not be written: ${String(error)}.`, {
    cause: error,
  });
}
