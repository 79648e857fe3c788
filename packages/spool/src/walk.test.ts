import t from "tap";
import type { SpoolItem } from "./spool-piece.js";
import { createSmallSpool, payload } from "./testing/small-spool.js";
import type { SmallSpool } from "./testing/small-spool.js";
import { listSegments, walkSegment } from "./walk.js";

async function write(): Promise<SmallSpool> {
  const spool = createSmallSpool();
  const writer = await spool.openWriter({ segmentBytesMax: 400 });
  for (let index = 0; index < 12; index++) await writer.append([payload(index, 60)]);
  await writer.close();
  return spool;
}

async function walk({ disk, clock, layout }: SmallSpool, only?: number): Promise<SpoolItem[]> {
  const items: SpoolItem[] = [];
  for (const [index, segment] of (await listSegments(disk, layout)).entries()) {
    if (only !== undefined && index !== only) continue;
    for await (const some of walkSegment(disk, clock, layout, segment, { lineBytesMax: 4096 }))
      items.push(...some);
  }
  return items;
}

await t.test(
  "segments come in the order in which they were written, with every line in its place",
  async (t) => {
    const spool = await write();
    const items = await walk(spool);
    t.strictSame(
      items.map((item) => item.type === "line" && item.payload.toString()),
      Array.from({ length: 12 }, (_, index) => Buffer.from(payload(index, 60)).toString()),
    );
    t.ok(
      items.every(({ position, next }) => next.segment === position.segment && next.offset > position.offset),
    );
  },
);

await t.test("a segment that was pruned since it was listed has nothing in it", async (t) => {
  const spool = await write();
  spool.disk.inject({ operation: "open", failure: "ENOENT" });
  t.strictSame(await walk(spool, 0), []);
});

await t.test("a segment that cannot be read on says so at the place that was reached", async (t) => {
  const spool = await write();
  spool.disk.inject({ operation: "read", failure: "EIO" });
  t.match(await walk(spool, 0), [{ type: "damage", reason: "unreadable", position: { offset: 0 } }]);
});
