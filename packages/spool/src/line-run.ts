/**
 * Lines of one segment that stand one behind the other in the bytes of one read, kept as places in those bytes.
 *
 * A backlog is made of millions of lines and whole windows of them are alive at a time: a run is a few objects however
 * many lines it has. Each can be had as a `SpoolLine` when somebody asks for it.
 *
 * **Invariant:** the lines have consecutive numbers and nothing stands between them, so that where one begins is where
 * the one before it ends.
 */
import type { Line } from "./frame.js";
import type { Instance, Position } from "./position.js";
import { StoredLine } from "./spool-line.js";
import type { LinePlace, SpoolLine } from "./spool-line.js";

/** What stands between the end of a payload and the next line: the bracket of the frame and a line feed. */
export const BEHIND_PAYLOAD = 2;
/** Lines of a run that is begun: a live event is often alone. */
const LINES_FIRST = 8;

export class LineRun {
  readonly type = "lines";
  /** The bytes read, in which the payloads stand. */
  readonly source: Buffer;
  readonly #place: LinePlace;
  /** Of the first line, in `source`. */
  readonly #start: number;
  /** Of the first line, in its segment. */
  readonly #offset: number;
  readonly #sequence: number;
  /** Two for each line: where its payload begins and ends in `source`. */
  #places = new Int32Array(2 * LINES_FIRST);
  #count = 0;

  /** An empty run; its first line begins at `start` of `source`, and at `offset` of its segment. */
  constructor(source: Buffer, start: number, place: LinePlace, offset: number, sequence: number) {
    this.source = source;
    this.#place = place;
    this.#start = start;
    this.#offset = offset;
    this.#sequence = sequence;
  }

  /** How many lines it has. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of its lines in their segment. */
  get length(): number {
    return this.#endOf(this.#count - 1) - this.#start;
  }

  get instance(): Instance {
    return this.#place.instance;
  }

  /** True if a line of these bytes, found at `start` of them, is the next one. */
  continuesAt(source: Buffer, start: number, sequence: number): boolean {
    return (
      source === this.source &&
      start === this.#endOf(this.#count - 1) &&
      sequence === this.#sequence + this.#count
    );
  }

  /** Takes the next line. */
  add({ payloadFrom, payloadTo }: Line): void {
    const at = 2 * this.#count;
    if (at === this.#places.length) {
      const places = new Int32Array(2 * at);
      places.set(this.#places);
      this.#places = places;
    }
    this.#places[at] = payloadFrom;
    this.#places[at + 1] = payloadTo;
    this.#count += 1;
  }

  /** Where the payload of a line begins in `source`. */
  payloadFrom(index: number): number {
    return this.#places[2 * index] ?? 0;
  }

  /** Where it ends. */
  payloadTo(index: number): number {
    return this.#places[2 * index + 1] ?? 0;
  }

  /** Where reading goes on behind a line. */
  nextOf(index: number): Position {
    return {
      segment: this.#place.segment,
      offset: this.#offset + this.#endOf(index) - this.#start,
      sequence: this.#sequence + index + 1,
    };
  }

  /** One of its lines by itself. */
  line(index: number): SpoolLine {
    const start = this.#endOf(index - 1);
    const sequence = this.#sequence + index;
    const [payloadFrom, payloadTo] = [this.payloadFrom(index), this.payloadTo(index)];
    const length = this.#endOf(index) - start;
    const line = { kind: "data", sequence, source: this.source, payloadFrom, payloadTo } as const;
    return new StoredLine(line, this.#place, this.#offset + start - this.#start, length);
  }

  /** All of them by themselves. */
  lines(): SpoolLine[] {
    return Array.from({ length: this.#count }, (_, index) => this.line(index));
  }

  /** Where a line ends in `source`; the one before the first ends where that begins. */
  #endOf(index: number): number {
    return index < 0 ? this.#start : this.payloadTo(index) + BEHIND_PAYLOAD;
  }
}
