/**
 * Where the writer gets the segment for its next group: the live one, or the spare that stands ready behind it.
 *
 * Rotation seals the live segment and takes the spare at once; creating the next spare and syncing the seal happen
 * beside the path of an acknowledgement. After a failure the source waits a little before it tries the disk again
 * and says meanwhile why nothing can be written.
 *
 * **Invariant:** the seal is written before any line of the next segment, so a reader that sees lines in a later
 * segment knows that the earlier one is complete.
 */
import type { Clock } from "./clock.js";
import type { Disk } from "./disk.js";
import type { SpoolError } from "./errors.js";
import { failpoint } from "./failpoint.js";
import {
  abandonSegment,
  createSegment,
  finishSeal,
  leaseHolds,
  touchSegment,
  writeSeal,
} from "./segment-file.js";
import type { SegmentFile } from "./segment-file.js";
import type { Instance } from "./position.js";

export interface SegmentSourceOptions {
  directory: string;
  instance: Instance;
  segmentBytesMax: number;
  segmentAgeMs: number;
}

/** A disk that failed twice in a row is asked again after this long, doubling up to the second number. Milliseconds. */
const RETRY_AFTER_MS = 250;
const RETRY_AFTER_MS_MAX = 5_000;

/** Open segments are touched at least so often, milliseconds: a fifth of their lease. */
const TOUCH_MS_MAX = 60_000;

export class SegmentSource {
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #options: SegmentSourceOptions;
  #live: SegmentFile | undefined;
  #spare: Promise<SegmentFile> | undefined;
  #number = 0;
  #failures = 0;
  #blocked: { reason: SpoolError; until: number } | undefined;
  #touchedAt: number;
  /** The seal being written; nothing may be written to a later segment before it. */
  #sealing: Promise<void> = Promise.resolve();
  /** Syncs of seals that go on by themselves. */
  #finishing: Promise<void> = Promise.resolve();

  constructor(disk: Disk, clock: Clock, options: SegmentSourceOptions) {
    this.#disk = disk;
    this.#clock = clock;
    this.#options = options;
    this.#touchedAt = clock.monotonic();
  }

  /** The segment for the next group; rejects with a SpoolError if none can be had. */
  async take(): Promise<SegmentFile> {
    this.rotate();
    await this.#sealing;
    if (this.#live !== undefined && leaseHolds(this.#live, this.#clock)) return this.#live;
    if (this.#live !== undefined) await abandonSegment(this.#live);
    this.#live = undefined;
    this.#live = await this.#takeSpare();
    this.#prepareSpare().catch(() => undefined);
    return this.#live;
  }

  /** The group that was written to the segment last taken is on stable storage. */
  confirm(): void {
    this.#failures = 0;
    this.#blocked = undefined;
  }

  /** Gives up the segment last taken, for the reason given. */
  async abandon(reason: SpoolError): Promise<void> {
    const segment = this.#live;
    this.#live = undefined;
    this.#fail(reason);
    if (segment !== undefined) await abandonSegment(segment);
  }

  /** Why nothing can be written now, or undefined. */
  failure(): SpoolError | undefined {
    return this.#blocked?.reason;
  }

  /** Name of the live segment. */
  current(): string | undefined {
    return this.#live?.name;
  }

  /** Seals the live segment if it is due. Only between two groups. */
  rotate(): void {
    if (this.#live === undefined || !this.#isDue(this.#live)) return;
    this.#sealing = this.#seal(this.#live);
    this.#live = undefined;
  }

  /** The regular look: recovers from failures and shows readers that the writer lives. */
  async check(): Promise<void> {
    const now = this.#clock.monotonic();
    if (this.#blocked !== undefined && now >= this.#blocked.until) {
      const recovered = await this.#prepareSpare().catch(() => undefined);
      if (recovered !== undefined) this.#blocked = undefined;
    }
    if (now - this.#touchedAt < Math.min(this.#options.segmentAgeMs, TOUCH_MS_MAX)) return;
    this.#touchedAt = now;
    const spare = await this.#spare?.catch(() => undefined);
    for (const segment of [this.#live, spare]) {
      if (segment !== undefined) await touchSegment(this.#disk, this.#clock, segment);
    }
  }

  /** Seals what is open. Only after the last group. */
  async close(): Promise<void> {
    await this.#sealing;
    if (this.#live !== undefined) await this.#seal(this.#live);
    this.#live = undefined;
    const unused = await this.#spare?.catch(() => undefined);
    if (unused !== undefined) await this.#seal(unused);
    this.#spare = undefined;
    await this.#finishing;
  }

  /** The segment that stands ready, or a new one if it stood there for longer than its lease. */
  async #takeSpare(): Promise<SegmentFile> {
    let segment = await this.#prepareSpare();
    if (!leaseHolds(segment, this.#clock)) {
      await abandonSegment(segment);
      this.#spare = undefined;
      segment = await this.#prepareSpare();
    }
    this.#spare = undefined;
    return segment;
  }

  #prepareSpare(): Promise<SegmentFile> {
    if (this.#spare !== undefined) return this.#spare;
    const { directory, instance } = this.#options;
    const created = createSegment(this.#disk, this.#clock, directory, instance, this.#number++);
    this.#spare = created;
    created.catch((error: unknown) => {
      if (this.#spare === created) this.#spare = undefined;
      this.#fail(error as SpoolError);
    });
    return created;
  }

  /** One failure may be of one file: the next segment is tried at once. A second in a row is the disk's. */
  #fail(reason: SpoolError): void {
    this.#failures += 1;
    if (this.#failures < 2) return;
    const delay = Math.min(RETRY_AFTER_MS * 2 ** (this.#failures - 2), RETRY_AFTER_MS_MAX);
    this.#blocked = { reason, until: this.#clock.monotonic() + delay };
  }

  #isDue(segment: SegmentFile): boolean {
    if (segment.bytes >= this.#options.segmentBytesMax) return true;
    if (segment.firstLineAt === undefined) return false;
    return this.#clock.monotonic() - segment.firstLineAt >= this.#options.segmentAgeMs;
  }

  async #seal(segment: SegmentFile): Promise<void> {
    try {
      await writeSeal(segment);
    } catch {
      // All its lines are durable; a segment without a seal is complete once a later one has lines.
      await abandonSegment(segment);
      return;
    }
    await failpoint("seal.written");
    const before = this.#finishing;
    this.#finishing = finishSeal(segment)
      .catch(() => undefined)
      .then(() => before);
  }
}
