// A disk that does not answer: nobody waits longer than was promised, and all is well again when it does.
import t from "tap";
import {
  createSmallSpool,
  indexes,
  outcomes,
  payload,
  quiet,
  readAll,
  SMALL_WRITER,
  stateOf,
} from "./testing/small-spool.js";
import { openWriter } from "./writer.js";

for (const operation of ["write", "sync", "status"] as const) {
  await t.test(
    `a ${operation} that hangs: the append is rejected in time, others at once, and it recovers`,
    async (t) => {
      const spool = createSmallSpool();
      const writer = await spool.openWriter({ appendTimeoutMs: 5_000 });
      await quiet();
      spool.disk.inject({ operation, failure: "hang", path: "000000" });
      const under = outcomes([writer.append([payload(1)])]);
      await quiet();
      const waiting = outcomes([writer.append([payload(2)])]);
      spool.clock.advance(4_999);
      void writer.check();
      t.equal(await stateOf(under), "pending", "not before its time");
      spool.clock.advance(1);
      void writer.check();
      await quiet();
      t.strictSame([await under, await waiting], [["stalled"], ["stalled"]]);
      t.match(writer.readiness(), { ready: false, code: "stalled" });
      const before = spool.disk.calls.length;
      await t.rejects(writer.append([payload(3)]), { code: "stalled", retryable: true });
      t.equal(spool.disk.calls.length, before, "and the disk is left alone");
      spool.disk.release();
      await quiet();
      await writer.check();
      t.match(writer.readiness(), { ready: true });
      t.strictSame(await outcomes([writer.append([payload(4)])]), ["ok"]);
      await writer.close();
      const read = indexes(await readAll(spool.openReader()));
      t.ok(read.includes(4));
      t.notOk(read.includes(2), "what only waited was never written");
    },
  );
}

await t.test(
  "an answer that comes too late is no acknowledgement, even if nobody looked in between",
  async (t) => {
    const spool = createSmallSpool();
    const writer = await spool.openWriter({ appendTimeoutMs: 5_000 });
    await quiet();
    spool.disk.inject({ operation: "sync", failure: "hang" });
    const append = outcomes([writer.append([payload(1)])]);
    await quiet();
    spool.clock.advance(5_000);
    spool.disk.release();
    t.strictSame(await append, ["stalled"]);
    t.match(writer.readiness(), { ready: true }, "the disk answers again");
    await writer.close();
  },
);

await t.test(
  "each append has its own deadline: the younger ones of a late group are acknowledged",
  async (t) => {
    const spool = createSmallSpool();
    const writer = await spool.openWriter({ appendTimeoutMs: 5_000 });
    await quiet();
    spool.disk.inject({ operation: "sync", failure: "hang" });
    const first = outcomes([writer.append([payload(1)])]);
    await quiet();
    const second = outcomes([writer.append([payload(2)])]);
    spool.clock.advance(3_000);
    const third = outcomes([writer.append([payload(3)])]);
    spool.clock.advance(2_000);
    spool.disk.release();
    t.strictSame([await first, await second, await third], [["stalled"], ["stalled"], ["ok"]]);
    await writer.close();
  },
);

await t.test("a segment that cannot be made in time rejects who waits for it", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter({ appendTimeoutMs: 5_000 });
  await quiet();
  await writer.append([payload(1, 1100)]);
  spool.disk.inject({ operation: "create", failure: "hang" });
  await writer.append([payload(2, 1100)]);
  const append = outcomes([writer.append([payload(3)])]);
  t.equal(await stateOf(append), "pending");
  spool.clock.advance(5_000);
  void writer.check();
  t.strictSame(await append, ["stalled"]);
  spool.disk.release();
  await quiet();
  t.strictSame(await outcomes([writer.append([payload(4)])]), ["ok"]);
  await writer.close();
});

for (const operation of ["space", "list", "touch"] as const) {
  await t.test(
    `a look that hangs in ${operation} makes the writer refuse before anybody has to wait`,
    async (t) => {
      const spool = createSmallSpool();
      const writer = await spool.openWriter({ appendTimeoutMs: 5_000 });
      await quiet();
      spool.clock.advance(60_000);
      spool.disk.inject({ operation, failure: "hang" });
      const look = writer.check();
      await quiet();
      await writer.check();
      t.match(writer.readiness(), { ready: true }, "not at once");
      spool.clock.advance(5_000);
      await writer.check();
      t.match(writer.readiness(), { ready: false, code: "stalled" });
      spool.disk.release();
      await look;
      t.match(writer.readiness(), { ready: true });
      await writer.close();
    },
  );
}

await t.test("closing waits for a disk that hangs, and ends when it answers", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter();
  await quiet();
  spool.disk.inject({ operation: "sync", failure: "hang" });
  const append = outcomes([writer.append([payload(1)])]);
  await quiet();
  const closed = writer.close();
  spool.clock.advance(5_000);
  void writer.check();
  t.strictSame(await append, ["stalled"], "looks go on while it waits");
  t.equal(await stateOf(closed), "pending");
  spool.disk.release();
  await closed;
});

await t.test("a writer looks around by itself, and stops when it is closed", async (t) => {
  const spool = createSmallSpool();
  const writer = await openWriter(spool.disk, spool.clock, { ...SMALL_WRITER, checkIntervalMs: 1 });
  const looks = (): number => spool.disk.calls.filter(({ operation }) => operation === "space").length;
  const before = looks();
  while (looks() < before + 3) await quiet();
  t.strictSame(await outcomes([writer.append([payload(1)])]), ["ok"]);
  t.match([writer.readiness(), writer.stats()], [{ ready: true }, { lines: 1 }]);
  await writer.close();
  const after = looks();
  for (let turn = 0; turn < 100; turn++) await quiet();
  t.equal(looks(), after);
});
