/** The first line of a segment, which says what the name says, and the last, which says that nothing follows. */
import { encodeSingleLine, payloadOf } from "./frame.js";
import type { Line } from "./frame.js";

/** The version of FORMAT.md that this code writes. A reader refuses no version: every line verifies by itself. */
const FORMAT_VERSION = 1;

export function encodeHeader(segment: string, seed: number, createdAt: number): Buffer {
  const header = { format: FORMAT_VERSION, segment, created: new Date(createdAt).toISOString() };
  return encodeSingleLine(seed, "header", 0, Buffer.from(JSON.stringify(header)));
}

/** How many bytes the header of a segment takes: the same whatever the time. */
export function headerBytes(segment: string): number {
  return encodeHeader(segment, 0, 0).byteLength;
}

/** The seal behind so many lines and bytes. */
export function encodeSeal(
  seed: number,
  { sequence, lines, bytes }: { sequence: number; lines: number; bytes: number },
): Buffer {
  return encodeSingleLine(seed, "seal", sequence, Buffer.from(JSON.stringify({ lines, bytes })));
}

/** True if the seal, which stands at `offset`, states the lines and bytes before it. */
export function sealAgrees(line: Line, offset: number): boolean {
  try {
    const seal: unknown = JSON.parse(payloadOf(line).toString("utf8"));
    if (typeof seal !== "object" || seal === null || !("lines" in seal) || !("bytes" in seal)) return false;
    return seal.lines === line.sequence - 1 && seal.bytes === offset;
  } catch {
    return false;
  }
}
