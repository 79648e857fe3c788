// Whether a writer is gone: what proves it, what only suggests it, and what a reader does meanwhile.
import t from "tap";
import { checksumSeed, encodeSingleLine, FRAME_BYTES_MAX } from "./frame.js";
import { parseSegmentName } from "./segment-name.js";
import {
  createSmallSpool,
  damageNotes,
  indexes,
  MINUTE,
  payload,
  quiet,
  readAll,
} from "./testing/small-spool.js";
import type { SmallSpool } from "./testing/small-spool.js";
import { createWriterWatch } from "./writer-watch.js";
import type { UntimedWriter } from "./writer.js";

/** A live segment with a line, and its spare. */
async function write(): Promise<{ spool: SmallSpool; writer: UntimedWriter; live: string; spare: string }> {
  const spool = createSmallSpool();
  const writer = await spool.openWriter({ segmentAgeMs: 60 * MINUTE });
  await writer.append([payload(1)]);
  await quiet();
  const [live = "", spare = ""] = await spool.segments();
  return { spool, writer, live, spare };
}

function add(spool: SmallSpool, name: string, bytes: Buffer | string): void {
  spool.disk.corrupt(spool.path(name), (before) => Buffer.concat([before, Buffer.from(bytes)]));
}

/** What is known of the writer of the first segment, with fresh eyes. */
async function stateOfFirst(spool: SmallSpool): Promise<string> {
  const { disk, clock, layout } = spool;
  const watch = createWriterWatch(disk, clock, {
    directory: layout.segments,
    writerSilenceMs: 15 * MINUTE,
    lineBytesMax: 4096 + FRAME_BYTES_MAX,
  });
  const segments = (await spool.segments()).flatMap((name) => parseSegmentName(name) ?? []);
  const [first] = segments;
  return first === undefined ? "" : watch.stateOf(first, segments);
}

const line = (name: string, sequence: number, index: number): Buffer =>
  encodeSingleLine(checksumSeed(name), "data", sequence, payload(index));

await t.test(
  "a line that verifies in a later segment proves that the writer is done with the earlier one",
  async (t) => {
    const { spool, spare } = await write();
    t.equal(await stateOfFirst(spool), "writing");
    add(spool, spare, line(spare, 1, 2));
    t.equal(await stateOfFirst(spool), "gone");
  },
);

await t.test("so does a seal", async (t) => {
  const { spool, spare } = await write();
  add(spool, spare, encodeSingleLine(checksumSeed(spare), "seal", 1, Buffer.from("{}")));
  t.equal(await stateOfFirst(spool), "gone");
});

await t.test("so does a line behind damage, however long", async (t) => {
  const { spool, spare } = await write();
  add(spool, spare, Buffer.concat([Buffer.alloc(200_000, "x"), Buffer.from("\n"), line(spare, 2, 2)]));
  t.equal(await stateOfFirst(spool), "gone");
});

for (const [what, bytes] of [
  ["nothing", ""],
  ["bytes of somebody else", "hello\n"],
  ["a line of another segment", encodeSingleLine(1, "data", 1, payload(1))],
  ["half a line", '{"crc":"00000000","n":1,"d":'],
] as const) {
  await t.test(`${what} in the spare proves nothing, and after a long silence suggests it`, async (t) => {
    const { spool, spare } = await write();
    add(spool, spare, bytes);
    t.equal(await stateOfFirst(spool), "writing");
    spool.clock.advance(15 * MINUTE);
    t.equal(await stateOfFirst(spool), "writing", "not before its time");
    spool.clock.advance(1);
    t.equal(await stateOfFirst(spool), bytes === "" ? "silent" : "gone");
  });
}

await t.test("a writer that is only silent may wake up: that is never remembered", async (t) => {
  const { spool, writer } = await write();
  const reader = spool.openReader();
  await readAll(reader);
  spool.clock.advance(16 * MINUTE);
  await readAll(reader);
  await writer.check();
  spool.clock.advance(1_000);
  t.equal(await stateOfFirst(spool), "writing");
  await writer.close();
});

await t.test("a later segment that cannot be read proves nothing, and those behind it do", async (t) => {
  const { spool, writer } = await write();
  await writer.append([payload(2, 1100)]);
  await writer.append([payload(3, 1100)]);
  await writer.append([payload(4)]);
  spool.disk.inject({ operation: "open", failure: "EACCES", path: "000001", times: 10 });
  t.equal(await stateOfFirst(spool), "gone");
  await writer.close();
});

await t.test(
  "a torn tail is told after the silence and the grace, once, and the reader stays where it is",
  async (t) => {
    const { spool, live } = await write();
    const reader = spool.openReader();
    await readAll(reader);
    add(spool, live, '{"crc":"00000');
    spool.clock.advance(16 * MINUTE);
    t.strictSame(await readAll(reader), [], "it is seen for the first time");
    spool.clock.advance(2_000);
    const items = await readAll(reader);
    t.strictSame(damageNotes(items), ["torn_tail 13"]);
    t.equal([...reader.positions().values()][0]?.segment, live);
    // What the writer appends after all is read, though its spare stands there.
    add(spool, live, Buffer.concat([Buffer.from("\n"), line(live, 2, 2)]));
    await readAll(reader);
    spool.clock.advance(2_000);
    t.ok(indexes(await readAll(reader)).includes(2));
  },
);

await t.test("a tail that still grows is not torn, however long the silence seemed", async (t) => {
  const { spool, live } = await write();
  const reader = spool.openReader();
  await readAll(reader);
  spool.clock.advance(16 * MINUTE);
  const whole = line(live, 2, 2);
  for (let at = 0; at < whole.byteLength; at++) {
    add(spool, live, whole.subarray(at, at + 1));
    // The time of the last write stays as old as it was: the worst case.
    const items = await readAll(reader);
    t.strictSame(damageNotes(items), []);
    if (at === whole.byteLength - 1) t.strictSame(indexes(items), [2]);
    spool.clock.advance(1_500);
  }
});

await t.test("a clock that jumps makes no line of a living writer torn or lost", async (t) => {
  const { spool, writer } = await write();
  const reader = spool.openReader();
  const read = indexes(await readAll(reader));
  for (let index = 2; index < 20; index++) {
    spool.clock.jump(index % 3 === 0 ? -30 * MINUTE : 25 * 60 * MINUTE);
    const append = writer.append([payload(index)]);
    const items = await readAll(reader);
    await append;
    items.push(...(await readAll(reader)));
    t.strictSame(damageNotes(items), []);
    read.push(...indexes(items));
  }
  t.strictSame(
    read,
    Array.from({ length: 19 }, (_, index) => index + 1),
  );
  await writer.close();
});

await t.test("an instance whose writer died costs no open file while it rests", async (t) => {
  const { spool } = await write();
  const reader = spool.openReader();
  await readAll(reader);
  spool.clock.advance(16 * MINUTE);
  await readAll(reader);
  const before = spool.disk.calls.length;
  await readAll(reader);
  t.strictSame(
    spool.disk.calls.slice(before).filter(({ operation }) => operation === "open"),
    [],
  );
});
