// When the writer refuses for want of room, and that it takes up again by itself.
import t from "tap";
import { callNotes, createSmallSpool, outcomes, payload, quiet } from "./testing/small-spool.js";

await t.test(
  "a spool at its limit refuses, and takes again after the next look at a smaller one",
  async (t) => {
    const spool = createSmallSpool();
    const writer = await spool.openWriter({ spoolBytesMax: 3_000 });
    let taken = 0;
    while ((await outcomes([writer.append([payload(taken, 200)])]))[0] === "ok") taken += 1;
    t.ok(taken > 5 && taken < 15, `${taken} appends`);
    t.match(writer.readiness(), { ready: false, code: "spool_full", message: /BUFFER_MAX_BYTES/ });
    await t.rejects(writer.append([payload(1, 200)]), { code: "spool_full", retryable: true });
    t.ok(writer.stats().spoolBytes <= 3_000);
    for (const name of (await spool.segments()).slice(0, 2)) await spool.disk.remove(spool.path(name));
    t.match(writer.readiness(), { ready: false }, "until it has looked");
    await writer.check();
    t.match(writer.readiness(), { ready: true });
    t.strictSame(await outcomes([writer.append([payload(1)])]), ["ok"]);
    await writer.close();
  },
);

await t.test(
  "room for crumbs alone is no readiness, though an append that fits in it is still taken",
  async (t) => {
    const spool = createSmallSpool();
    const writer = await spool.openWriter({ spoolBytesMax: 3_000 });
    while ((await outcomes([writer.append([payload(1, 600)])]))[0] === "ok");
    t.match(writer.readiness(), { ready: false, code: "spool_full" });
    t.strictSame(await outcomes([writer.append([payload(2)])]), ["ok"]);
    await writer.check();
    t.match(writer.readiness(), { ready: false }, "a look alone makes no room");
    await spool.disk.remove(spool.path((await spool.segments())[0] ?? ""));
    await writer.check();
    t.match(writer.readiness(), { ready: true });
    await writer.close();
  },
);

await t.test("an append that can never fit keeps nobody else from being served", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter({ spoolBytesMax: 3_000 });
  await t.rejects(writer.append([payload(1, 2_990)]), { code: "spool_full" });
  t.match(writer.readiness(), { ready: true });
  t.strictSame(await outcomes([writer.append([payload(2)])]), ["ok"]);
  await writer.close();
});

await t.test("the limit counts all segments, those of earlier writers too", async (t) => {
  const spool = createSmallSpool();
  const earlier = await spool.openWriter();
  for (let index = 0; index < 10; index++) await earlier.append([payload(index, 200)]);
  await earlier.close();
  const writer = await spool.openWriter({ spoolBytesMax: 2_000 });
  await t.rejects(writer.append([payload(1)]), { code: "spool_full" });
  await writer.close();
});

await t.test(
  "below the bytes that must stay free it refuses, and the rest is left for the forwarder",
  async (t) => {
    const spool = createSmallSpool();
    spool.disk.setCapacity(8_000);
    const writer = await spool.openWriter({ freeBytesMin: 4_000 });
    let taken = 0;
    for (; (await outcomes([writer.append([payload(taken, 200)])]))[0] === "ok"; taken++)
      await writer.check();
    t.ok(taken > 5, `${taken} appends`);
    t.match(writer.readiness(), { ready: false, code: "disk_full", message: /BUFFER_MIN_FREE_BYTES/ });
    t.ok(
      (await spool.disk.space("/spool/segments")).freeBytes >= 4_000 - 1_100,
      "but for a segment's header and a seal",
    );
    spool.disk.setCapacity(100_000);
    await writer.check();
    t.strictSame(await outcomes([writer.append([payload(1)])]), ["ok"]);
    await writer.close();
  },
);

await t.test("with few inodes left it refuses before a file cannot be made", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter();
  spool.disk.setFreeInodes(15);
  await writer.check();
  await t.rejects(writer.append([payload(1)]), { code: "disk_full", message: /inodes/ });
  spool.disk.setFreeInodes(16);
  await writer.check();
  t.strictSame(await outcomes([writer.append([payload(1)])]), ["ok"]);
  await writer.close();
});

await t.test(
  "a disk that is full all at once rejects, refuses, and recovers without a restart",
  async (t) => {
    const spool = createSmallSpool();
    const writer = await spool.openWriter();
    await writer.append([payload(1)]);
    await quiet();
    spool.disk.setCapacity(spool.disk.usedBytes() + 20);
    t.strictSame(await outcomes([writer.append([payload(2)])]), ["disk_full"]);
    t.strictSame(await outcomes([writer.append([payload(3)])]), ["disk_full"]);
    t.match(writer.readiness(), { ready: false, code: "disk_full" });
    spool.disk.setCapacity(1_000_000);
    spool.clock.advance(5_000);
    await writer.check();
    t.strictSame(await outcomes([writer.append([payload(4)])]), ["ok"]);
    await writer.close();
  },
);

await t.test("what reaches the disk while the writer looks is not forgotten by that look", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter();
  await quiet();
  await writer.check();
  const before = writer.stats().spoolBytes;
  // It has seen the live segment, and waits for the spare.
  spool.disk.inject({ operation: "status", failure: "hang", path: "000001" });
  const look = writer.check();
  await quiet();
  await writer.append([payload(1, 300)]);
  spool.disk.release();
  await look;
  t.ok(writer.stats().spoolBytes >= before + 300);
  await writer.check();
  const sizes = await Promise.all(
    (await spool.segments()).map(async (name) => (await spool.disk.status(spool.path(name))).size),
  );
  t.equal(
    writer.stats().spoolBytes,
    sizes.reduce((sum, size) => sum + size, 0),
    "the next look is exact",
  );
  await writer.close();
});

await t.test("a directory that cannot be looked at makes the writer refuse until it can", async (t) => {
  for (const operation of ["list", "space", "status"] as const) {
    const spool = createSmallSpool();
    const writer = await spool.openWriter();
    await quiet();
    spool.disk.inject({ operation, failure: "EIO" });
    await writer.check();
    t.match(writer.readiness(), { ready: false, code: "directory_unusable", message: /EIO/ }, operation);
    await writer.check();
    t.match(writer.readiness(), { ready: true }, operation);
    await writer.close();
  }
});

await t.test(
  "a segment that is pruned while it is looked at takes no room and disturbs nothing",
  async (t) => {
    const spool = createSmallSpool();
    const writer = await spool.openWriter();
    await quiet();
    spool.disk.inject({ operation: "status", failure: "ENOENT" });
    await writer.check();
    t.match(writer.readiness(), { ready: true });
    await writer.close();
  },
);

await t.test("a look costs a status only for segments that may have grown", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter();
  for (let index = 0; index < 30; index++) await writer.append([payload(index, 1100)]);
  await quiet();
  await writer.check();
  const before = spool.disk.calls.length;
  await writer.check();
  const statuses = callNotes(spool.disk.calls.slice(before), "status");
  t.equal((await spool.segments()).length, 31);
  t.equal(statuses.length, 2, "the live one and the spare");
  await writer.close();
});
