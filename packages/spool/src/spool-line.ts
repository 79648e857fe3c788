/**
 * A line as it came out of a segment, where in the spool it stood, and where reading goes on behind it.
 *
 * A backlog is made of millions of these, and whole windows of them are alive at a time: what can be made when somebody
 * asks is made then.
 */
import type { Line } from "./frame.js";
import type { Instance, Position } from "./position.js";

export interface SpoolLine {
  readonly type: "line";
  /** A view into the bytes read; stays valid as long as it is held. */
  readonly payload: Buffer;
  /** The bytes read, in which the payload stands from `payloadFrom` up to `payloadTo`: for whoever needs no view of it. */
  readonly source: Uint8Array;
  readonly payloadFrom: number;
  readonly payloadTo: number;
  readonly instance: Instance;
  /** Where this line begins. */
  readonly position: Position;
  /** Where reading goes on once it is consumed. */
  readonly next: Position;
  /** Bytes of the line in its segment. */
  readonly length: number;
}

/** Where a line was found. */
export interface LinePlace {
  readonly instance: Instance;
  readonly segment: string;
}

export class StoredLine implements SpoolLine {
  readonly type = "line";
  readonly length: number;
  readonly source: Buffer;
  readonly payloadFrom: number;
  readonly payloadTo: number;
  readonly #place: LinePlace;
  readonly #offset: number;
  readonly #sequence: number;

  constructor(
    { source, payloadFrom, payloadTo, sequence }: Line,
    place: LinePlace,
    offset: number,
    length: number,
  ) {
    this.length = length;
    this.source = source;
    this.payloadFrom = payloadFrom;
    this.payloadTo = payloadTo;
    this.#place = place;
    this.#offset = offset;
    this.#sequence = sequence;
  }

  get payload(): Buffer {
    return this.source.subarray(this.payloadFrom, this.payloadTo);
  }

  get instance(): Instance {
    return this.#place.instance;
  }

  get position(): Position {
    return { segment: this.#place.segment, offset: this.#offset, sequence: this.#sequence };
  }

  get next(): Position {
    return {
      segment: this.#place.segment,
      offset: this.#offset + this.length,
      sequence: this.#sequence + 1,
    };
  }
}
