// Segments that cannot be read, for a moment or for ever, and directories that are away.
import t from "tap";
import {
  createSmallSpool,
  damageNotes,
  damageOf,
  indexes,
  payload,
  positionsAfter,
  quiet,
  readAll,
} from "./testing/small-spool.js";
import type { SmallSpool } from "./testing/small-spool.js";

const WIDE = { linesMax: 1_000, bytesMax: 1024 * 1024 };

/** Three segments with a line each, and a live one with the fourth. */
async function write(spool: SmallSpool): Promise<string[]> {
  const writer = await spool.openWriter({ segmentBytesMax: 200 });
  for (let index = 0; index < 4; index++) await writer.append([payload(index, 60)]);
  await quiet();
  return spool.segments();
}

for (const [operation, errno] of [
  ["open", "EACCES"],
  ["open", "EIO"],
  ["read", "EIO"],
] as const) {
  await t.test(
    `${errno} on ${operation}: told once after the grace, and the segments behind are read`,
    async (t) => {
      const spool = createSmallSpool();
      const [, second = ""] = await write(spool);
      const fail = (): void => spool.disk.inject({ operation, failure: errno, path: "000001", times: 1_000 });
      fail();
      const reader = spool.openReader();
      const items = await readAll(reader);
      t.strictSame(indexes(items), [0], "it may be over in a moment");
      spool.clock.advance(2_000);
      items.push(...(await readAll(reader)));
      t.strictSame(indexes(items), [0, 2, 3]);
      t.match(damageOf(items), [
        { reason: "unreadable", length: 0, message: new RegExp(errno), position: { segment: second } },
      ]);
      spool.clock.advance(60_000);
      t.strictSame(await readAll(reader), []);
      // Behind it, wherever a consumer stopped.
      const at = items.findIndex(({ type }) => type === "damage");
      const restarted = spool.openReader(positionsAfter(items.slice(0, at + 1)));
      t.strictSame(indexes(await readAll(restarted)), [2, 3]);
    },
  );

  await t.test(
    `${errno} on ${operation} for a moment: nothing is told and nothing passed over`,
    async (t) => {
      const spool = createSmallSpool();
      await write(spool);
      spool.disk.inject({ operation, failure: errno, path: "000001", times: 3 });
      const reader = spool.openReader();
      const items = await readAll(reader);
      spool.clock.advance(1_000);
      for (let turn = 0; turn < 3; turn++) items.push(...(await readAll(reader)));
      t.strictSame([indexes(items), damageNotes(items)], [[0, 1, 2, 3], []]);
    },
  );
}

await t.test(
  "a live segment that cannot be read is told once, never left, and read when it can be",
  async (t) => {
    const spool = createSmallSpool();
    await write(spool);
    spool.disk.inject({ operation: "read", failure: "EIO", path: "000003", times: 1_000 });
    const reader = spool.openReader();
    const items = await readAll(reader);
    for (let turn = 0; turn < 5; turn++) {
      spool.clock.advance(2_000);
      items.push(...(await readAll(reader)));
    }
    t.strictSame([indexes(items), damageNotes(items)], [[0, 1, 2], ["unreadable 0"]]);
    spool.disk.release();
    t.strictSame(indexes(await readAll(reader)), [3]);
  },
);

await t.test("a segment that cannot be read holds up no other instance", async (t) => {
  const spool = createSmallSpool();
  await write(spool);
  spool.disk.inject({ operation: "open", failure: "EACCES", path: "000000", times: 1_000 });
  const reader = spool.openReader();
  await readAll(reader);
  spool.disk.release();
  const [bad = ""] = await spool.segments();
  spool.disk.inject({ operation: "open", failure: "EACCES", path: bad, times: 1_000 });
  const writer = await spool.openWriter();
  await writer.append([payload(50)]);
  t.ok(indexes(await readAll(reader)).includes(50));
});

for (const errno of ["EMFILE", "ENFILE", "ENOMEM"]) {
  await t.test(`${errno}: what was read before it is handed out, and nothing is skipped`, async (t) => {
    const spool = createSmallSpool();
    await write(spool);
    spool.disk.inject({ operation: "open", failure: errno, path: "000002", times: 2 });
    const reader = spool.openReader();
    const items = await reader.read(WIDE);
    t.strictSame(indexes(items), [0, 1]);
    await reader.read(WIDE).then(
      (more) => items.push(...more),
      (error: unknown) => t.match(error, { code: errno }),
    );
    items.push(...(await readAll(reader)));
    t.strictSame([indexes(items), damageNotes(items)], [[0, 1, 2, 3], []]);
  });
}

await t.test("a directory that is away leaves every position where it was", async (t) => {
  const spool = createSmallSpool();
  const names = await write(spool);
  const reader = spool.openReader();
  const items = await reader.read({ linesMax: 1, bytesMax: 1 });
  // Unmounted: first the files go while the list is still known, then the list is empty.
  const kept = new Map(names.map((name) => [name, spool.disk.contents(spool.path(name))]));
  spool.disk.replaceDirectory(spool.layout.segments);
  t.strictSame(await reader.read(WIDE), []);
  spool.clock.advance(10_000);
  t.strictSame(await reader.read(WIDE), []);
  for (const [name, bytes] of kept) {
    const file = await spool.disk.create(spool.path(name));
    await file.write(bytes);
  }
  spool.clock.advance(1_000);
  items.push(...(await readAll(reader)));
  t.strictSame([indexes(items), damageNotes(items)], [[0, 1, 2, 3], []]);
});

await t.test("a directory that cannot be listed is an error of the read, and costs nothing", async (t) => {
  const spool = createSmallSpool();
  await write(spool);
  const reader = spool.openReader();
  spool.disk.inject({ operation: "list", failure: "EIO" });
  await t.rejects(reader.read(WIDE), { code: "EIO" });
  t.strictSame(indexes(await readAll(reader)), [0, 1, 2, 3]);
});

await t.test("short reads change nothing", async (t) => {
  const spool = createSmallSpool();
  await write(spool);
  spool.disk.inject({ operation: "read", failure: "short", times: 12 });
  const reader = spool.openReader();
  const items = [];
  for (let turn = 0; turn < 20; turn++) items.push(...(await reader.read(WIDE)));
  t.strictSame([indexes(items), damageNotes(items)], [[0, 1, 2, 3], []]);
});
