/**
 * A line as it came out of a segment, where in the spool it stood, and where reading goes on behind it.
 *
 * A backlog is made of millions of these. Places, and the view of the payload, are made when somebody asks.
 */
import type { Line } from "./frame.js";
import type { Instance, Position } from "./position.js";

export interface SpoolLine {
  readonly type: "line";
  /** A view into the bytes read; stays valid as long as it is held. */
  readonly payload: Buffer;
  readonly instance: Instance;
  /** Where this line begins. */
  readonly position: Position;
  /** Where reading goes on once it is consumed. */
  readonly next: Position;
  /** Bytes of the line in its segment. */
  readonly length: number;
}

export class StoredLine implements SpoolLine {
  readonly type = "line";
  readonly instance: Instance;
  readonly length: number;
  readonly #line: Line;
  readonly #segment: string;
  readonly #offset: number;

  constructor(line: Line, instance: Instance, segment: string, offset: number, length: number) {
    this.instance = instance;
    this.length = length;
    this.#line = line;
    this.#segment = segment;
    this.#offset = offset;
  }

  get payload(): Buffer {
    return this.#line.payload;
  }

  get position(): Position {
    return { segment: this.#segment, offset: this.#offset, sequence: this.#line.sequence };
  }

  get next(): Position {
    return {
      segment: this.#segment,
      offset: this.#offset + this.length,
      sequence: this.#line.sequence + 1,
    };
  }
}
