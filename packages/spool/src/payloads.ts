/** Payloads on their way to the disk: one behind the other, in one piece of memory. */
import { SpoolError } from "./errors.js";
import { FRAME_BYTES_MAX, holdsLineBreak } from "./frame.js";

export interface PackedPayloads {
  /** The payloads, and perhaps more behind them. */
  readonly bytes: Uint8Array;
  /** Where each payload ends; the first begins at 0 and each other where the one before it ends. */
  readonly ends: readonly number[];
}

export type Payloads = PackedPayloads | readonly Uint8Array[];

export function packPayloads(payloads: Payloads): PackedPayloads {
  if (!isList(payloads)) return payloads;
  let end = 0;
  return { bytes: Buffer.concat(payloads), ends: payloads.map(({ byteLength }) => (end += byteLength)) };
}

function isList(payloads: Payloads): payloads is readonly Uint8Array[] {
  return Array.isArray(payloads);
}

/** Checks each payload and bounds the bytes of all their lines. */
export function measurePayloads({ bytes, ends }: PackedPayloads, lineBytesMax: number): number {
  let start = 0;
  for (const end of ends) {
    if (end <= start) throw new SpoolError("invalid_payload", "The payload is empty.");
    if (end - start > lineBytesMax) {
      throw new SpoolError(
        "line_too_long",
        `A payload has ${end - start} bytes; the limit is ${lineBytesMax}.`,
      );
    }
    start = end;
  }
  if (start > bytes.byteLength) throw new SpoolError("invalid_payload", "A payload ends behind its memory.");
  if (holdsLineBreak(bytes.subarray(0, start))) {
    throw new SpoolError("invalid_payload", "A payload holds a raw line feed or carriage return.");
  }
  return start + ends.length * FRAME_BYTES_MAX;
}
