/**
 * What a reader found where a line should be. FORMAT.md, "What a reader does with damage", is the table.
 *
 * Damage is a value, not an error: it costs the bytes that it hit and never a neighbour.
 */
import { errnoOf } from "./errors.js";
import type { Instance, Position } from "./position.js";

export type DamageReason =
  /** A line whose checksum or shape is wrong: flipped bits, foreign bytes. */
  | "bad_line"
  /** Bytes that are all zero: a block that the file system added and never filled. */
  | "zero_bytes"
  /** Bytes behind the last line feed of a segment whose writer is gone. They were never acknowledged. */
  | "torn_tail"
  /** Valid lines whose numbers say that others are missing between them. */
  | "hole"
  /** A valid line with a number that was passed already. */
  | "repeated_line"
  /** A seal that disagrees with the lines before it. */
  | "seal_mismatch"
  /** Bytes behind the seal. */
  | "bytes_after_seal"
  /** The file is shorter than what was read from it before. */
  | "shrunk"
  /** A file named like a segment in which no line verifies. */
  | "foreign_segment"
  /** The file could not be read. */
  | "unreadable";

/** True where the segment is to be marked with `keepSegment`, so that it is not pruned before a person saw it. */
const KEEPS: Record<DamageReason, boolean> = {
  bad_line: false,
  zero_bytes: false,
  torn_tail: false,
  hole: false,
  repeated_line: false,
  seal_mismatch: true,
  bytes_after_seal: false,
  shrunk: false,
  foreign_segment: true,
  unreadable: true,
};

/** Every reason, for tables and tests that walk the union. */
export const DAMAGE_REASONS: readonly DamageReason[] = Object.keys(KEEPS) as DamageReason[];

/** True if the segment of such damage is to be kept from pruning until a person removes the mark. */
export function keepsSegment(reason: DamageReason): boolean {
  return KEEPS[reason];
}

export interface Damage {
  type: "damage";
  reason: DamageReason;
  /** The first of the damaged bytes, at most DAMAGE_BYTES_MAX of them. */
  bytes: Buffer;
  /** How many bytes are damaged; 0 where none are there to show. */
  length: number;
  /** A sentence for people. */
  message: string;
  instance: Instance;
  /** Where the damage begins. */
  position: Position;
  /** Where reading goes on. Before `position` only if the segment shrank. */
  next: Position;
}

/** The segment could not be read at `position`; reading goes on at `next`. */
export function unreadableSegment(
  instance: Instance,
  position: Position,
  next: Position,
  error: unknown,
): Damage {
  return {
    type: "damage",
    reason: "unreadable",
    bytes: Buffer.alloc(0),
    length: 0,
    message: `The segment cannot be read: ${errnoOf(error) || String(error)}.`,
    instance,
    position,
    next,
  };
}

/** What of the damaged bytes is carried along; the whole can be had with `quarantineBytes`. */
export const DAMAGE_BYTES_MAX: number = 64 * 1024;

/** True for bytes that a file system added and never filled. */
export function isZero(bytes: Uint8Array): boolean {
  return bytes.byteLength > 0 && bytes.every((byte) => byte === 0);
}
