// What is counted from outside agrees with what a writer wrote and a reader read.
import t from "tap";
import { createInventory } from "./inventory.js";
import type { Inventory } from "./inventory.js";
import type { Positions } from "./position.js";
import {
  createSmallSpool,
  payload,
  positionsAfter,
  quiet,
  readAll,
  SMALL_READER,
} from "./testing/small-spool.js";
import type { SmallSpool } from "./testing/small-spool.js";

const NOWHERE: Positions = new Map();

function look(spool: SmallSpool): (positions: Positions) => Promise<Inventory> {
  return createInventory(spool.disk, {
    directory: spool.layout.segments,
    lineBytesMax: SMALL_READER.lineBytesMax,
  });
}

await t.test("an empty spool holds nothing", async (t) => {
  const spool = createSmallSpool();
  await spool.disk.makeDirectory(spool.layout.segments);
  t.match(await look(spool)(NOWHERE), { segments: 0, bytes: 0, pendingLines: 0, appendedLines: 0 });
});

await t.test("lines are counted as they come, over segments that are sealed between two looks", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter({ segmentBytesMax: 200 });
  const count = look(spool);
  await writer.append([payload(0, 60)]);
  t.match(await count(NOWHERE), { pendingLines: 1, appendedLines: 0 }, "what was there is no arrival");
  for (let index = 1; index < 12; index++) await writer.append([payload(index, 60)]);
  await quiet();
  t.match(await count(NOWHERE), { pendingLines: 12, appendedLines: 11 });
  await writer.append([payload(12, 60), payload(13, 60)]);
  await writer.close();
  const inventory = await count(NOWHERE);
  t.match(inventory, { pendingLines: 14, appendedLines: 13 });
  const sizes = await Promise.all(
    (await spool.segments()).map(async (name) => (await spool.disk.status(spool.path(name))).size),
  );
  t.equal(
    inventory.bytes,
    sizes.reduce((sum, size) => sum + size, 0),
  );
});

await t.test("what stands before the cursor does not wait", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter({ segmentBytesMax: 200 });
  const count = look(spool);
  for (let index = 0; index < 7; index++) await writer.append([payload(index, 60)]);
  await quiet();
  const items = await readAll(spool.openReader());
  for (const consumed of [0, 1, 3, 7]) {
    const inventory = await count(positionsAfter(items.slice(0, consumed)));
    t.equal(inventory.pendingLines, 7 - consumed, `${consumed} lines are consumed`);
    t.equal(inventory.pendingBytes > 0, consumed < 7);
  }
  await writer.append([payload(7, 60)]);
  t.match(await count(positionsAfter(items)), { pendingLines: 1, appendedLines: 1 });
  await writer.close();
  const all = positionsAfter(await readAll(spool.openReader()));
  const nothing = { pendingLines: 0, pendingBytes: 0, pendingSegments: 0 };
  t.match(await count(all), nothing, "a seal behind the cursor is nothing to wait for");
});

await t.test("a line that is being written is no line yet, and a seal is none", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter();
  await writer.append([payload(0, 60)]);
  const count = look(spool);
  const before = await count(NOWHERE);
  const [segment = ""] = await spool.segments();
  const bytes = await spool.disk.readFile(spool.path(segment));
  await spool.disk.remove(spool.path(segment));
  const torn = await spool.disk.create(spool.path(segment));
  await torn.write(bytes);
  await torn.write(Buffer.from('{"crc":"00000000","n":2,"d":{'));
  await torn.close();
  const after = await count(NOWHERE);
  t.equal(after.pendingLines, before.pendingLines);
  t.ok(after.bytes > before.bytes);
});

await t.test("a look reads nothing that did not change", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter({ segmentBytesMax: 200 });
  for (let index = 0; index < 9; index++) await writer.append([payload(index, 60)]);
  await quiet();
  const count = look(spool);
  await count(NOWHERE);
  const before = spool.disk.calls.length;
  await count(NOWHERE);
  const operations = spool.disk.calls.slice(before).map(({ operation }) => operation);
  t.strictSame(
    operations.filter((operation) => operation === "open" || operation === "read"),
    [],
  );
});
