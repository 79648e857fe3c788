/**
 * Finding lines again behind damage.
 *
 * The line feed is where reading starts anew. But a line feed can be what is damaged, and then the next line, which
 * is whole, stands inside the stretch of its neighbour: every line opens with the same bytes, so it is found by them.
 *
 * **Invariant:** what is found here has a checksum that holds, like every line.
 */
import type { DiskFile } from "./disk.js";
import { decodeLine } from "./frame.js";
import type { Line } from "./frame.js";

const LINE_FEED = 0x0a;
const OPENING = Buffer.from('{"crc":"');

/** A payload may hold what looks like the opening of a line; whoever sends many of them hides no line but its own. */
const OPENINGS_MAX = 64;

/** Where, behind `start`, a line begins that ends at `end`; undefined if none does. */
export function findLineInside(bytes: Buffer, start: number, end: number, seed: number): number | undefined {
  const stretch = bytes.subarray(start, end);
  let before = stretch.byteLength;
  for (let tries = 0; tries < OPENINGS_MAX && before > 0; tries++) {
    before = stretch.lastIndexOf(OPENING, before - 1);
    if (before <= 0) return undefined;
    if (decodeLine(stretch, before, stretch.byteLength, seed) !== undefined) return start + before;
  }
  return undefined;
}

export interface LineScan {
  found: boolean;
  /** Behind the last whole line that was looked at. */
  scannedTo: number;
}

/**
 * Looks from an offset on for a line that verifies and is wanted. Reads in pieces, grown up to `chunkBytesMax` where
 * there is no line feed.
 */
export async function scanForLine(
  file: DiskFile,
  from: number,
  seed: number,
  chunkBytesMax: number,
  wanted: (line: Line) => boolean,
): Promise<LineScan> {
  let scannedTo = from;
  let chunkBytes = 64 * 1024;
  for (;;) {
    const buffer = Buffer.allocUnsafe(chunkBytes);
    const chunk = buffer.subarray(0, await file.read(buffer, scannedTo));
    let at = 0;
    for (let end = chunk.indexOf(LINE_FEED); end >= 0; end = chunk.indexOf(LINE_FEED, at)) {
      const line =
        decodeLine(chunk, at, end, seed) ??
        decodeLine(chunk, findLineInside(chunk, at, end, seed) ?? end, end, seed);
      if (line !== undefined && wanted(line)) return { found: true, scannedTo: scannedTo + end + 1 };
      at = end + 1;
    }
    if (at === 0 && chunk.byteLength < chunkBytes) return { found: false, scannedTo };
    if (at === 0 && chunkBytes >= chunkBytesMax) at = chunk.byteLength;
    if (at === 0) chunkBytes = Math.min(chunkBytes * 2, chunkBytesMax);
    scannedTo += at;
  }
}
