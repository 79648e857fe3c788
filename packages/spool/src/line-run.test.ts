import t from "tap";
import { checksumSeed, decodeLine, encodeSingleLine } from "./frame.js";
import type { Line } from "./frame.js";
import { LineRun } from "./line-run.js";
import { StoredLine } from "./spool-line.js";

const SEED = checksumSeed("segment");
const PLACE = { instance: "instance", segment: "segment" };
const OFFSET = 1_000;
const FIRST = 41;

/** Bytes in which the lines of these payloads stand behind `before` others. */
function linesOf(payloads: readonly string[], before: number): { source: Buffer; starts: number[] } {
  const parts: Buffer[] = [Buffer.alloc(before, "x")];
  const starts: number[] = [];
  let end = before;
  for (const [index, payload] of payloads.entries()) {
    const line = encodeSingleLine(SEED, "data", FIRST + index, Buffer.from(payload));
    starts.push(end);
    parts.push(line);
    end += line.byteLength;
  }
  return { source: Buffer.concat(parts), starts: [...starts, end] };
}

function decode(source: Buffer, start: number, end: number): Line {
  const line = decodeLine(source, start, end - 1, SEED);
  if (line === undefined) throw new Error("no line");
  return line;
}

await t.test("the lines of a run are what they are by themselves", async (t) => {
  const payloads = Array.from({ length: 100 }, (_, index) => `{"text":"${"é".repeat(index % 7)}"}`);
  const { source, starts } = linesOf(payloads, 17);
  const run = new LineRun(source, 17, PLACE, OFFSET, FIRST);
  const alone: StoredLine[] = [];
  for (const index of payloads.keys()) {
    const [start = 0, end = 0] = starts.slice(index);
    const line = decode(source, start, end);
    t.ok(index === 0 || run.continuesAt(source, start, line.sequence));
    run.add(line);
    alone.push(new StoredLine(line, PLACE, OFFSET + start - 17, end - start));
  }
  t.equal(run.count, 100);
  t.equal(run.length, source.byteLength - 17);
  for (const [index, line] of run.lines().entries()) {
    const { payload, position, next, length } = alone[index] ?? line;
    t.same(
      [line.payload.toString(), line.position, line.next, line.length],
      [payload.toString(), position, next, length],
    );
    t.equal(line.payload.toString(), payloads[index]);
    t.same(run.nextOf(index), next);
  }
});

await t.test("a run ends where its bytes, their order or their numbers do", async (t) => {
  const { source, starts } = linesOf(["1", "2", "3"], 0);
  const [first = 0, second = 0, third = 0] = starts;
  const run = new LineRun(source, first, PLACE, OFFSET, FIRST);
  run.add(decode(source, first, second));
  t.ok(run.continuesAt(source, second, FIRST + 1));
  t.notOk(run.continuesAt(Buffer.from(source), second, FIRST + 1), "other bytes");
  t.notOk(run.continuesAt(source, third, FIRST + 1), "something stands between them");
  t.notOk(run.continuesAt(source, second, FIRST + 2), "a number is missing");
});
