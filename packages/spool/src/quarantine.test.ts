import t from "tap";
import { isSegmentKept, keepSegment, keptSegments, quarantineBytes } from "./quarantine.js";
import { createRandom } from "./testing/random.js";
import { callNotes, createSmallSpool, payload, quiet } from "./testing/small-spool.js";
import type { SmallSpool } from "./testing/small-spool.js";

async function write(): Promise<{ spool: SmallSpool; segment: string }> {
  const spool = createSmallSpool();
  const writer = await spool.openWriter();
  for (let index = 0; index < 3; index++) await writer.append([payload(index)]);
  const [segment = ""] = await spool.segments();
  return { spool, segment };
}

await t.test("bytes are copied durably, under the name of their segment and their place", async (t) => {
  const { spool, segment } = await write();
  const path = await quarantineBytes(spool.disk, spool.layout, segment, 20, 30);
  t.equal(path, `/spool/quarantine/${segment}@20.bytes`);
  spool.disk.crash(() => 0);
  t.strictSame(spool.disk.contents(path), spool.disk.contents(spool.path(segment)).subarray(20, 50));
  t.equal(await quarantineBytes(spool.disk, spool.layout, segment, 20, 30), path, "twice is harmless");
});

await t.test("a segment that is shorter gives what it has, and short writes are completed", async (t) => {
  const { spool, segment } = await write();
  spool.disk.inject({ operation: "write", failure: "short", times: 3 });
  const path = await quarantineBytes(spool.disk, spool.layout, segment, 100, 1_000_000);
  t.strictSame(spool.disk.contents(path), spool.disk.contents(spool.path(segment)).subarray(100));
});

await t.test("a mark is durable, and seen at once and by listing", async (t) => {
  const { spool, segment } = await write();
  const { disk, layout } = spool;
  t.equal(await isSegmentKept(disk, layout, segment), false);
  t.strictSame(await keptSegments(disk, layout), new Set());
  await keepSegment(disk, layout, segment, "because");
  disk.crash(() => 0);
  t.equal(await isSegmentKept(disk, layout, segment), true);
  t.strictSame(await keptSegments(disk, layout), new Set([segment]));
  t.equal(disk.contents(`${layout.quarantine}/${segment}.keep`).toString(), "because\n");
});

await t.test(
  "a mark that is set again is never missing meanwhile, not even across a power cut",
  async (t) => {
    for (let calls = 0; calls < 15; calls++) {
      for (let seed = 0; seed < 10; seed++) {
        const { spool, segment } = await write();
        const { disk, layout } = spool;
        await keepSegment(disk, layout, segment, "first");
        disk.interruptAfter(calls, () => {
          t.ok(disk.files(layout.quarantine).includes(`${layout.quarantine}/${segment}.keep`), "there");
          disk.crash(createRandom(seed));
        });
        void keepSegment(disk.startProcess(), layout, segment, "second");
        await quiet();
        if (!(await isSegmentKept(disk, layout, segment))) t.fail(`cut at call ${calls}, seed ${seed}`);
      }
    }
  },
);

await t.test("whether a segment is marked is not guessed", async (t) => {
  const { spool, segment } = await write();
  spool.disk.inject({ operation: "status", failure: "EIO" });
  await t.rejects(isSegmentKept(spool.disk, spool.layout, segment), { code: "EIO" });
  await keepSegment(spool.disk, spool.layout, segment, "");
  spool.disk.inject({ operation: "list", failure: "EIO" });
  await t.rejects(keptSegments(spool.disk, spool.layout), { code: "EIO" });
});

await t.test("the copy is written beside, synced, renamed, and the directory synced", async (t) => {
  const { spool, segment } = await write();
  const before = spool.disk.calls.length;
  await keepSegment(spool.disk, spool.layout, segment, "");
  t.strictSame(
    callNotes(spool.disk.calls.slice(before), "create", "sync", "rename", "syncDirectory").slice(-4),
    [
      `create /spool/quarantine/${segment}.keep.new`,
      `sync /spool/quarantine/${segment}.keep.new`,
      `rename /spool/quarantine/${segment}.keep`,
      "syncDirectory /spool/quarantine",
    ],
  );
});
