// What is deleted, what never is, and in what order the disk is told. Each condition has the case that it excludes.
import t from "tap";
import type { Position, Positions } from "./position.js";
import { keepSegment } from "./quarantine.js";
import { readSpoolIdentity } from "./identity.js";
import {
  callNotes,
  createSmallSpool,
  HOUR,
  indexes,
  MINUTE,
  payload,
  positionsAfter,
  quiet,
  readAll,
} from "./testing/small-spool.js";
import type { SmallSpool } from "./testing/small-spool.js";
import type { UntimedWriter } from "./writer.js";

interface Filled {
  spool: SmallSpool;
  writer: UntimedWriter;
  segments: string[];
  /** Everything is consumed. */
  consumed: Positions;
}

/** Three sealed segments with a line each, a live one with a line, and a spare. */
async function fill(): Promise<Filled> {
  const spool = createSmallSpool();
  await readSpoolIdentity(spool.disk, spool.layout);
  const writer = await spool.openWriter({ segmentBytesMax: 200 });
  for (let index = 0; index < 4; index++) await writer.append([payload(index, 60)]);
  await quiet();
  const consumed = positionsAfter(await readAll(spool.openReader()));
  return { spool, writer, segments: await spool.segments(), consumed };
}

/** The same, with everything sealed, and a day and more ago. */
async function fillAndWait(): Promise<Filled> {
  const filled = await fill();
  await filled.writer.close();
  filled.spool.clock.advance(25 * HOUR);
  return filled;
}

const numbers = (names: readonly string[]): number[] =>
  names.map((name) => Number(name.slice(-13, -7))).toSorted((a, b) => a - b);
const only = (positions: Positions): [string, Position] =>
  [...positions][0] ?? ["", { segment: "", offset: 0, sequence: 0 }];

await t.test("what is consumed, sealed and past its retention is deleted", async (t) => {
  const { spool, consumed } = await fillAndWait();
  const report = await spool.prune(consumed);
  t.strictSame(numbers(report.pruned.map(({ segment }) => segment)), [0, 1, 2, 3, 4]);
  t.match(report, { pruned: [{ reason: "retention", bytes: Number }], overdue: [], kept: [], failed: [] });
  t.strictSame(await spool.segments(), []);
});

await t.test("age alone deletes nothing: what is old and not consumed is reported", async (t) => {
  const { spool, segments } = await fillAndWait();
  spool.clock.advance(1_000 * HOUR);
  const report = await spool.prune(new Map());
  t.strictSame(
    report.pruned.map(({ segment }) => segment),
    [segments[4]],
    "but for a spare without a line",
  );
  t.strictSame(numbers(report.overdue.map(({ segment }) => segment)), [0, 1, 2, 3]);
  t.match(report.overdue[0], { ageMs: 1_025 * HOUR, bytes: Number });
  t.strictSame(indexes(await readAll(spool.openReader())), [0, 1, 2, 3]);
});

await t.test("consumption alone deletes nothing before the retention", async (t) => {
  const { spool, writer, consumed } = await fill();
  await writer.close();
  spool.clock.advance(24 * HOUR - 1);
  t.strictSame((await spool.prune(consumed)).pruned, []);
  spool.clock.advance(1);
  t.equal((await spool.prune(consumed)).pruned.length, 5);
});

await t.test("a segment with one line that is not consumed stays, and those before it go", async (t) => {
  const { spool, segments, consumed } = await fillAndWait();
  const items = await readAll(spool.openReader());
  const half = positionsAfter(items.slice(0, 2));
  t.strictSame(numbers((await spool.prune(half)).pruned.map(({ segment }) => segment)), [0, 1, 4]);
  t.strictSame(await spool.segments(), segments.slice(2, 4));
  t.equal((await spool.prune(consumed)).pruned.length, 2);
});

await t.test("a position in the middle of a segment keeps it, even if what is left is damaged", async (t) => {
  const { spool, segments, consumed } = await fillAndWait();
  const [instance] = only(consumed);
  const middle = new Map([[instance, { segment: segments[3] ?? "", offset: 157, sequence: 1 }]]);
  spool.disk.corrupt(spool.path(segments[3] ?? ""), (bytes) => bytes.fill(0x21, 170, 180));
  await spool.prune(middle);
  t.ok((await spool.segments()).includes(segments[3] ?? ""));
});

await t.test(
  "the segment of a living writer stays, however old its last write seems, until it was silent",
  async (t) => {
    const { spool, writer, segments, consumed } = await fill();
    for (let minute = 0; minute < 25 * 60; minute++) {
      spool.clock.advance(MINUTE);
      await writer.check();
    }
    const report = await spool.prune(consumed);
    const left = await spool.segments();
    t.ok(left.includes(segments[4] ?? ""), "the spare is touched");
    t.ok(report.pruned.length >= 3);
    await writer.append([payload(9)]);
    await writer.close();
    t.ok(indexes(await readAll(spool.openReader(consumed))).includes(9));
  },
);

await t.test("what a writer that died left unsealed goes after the retention and the silence", async (t) => {
  for (const [retentionMs, silence] of [
    [24 * HOUR, 24 * HOUR],
    [MINUTE, 15 * MINUTE],
  ] as const) {
    const { spool, segments, consumed } = await fill();
    spool.clock.advance(silence - 1);
    await spool.prune(consumed, { retentionMs });
    t.ok((await spool.segments()).includes(segments[3] ?? ""), "not before");
    spool.clock.advance(1);
    await spool.prune(consumed, { retentionMs });
    t.strictSame(await spool.segments(), [], "the spare with it");
  }
});

await t.test(
  "a writer that wakes up after its segment was deleted finds out before it acknowledges",
  async (t) => {
    const { spool, writer, consumed } = await fill();
    spool.clock.jump(25 * HOUR);
    await spool.prune(consumed);
    t.strictSame(await spool.segments(), []);
    const acknowledged: number[] = [];
    for (let index = 10; index < 13; index++) {
      await writer.append([payload(index)]).then(
        () => acknowledged.push(index),
        () => undefined,
      );
    }
    t.ok(acknowledged.length > 0);
    t.strictSame(indexes(await readAll(spool.openReader())), acknowledged);
    await writer.close();
  },
);

await t.test(
  "where room is short consumed segments go before their retention, the oldest first, and no more than needed",
  async (t) => {
    const { spool, segments, consumed } = await fill();
    const sizes = segments.map((name) => spool.disk.contents(spool.path(name)).byteLength);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    // One less than all would be enough.
    const spoolBytesMax = (total - (sizes[0] ?? 0)) / 0.8;
    const report = await spool.prune(consumed, { spoolBytesMax });
    t.match(report.pruned, [{ segment: segments[0], reason: "room" }]);
    t.equal(report.pruned.length, 1);
    spool.disk.setCapacity(spool.disk.usedBytes() + 10_000);
    t.equal(
      (await spool.prune(consumed, { freeBytesMin: 9_000 })).pruned.length,
      2,
      "all that are done with",
    );
    t.ok((await spool.segments()).includes(segments[3] ?? ""), "never the live one");
  },
);

await t.test("what is not consumed never goes to make room", async (t) => {
  const { spool, segments } = await fill();
  t.strictSame((await spool.prune(new Map(), { spoolBytesMax: 1 })).pruned, []);
  t.strictSame(await spool.segments(), segments);
});

await t.test("a mark keeps its segment until a person removes it", async (t) => {
  const { spool, segments, consumed } = await fillAndWait();
  const [, marked = ""] = segments;
  await keepSegment(spool.disk, spool.layout, marked, "look at this");
  t.strictSame((await spool.prune(consumed, { spoolBytesMax: 1 })).kept, [marked]);
  t.strictSame(await spool.segments(), [marked]);
  await spool.disk.remove(`${spool.layout.quarantine}/${marked}.keep`);
  t.equal((await spool.prune(consumed)).pruned.length, 1);
});

/** What may happen between the judgement and the deletion: when the pruner looks for the mark of the first segment. */
const CHANGES: [string, (filled: Filled) => unknown][] = [
  [
    "grew",
    ({ spool, segments }) =>
      spool.disk.corrupt(spool.path(segments[0] ?? ""), (bytes) => Buffer.concat([bytes, Buffer.from("x")])),
  ],
  [
    "was touched",
    ({ spool, segments }) => spool.disk.touch(spool.path(segments[0] ?? ""), spool.clock.now()),
  ],
  [
    "was replaced",
    async ({ spool, segments }) => {
      const path = spool.path(segments[0] ?? "");
      const bytes = spool.disk.contents(path);
      const { modifiedAt } = await spool.disk.status(path);
      await spool.disk.remove(path);
      const file = await spool.disk.create(path);
      await file.write(bytes);
      await spool.disk.touch(path, modifiedAt);
    },
  ],
  ["was marked", ({ spool, segments }) => keepSegment(spool.disk, spool.layout, segments[0] ?? "", "")],
];

for (const [what, change] of CHANGES) {
  await t.test(`a segment that ${what} after it was judged is not deleted`, async (t) => {
    const filled = await fillAndWait();
    const { spool, segments, consumed } = filled;
    spool.disk.inject({ operation: "status", failure: "hang", path: ".keep" });
    const pruning = spool.prune(consumed);
    await quiet();
    // The pruner waits for its look at the mark.
    const waiting = spool.disk.calls.at(-1);
    t.match(waiting, { operation: "status", path: /000000\.ndjson\.keep$/ });
    await change(filled);
    spool.disk.release();
    t.strictSame(numbers((await pruning).pruned.map(({ segment }) => segment)), [1, 2, 3, 4]);
    t.strictSame(await spool.segments(), segments.slice(0, 1));
  });
}

await t.test("a segment that cannot be deleted or looked at is reported and holds up no other", async (t) => {
  const { spool, segments, consumed } = await fillAndWait();
  spool.disk.inject({ operation: "remove", failure: "EACCES", path: "000000" });
  spool.disk.inject({ operation: "open", failure: "EIO", path: "000003" });
  const report = await spool.prune(consumed);
  t.match(report.failed, [{ segment: segments[0], reason: "EACCES" }]);
  t.strictSame(numbers(report.pruned.map(({ segment }) => segment)), [1, 2, 4]);
  t.equal((await spool.prune(consumed)).pruned.length, 2);
});

await t.test("a position of another instance deletes nothing", async (t) => {
  const { spool, segments } = await fillAndWait();
  const strange = { segment: `1763938500123-${"a".repeat(32)}-000009.ndjson`, offset: 1, sequence: 1 };
  const [instance] = [segments[0]?.slice(14, 46) ?? ""];
  t.strictSame(
    (await spool.prune(new Map([[instance, strange]]))).pruned.map(({ segment }) => segment),
    [segments[4]],
  );
});

await t.test(
  "the directory is synced after the deletions, before an instance is reported as gone",
  async (t) => {
    const { spool, consumed } = await fillAndWait();
    const before = spool.disk.calls.length;
    const report = await spool.prune(consumed);
    t.strictSame(report.gone, [...consumed.keys()]);
    const notes = callNotes(spool.disk.calls.slice(before), "remove", "syncDirectory");
    t.equal(notes.at(-1), "syncDirectory /spool/segments");
    t.equal(notes.length, 6);
  },
);

await t.test("nothing is reported as gone if the directory could not be synced", async (t) => {
  const { spool, consumed } = await fillAndWait();
  spool.disk.inject({ operation: "syncDirectory", failure: "EIO", path: "segments" });
  await t.rejects(spool.prune(consumed), { code: "EIO" });
  t.strictSame((await spool.prune(consumed)).gone, [...consumed.keys()], "the next one does it again");
});

await t.test(
  "a pruner that died before it synced: the next one syncs before it reports anything as gone",
  async (t) => {
    const { spool, consumed } = await fillAndWait();
    for (const name of await spool.segments()) await spool.disk.remove(spool.path(name));
    const report = await spool.prune(consumed);
    t.match(report, { pruned: [], gone: [...consumed.keys()] });
    spool.disk.crash(() => 0.99);
    t.strictSame(await spool.segments(), [], "no power cut brings them back now");
  },
);

await t.test("control: without that sync a power cut brings them back", async (t) => {
  const { spool } = await fillAndWait();
  for (const name of await spool.segments()) await spool.disk.remove(spool.path(name));
  spool.disk.crash(() => 0.99);
  t.ok((await spool.segments()).length > 0);
});

await t.test(
  "a deleted segment that a power cut brings back is not read again, and deleted again",
  async (t) => {
    const { spool, consumed } = await fillAndWait();
    const disk = spool.disk.startProcess();
    spool.disk.inject({ operation: "syncDirectory", failure: "hang", path: "segments" });
    void spool.prune(consumed);
    await quiet();
    t.strictSame(await spool.segments(), []);
    spool.disk.crash(() => 0.99);
    disk.kill();
    spool.disk.release();
    t.equal((await spool.segments()).length, 5, "they are back");
    t.strictSame(await readAll(spool.openReader(consumed)), [], "what is consumed stays consumed");
    t.match(await spool.prune(consumed), { gone: [...consumed.keys()] });
    t.strictSame(await spool.segments(), []);
  },
);

await t.test(
  "a directory that does not hold the spool's identity makes nobody forget anything",
  async (t) => {
    const { spool, consumed } = await fill();
    spool.disk.replaceDirectory(spool.layout.segments);
    await spool.disk.remove(spool.layout.identity);
    t.strictSame((await spool.prune(consumed)).gone, []);
    const away = createSmallSpool();
    t.strictSame((await away.prune(consumed)).gone, [], "nor does one that is not there");
  },
);
