/**
 * Reads the segments of a spool as FORMAT.md states them, with no code of the product: what it finds is evidence
 * for and against the product.
 *
 * Invariant: it judges nothing by time and waits for nothing; it is meant for a spool at rest.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { checksum } from "./checksum.js";

export interface StoredLine {
  readonly kind: "data" | "header" | "seal";
  /** The number in the line. */
  readonly number: number;
  readonly offset: number;
  readonly payload: Buffer;
}

/** Bytes that are no line of their segment, or a line that is not in its place. */
export interface Blemish {
  readonly reason: "torn_tail" | "bad_line" | "zero_bytes" | "hole" | "repeated" | "behind_seal" | "bad_seal";
  readonly segment: string;
  readonly offset: number;
  readonly length: number;
  /** It reaches to the end of the file: what a crash may leave behind. */
  readonly atEnd: boolean;
}

export interface StoredSegment {
  readonly name: string;
  readonly instance: string;
  /** The number in the name. */
  readonly number: number;
  readonly bytes: number;
  readonly sealed: boolean;
  readonly lines: readonly StoredLine[];
  readonly blemishes: readonly Blemish[];
}

const LINE_FEED = 0x0a;
const CHECKED_FROM = 18;
const NAME = /^\d{13}-([0-9a-f]{32})-(\d{6,})\.ndjson$/;
const START = /^\{"crc":"([0-9a-f]{8})",$/;
const MEMBERS = [
  ["data", /^"n":(\d+),"d":/],
  ["header", /^"n":(\d+),"header":/],
  ["seal", /^"n":(\d+),"seal":/],
] as const;

/** Every segment in `<directory>/segments`, in the order of instance and number; none if the folder is not there. */
export async function parseSpool(directory: string): Promise<StoredSegment[]> {
  const folder = join(directory, "segments");
  const segments: StoredSegment[] = [];
  for (const name of await readdir(folder).catch(noneIfMissing)) {
    if (NAME.test(name)) segments.push(parseSegment(name, await readFile(join(folder, name))));
  }
  return segments.sort((a, b) =>
    a.instance === b.instance ? a.number - b.number : a.instance < b.instance ? -1 : 1,
  );
}

function noneIfMissing(error: unknown): string[] {
  if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
  throw error;
}

export function parseSegment(name: string, bytes: Buffer): StoredSegment {
  const [, instance = "", number = "0"] = NAME.exec(name) ?? [];
  const seed = checksum(Buffer.from(name));
  const lines: StoredLine[] = [];
  const blemishes: Blemish[] = [];
  const blemish = (reason: Blemish["reason"], offset: number, end: number): void => {
    const atEnd = end === bytes.length;
    blemishes.push({ reason, segment: name, offset, length: end - offset, atEnd });
  };
  let next = 0;
  let sealed = false;
  for (let offset = 0; offset < bytes.length;) {
    const feed = bytes.indexOf(LINE_FEED, offset);
    const end = feed < 0 ? bytes.length : feed + 1;
    const line = feed < 0 ? undefined : parseLine(bytes, offset, feed, seed);
    if (sealed) blemish("behind_seal", offset, end);
    else if (line === undefined) blemish(reasonFor(bytes.subarray(offset, end), feed < 0), offset, end);
    if (line !== undefined) {
      if (line.number > next) blemish("hole", offset, end);
      if (line.number < next) blemish("repeated", offset, end);
      if (line.kind === "seal" && !sealFits(line, lines)) blemish("bad_seal", offset, end);
      next = line.number + 1;
      sealed ||= line.kind === "seal";
      lines.push(line);
    }
    offset = end;
  }
  return { name, instance, number: Number(number), bytes: bytes.length, sealed, lines, blemishes };
}

/** The line in `[offset, feed)`, or undefined if it is none of the segment with this seed. */
function parseLine(bytes: Buffer, offset: number, feed: number, seed: number): StoredLine | undefined {
  const [, stored] = START.exec(bytes.toString("latin1", offset, offset + CHECKED_FROM)) ?? [];
  const checked = bytes.subarray(offset + CHECKED_FROM, feed);
  if (stored === undefined || Number.parseInt(stored, 16) !== checksum(checked, seed)) return undefined;
  const head = checked.toString("latin1", 0, 40);
  for (const [kind, pattern] of MEMBERS) {
    const [prefix, number] = pattern.exec(head) ?? [];
    if (prefix === undefined) continue;
    return {
      kind,
      number: Number(number),
      offset,
      payload: checked.subarray(prefix.length, checked.length - 1),
    };
  }
  return undefined;
}

function reasonFor(bytes: Buffer, isTail: boolean): Blemish["reason"] {
  if (bytes.every((byte) => byte === 0)) return "zero_bytes";
  return isTail ? "torn_tail" : "bad_line";
}

function sealFits(seal: StoredLine, before: readonly StoredLine[]): boolean {
  const { lines, bytes } = JSON.parse(seal.payload.toString()) as { lines?: unknown; bytes?: unknown };
  return lines === before.filter(({ kind }) => kind === "data").length && bytes === seal.offset;
}
