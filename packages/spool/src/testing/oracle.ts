/**
 * What must come out of damaged segments, worked out from the whole ones without the code under test: lines are
 * split at line feeds, and a line is damaged if any of its bytes was changed.
 */
import { strict as assert } from "node:assert";
import type { SpoolItem } from "../spool-piece.js";

export interface OracleLine {
  segment: string;
  start: number;
  /** Behind the line feed. */
  end: number;
  /** Undefined for a header or seal. */
  payload: string | undefined;
}

/** The lines of a whole segment. */
export function splitLines(segment: string, bytes: Buffer): OracleLine[] {
  const lines: OracleLine[] = [];
  for (let start = 0; start < bytes.byteLength;) {
    const end = bytes.indexOf("\n", start) + 1;
    assert(end > 0, "the segment is whole");
    const record = JSON.parse(bytes.toString("utf8", start, end)) as { d?: unknown };
    const payload = "d" in record ? JSON.stringify(record.d) : undefined;
    lines.push({ segment, start, end, payload });
    start = end;
  }
  return lines;
}

/** Bytes [start, end) of a segment that were changed, or cut off. */
export interface Change {
  segment: string;
  start: number;
  end: number;
  cut?: boolean;
}

/**
 * Asserts that every line without a changed byte came out, once and in order; that nothing else came out but lines
 * that were written; and that damage covers changed lines alone, and each byte of those that did not come out.
 */
export function assertOnlyDamageIsLost(
  lines: readonly OracleLine[],
  changes: readonly Change[],
  items: readonly SpoolItem[],
): void {
  const came = assertNothingInvented(lines, items);
  const covered = coveredBytes(items);
  for (const line of lines) {
    const changed = changes.filter(
      ({ segment, start, end }) => segment === line.segment && start < line.end && line.start < end,
    );
    const isOut = line.payload !== undefined && came.has(line.payload);
    const cutAt = Math.min(line.end, ...changed.filter(({ cut }) => cut === true).map(({ start }) => start));
    const length = Math.max(0, cutAt - line.start);
    const count = countWithin(covered.get(line.segment), line);
    const name = `${line.payload ?? "the control line"} at ${line.start}`;
    if (changed.length === 0) {
      assert(line.payload === undefined || isOut, `${name} was not damaged and did not come out`);
      assert.equal(count, 0, `${name} was not damaged and is covered by damage`);
    } else if (changed.every(({ start }) => start === line.end - 1)) {
      // Only its line feed is damaged: the line may come out all the same.
      assert(
        isOut || count === length || (line.payload === undefined && count < 2),
        `${name} lost its line feed`,
      );
    } else {
      assert(isOut || count === length, `damage covers ${count} of ${length} bytes of ${name}`);
    }
  }
}

/** The payloads that came out, each once and in the order in which they were written. */
function assertNothingInvented(
  lines: readonly OracleLine[],
  items: readonly SpoolItem[],
): ReadonlySet<string> {
  const came = new Set<string>();
  let last = -1;
  for (const item of items) {
    if (item.type !== "line") continue;
    const payload = item.payload.toString("utf8");
    const index = lines.findIndex((line) => line.payload === payload);
    assert(index >= 0, `${payload} was never written`);
    assert(index > last, `${payload} came again or out of order`);
    last = index;
    came.add(payload);
  }
  return came;
}

/** Which bytes of each segment are damage, none of them twice. */
function coveredBytes(items: readonly SpoolItem[]): ReadonlyMap<string, ReadonlySet<number>> {
  const covered = new Map<string, Set<number>>();
  for (const item of items) {
    if (item.type !== "damage") continue;
    const bytes = covered.get(item.position.segment) ?? new Set();
    covered.set(item.position.segment, bytes);
    for (let at = item.position.offset; at < item.position.offset + item.length; at++) {
      assert(!bytes.has(at), `byte ${at} is damage twice`);
      bytes.add(at);
    }
  }
  return covered;
}

function countWithin(bytes: ReadonlySet<number> | undefined, { start, end }: OracleLine): number {
  let count = 0;
  for (let at = start; at < end; at++) if (bytes?.has(at) === true) count += 1;
  return count;
}
