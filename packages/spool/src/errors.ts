/**
 * Everything that can go wrong with a spool, as a closed list of codes.
 *
 * An error carries where it happened (segment, offset) and whether the same call may succeed later, so that
 * callers never classify by message. A broken invariant is not in this list: it is an AssertionError and ends
 * the process.
 */

export type SpoolErrorCode =
  /** The segments together reached `spoolBytesMax`. Recovers when the forwarder prunes. */
  | "spool_full"
  /** Less than `freeBytesMin` is free on the file system, or it has no inode left. */
  | "disk_full"
  /** A write failed or could not be completed. The segment is abandoned. */
  | "write_failed"
  /** fdatasync failed. The segment is abandoned and never synced again. */
  | "sync_failed"
  /** The live segment was deleted, or its directory was replaced, under the writer. */
  | "segment_lost"
  /** The disk did not answer within `appendTimeoutMs`. */
  | "stalled"
  /** More than `queueBytesMax` are waiting for the disk. */
  | "queue_full"
  /** One payload is longer than `lineBytesMax`. */
  | "line_too_long"
  /** A payload holds a raw line feed or carriage return, or nothing. */
  | "invalid_payload"
  /** The writer is closed. */
  | "closed"
  /** The directory cannot be made, listed or written. */
  | "directory_unusable"
  /** The cursor file or the spool's identity cannot be written. */
  | "state_unwritable";

const RETRYABLE: Record<SpoolErrorCode, boolean> = {
  spool_full: true,
  disk_full: true,
  write_failed: true,
  sync_failed: true,
  segment_lost: true,
  stalled: true,
  queue_full: true,
  line_too_long: false,
  invalid_payload: false,
  closed: false,
  directory_unusable: true,
  state_unwritable: true,
};

/** Every code, for tables and tests that walk the union. */
export const SPOOL_ERROR_CODES: readonly SpoolErrorCode[] = Object.keys(RETRYABLE) as SpoolErrorCode[];

export interface SpoolErrorPlace {
  segment?: string;
  /** Bytes from the start of the segment. */
  offset?: number;
  cause?: unknown;
}

export class SpoolError extends Error {
  override readonly name = "SpoolError";
  readonly code: SpoolErrorCode;
  /** True if the same call may succeed later without a change to what was passed in. */
  readonly retryable: boolean;
  readonly segment: string | undefined;
  readonly offset: number | undefined;

  constructor(code: SpoolErrorCode, message: string, place: SpoolErrorPlace = {}) {
    super(message, place.cause === undefined ? undefined : { cause: place.cause });
    this.code = code;
    this.retryable = RETRYABLE[code];
    this.segment = place.segment;
    this.offset = place.offset;
  }
}

/** The errno name of a failed system call ("ENOSPC"), or "" if the error carries none. */
export function errnoOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}
