/**
 * The names of segments: `<created, 13 digits>-<instance, 32 hexadecimal digits>-<number, 6 digits>.ndjson`.
 *
 * The name is the identity of a segment. Inode numbers are not: ext4 gives a freed one to the very next file.
 * `number` orders the segments of one instance; `created` (milliseconds since the epoch) is for people.
 */
import type { Instance } from "./position.js";

export interface SegmentName {
  /** The file name itself. */
  name: string;
  createdAt: number;
  instance: Instance;
  /** 0 for the first segment of an instance, then one more each. */
  number: number;
}

const PATTERN = /^(\d{13})-([0-9a-f]{32})-(\d{6,12})\.ndjson$/;

export function segmentName(createdAt: number, instance: Instance, number: number): string {
  return `${String(createdAt).padStart(13, "0")}-${instance}-${String(number).padStart(6, "0")}.ndjson`;
}

/** The parts of a segment's name, or undefined for any other file. */
export function parseSegmentName(name: string): SegmentName | undefined {
  const match = PATTERN.exec(name);
  if (match === null) return undefined;
  const [, createdAt, instance, number] = match;
  if (createdAt === undefined || instance === undefined || number === undefined) return undefined;
  return { name, createdAt: Number(createdAt), instance, number: Number(number) };
}

/** Groups the segments among `names` by instance, each group in the order in which it was written. */
export function groupSegments(names: readonly string[]): Map<Instance, SegmentName[]> {
  const groups = new Map<Instance, SegmentName[]>();
  for (const name of names) {
    const segment = parseSegmentName(name);
    if (segment === undefined) continue;
    const group = groups.get(segment.instance);
    if (group === undefined) groups.set(segment.instance, [segment]);
    else group.push(segment);
  }
  for (const group of groups.values()) group.sort((a, b) => a.number - b.number);
  return groups;
}
