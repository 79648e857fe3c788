// Memory that is read into is used again when it was given back, and never before.
import t from "tap";
import { ReadMemory, READ_BYTES_MAX } from "./read-memory.js";
import { itemsOf } from "./spool-piece.js";
import type { SpoolPiece } from "./spool-piece.js";
import { createSmallSpool, indexes, payload } from "./testing/small-spool.js";

const KIB = 1024;
const LINES = 3_000;
/** Of one line: so that the spool takes several of the largest reads. */
const LINE_BYTES = 2 * KIB;

function memoriesOf(pieces: readonly SpoolPiece[]): Set<ArrayBufferLike> {
  return new Set(pieces.flatMap((piece) => (piece.type === "lines" ? [piece.source.buffer] : [])));
}

await t.test("what was read stays as it is until it is given back", async (t) => {
  const spool = createSmallSpool();
  const room = {
    segmentBytesMax: 64 * KIB * KIB,
    spoolBytesMax: 64 * KIB * KIB,
    queueBytesMax: 16 * KIB * KIB,
  };
  const writer = await spool.openWriter(room);
  await writer.append(Array.from({ length: LINES }, (_, index) => payload(index, LINE_BYTES)));
  const reader = spool.openReader();
  const windows: SpoolPiece[][] = [];
  for (;;) {
    const pieces = await reader.readPieces({ linesMax: 10_000, bytesMax: 2 * KIB * KIB });
    if (pieces.length === 0) break;
    windows.push(pieces);
  }
  const all = windows.flat();
  const inOrder = Array.from({ length: LINES }, (_, index) => index);
  t.strictSame(indexes(itemsOf(all)), inOrder, "no read disturbed what was read before");
  reader.reuse(all);
  await reader.seek(new Map());
  let [used, other] = [0, 0];
  const before = memoriesOf(all);
  for (;;) {
    const pieces = await reader.readPieces({ linesMax: 10_000, bytesMax: 2 * KIB * KIB });
    if (pieces.length === 0) break;
    for (const memory of memoriesOf(pieces)) {
      if (memory.byteLength < READ_BYTES_MAX) continue;
      if (before.has(memory)) used += 1;
      else other += 1;
    }
  }
  t.ok(used > 2, "what was given back is used");
  t.equal(other, 0, "before anything else");
  await writer.close();
});

await t.test("memory is kept once, and only what is worth it", async (t) => {
  const memory = new ReadMemory();
  const large = memory.take(READ_BYTES_MAX);
  memory.giveBack(large);
  memory.giveBack(large.subarray(10));
  const [first, second] = [memory.take(READ_BYTES_MAX), memory.take(READ_BYTES_MAX)];
  t.equal(first.buffer, large.buffer);
  t.not(second.buffer, large.buffer, "given back twice it is lent once");
  const small = memory.take(64 * KIB);
  memory.giveBack(small);
  t.not(memory.take(READ_BYTES_MAX).buffer, small.buffer);
});
