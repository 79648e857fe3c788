/** The line that ends right before an offset: what a reader that starts there would know if it had read on. */
import type { DiskFile } from "./disk.js";
import { decodeLine } from "./frame.js";
import type { Line } from "./frame.js";

const LINE_FEED = 0x0a;
/** Most lines are shorter; longer ones are read again. */
const BYTES_MIN = 4096;

/** Undefined if what stands there is no line. `lineBytesMax` counts the frame. */
export async function readLineBefore(
  file: DiskFile,
  offset: number,
  seed: number,
  lineBytesMax: number,
): Promise<Line | undefined> {
  // One byte more than a line, for the line feed in front of it.
  const lengthMax = Math.min(offset, lineBytesMax + 1);
  for (let length = Math.min(BYTES_MIN, lengthMax); ; length = Math.min(length * 8, lengthMax)) {
    const bytes = Buffer.alloc(length);
    const count = await file.read(bytes, offset - length);
    if (count < length || bytes[length - 1] !== LINE_FEED) return undefined;
    const start = length < 2 ? 0 : bytes.lastIndexOf(LINE_FEED, length - 2) + 1;
    if (start > 0 || length === lengthMax) return decodeLine(bytes, start, length - 1, seed);
  }
}
