/** What tests do to the files of a spool behind the back of everybody. */
import { open, readdir, readFile, stat, truncate, utimes } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseSegment } from "../torture/segment-parser.js";

const WAIT_INTERVAL_MS = 50;
const WAIT_TIMEOUT_MS = 30_000;

export function segmentPath(spool: string, name: string): string {
  return join(spool, "segments", name);
}

/** Names of the segments of one instance, or of all, in order. */
export async function segmentsOf(spool: string, instance = ""): Promise<string[]> {
  const names = await readdir(join(spool, "segments"));
  return names.filter((name) => name.includes(`-${instance}`)).sort();
}

/** Resolves once the segments of the instance are as wanted; rejects if that takes too long. */
export async function awaitSegments(
  spool: string,
  instance: string,
  matches: (names: readonly string[]) => boolean,
): Promise<string[]> {
  const deadline = performance.now() + WAIT_TIMEOUT_MS;
  for (;;) {
    const names = await segmentsOf(spool, instance);
    if (matches(names)) return names;
    if (performance.now() > deadline) throw new Error(`the segments stay as they are: ${names.join(", ")}`);
    await delay(WAIT_INTERVAL_MS);
  }
}

/** Takes the seal away, as if the writer had been killed before it could write it. */
export async function unseal(spool: string, name: string): Promise<void> {
  const path = segmentPath(spool, name);
  const seal = parseSegment(name, await readFile(path)).lines.find(({ kind }) => kind === "seal");
  if (seal === undefined) throw new Error(`${name} has no seal`);
  await truncate(path, seal.offset);
}

/** Appends bytes that are no line. */
export async function appendBytes(spool: string, name: string, bytes: Uint8Array): Promise<void> {
  const file = await open(segmentPath(spool, name), "a");
  try {
    await file.write(bytes);
  } finally {
    await file.close();
  }
}

/** Where the data lines of the segment stand. */
export async function linesOf(spool: string, name: string): Promise<{ offset: number; length: number }[]> {
  const bytes = await readFile(segmentPath(spool, name));
  const { lines } = parseSegment(name, bytes);
  return lines
    .filter(({ kind }) => kind === "data")
    .map(({ offset }) => ({ offset, length: bytes.indexOf("\n", offset) + 1 - offset }));
}

/** Flips one bit of the segment. */
export async function flipBit(spool: string, name: string, offset: number): Promise<void> {
  const file = await open(segmentPath(spool, name), "r+");
  try {
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, offset);
    byte.writeUInt8(byte.readUInt8(0) ^ 0x04);
    await file.write(byte, 0, 1, offset);
  } finally {
    await file.close();
  }
}

/** Makes the segment look as if it was last written so long ago. */
export async function age(spool: string, name: string, ms: number): Promise<void> {
  const path = segmentPath(spool, name);
  const { atime } = await stat(path);
  await utimes(path, atime, new Date(Date.now() - ms));
}
