/**
 * Where a reader is. Segments of one writer instance are read strictly one after the other, so a single position
 * an instance says all: every line before it is consumed, every line from it on is not.
 */

/** The random name of one run of one writer: 32 hexadecimal digits. */
export type Instance = string;

export interface Position {
  /** File name of the segment, without directory. */
  segment: string;
  /** Bytes from the start of the segment to the first byte that is not consumed. */
  offset: number;
  /** The number that the next line must carry. */
  sequence: number;
}

/** Positions of every writer instance whose segments were met. */
export type Positions = ReadonlyMap<Instance, Position>;
