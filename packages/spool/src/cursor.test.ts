// The cursor: there whole or not at all, whatever happens, and written even on a full disk.
import t from "tap";
import { openCursorFile, parsePosition } from "./cursor.js";
import type { CursorFile } from "./cursor.js";
import type { Disk } from "./disk.js";
import type { Positions } from "./position.js";
import { createRandom } from "./testing/random.js";
import { callNotes, createSmallSpool, quiet } from "./testing/small-spool.js";
import type { SmallSpool } from "./testing/small-spool.js";

const INSTANCE = "0123456789abcdef0123456789abcdef";
const SEGMENT = `1763938500123-${INSTANCE}-000001.ndjson`;

function positions(offset: number): Positions {
  return new Map([[INSTANCE, { segment: SEGMENT, offset, sequence: 3 }]]);
}

function open({ disk, layout }: SmallSpool, on: Disk = disk): Promise<CursorFile> {
  return openCursorFile(on, layout);
}

async function offsetIn(cursor: CursorFile): Promise<number | string> {
  const reading = await cursor.read();
  return reading.state === "present" ? (reading.positions.get(INSTANCE)?.offset ?? "none") : reading.state;
}

await t.test("a cursor that was never written is absent", async (t) => {
  t.equal(await offsetIn(await open(createSmallSpool())), "absent");
});

await t.test("what was written is read again, by another process too", async (t) => {
  const spool = createSmallSpool();
  const cursor = await open(spool);
  await cursor.write(positions(10));
  await cursor.write(positions(20));
  t.equal(await offsetIn(cursor), 20);
  t.match(await (await open(spool)).read(), { state: "present", positions: positions(20) });
});

await t.test("it is replaced whole: written beside, synced, renamed, and the directory synced", async (t) => {
  const spool = createSmallSpool();
  const cursor = await open(spool);
  const before = spool.disk.calls.length;
  await cursor.write(positions(10));
  const notes = callNotes(
    spool.disk.calls.slice(before),
    "create",
    "write",
    "sync",
    "rename",
    "syncDirectory",
  );
  t.strictSame(notes, [
    "create /spool/forwarder/cursor.json.new",
    "write /spool/forwarder/cursor.json.new",
    "sync /spool/forwarder/cursor.json.new",
    "rename /spool/forwarder/cursor.json",
    "syncDirectory /spool/forwarder",
  ]);
});

await t.test(
  "after a power cut at any call the old one or the new one is there, and the new one once it was promised",
  async (t) => {
    let cases = 0;
    for (let after = 0; after < 12; after++) {
      for (let seed = 0; seed < 40; seed++) {
        const spool = createSmallSpool();
        await (await open(spool)).write(positions(10));
        const cursor = await open(spool, spool.disk.startProcess());
        let promised = false;
        spool.disk.interruptAfter(after, () => spool.disk.crash(createRandom(seed)));
        void cursor.write(positions(20)).then(() => (promised = true));
        await quiet();
        if (promised) spool.disk.crash(createRandom(seed));
        const fresh = await openCursorFile(spool.disk.startProcess(), spool.layout);
        const offset = await offsetIn(fresh);
        if (promised) t.equal(offset, 20, `promised, cut after ${after}`);
        else if (offset !== 10 && offset !== 20) t.fail(`${offset} after a cut at ${after}, seed ${seed}`);
        await fresh.write(positions(30));
        if ((await offsetIn(fresh)) !== 30) t.fail("and it can be written again");
        cases += 1;
      }
    }
    t.equal(cases, 480);
  },
);

await t.test(
  "a cursor that is damaged in any byte or cut anywhere is no cursor: all is read again",
  async (t) => {
    const spool = createSmallSpool();
    const cursor = await open(spool);
    await cursor.write(positions(10));
    const whole = spool.disk.contents(spool.layout.cursor);
    for (let at = 0; at < whole.byteLength - 1; at++) {
      for (const flip of [0x01, 0x80, 0x20]) {
        spool.disk.corrupt(spool.layout.cursor, () => {
          const flipped = Buffer.from(whole);
          flipped[at] = (flipped[at] ?? 0) ^ flip;
          return flipped;
        });
        if ((await offsetIn(cursor)) !== "damaged") t.fail(`byte ${at} with ${flip}`);
      }
      spool.disk.corrupt(spool.layout.cursor, () => whole.subarray(0, at));
      if ((await offsetIn(cursor)) !== "damaged") t.fail(`cut at ${at}`);
    }
    for (const content of [
      Buffer.alloc(whole.byteLength),
      Buffer.concat([whole, whole]),
      Buffer.from("{}\n"),
    ]) {
      spool.disk.corrupt(spool.layout.cursor, () => content);
      t.match(await cursor.read(), { state: "damaged", message: /does not verify/ });
    }
    await cursor.write(positions(20));
    t.equal(await offsetIn(cursor), 20, "and it is simply written anew");
  },
);

await t.test("a cursor that cannot be read counts as damaged", async (t) => {
  const spool = createSmallSpool();
  const cursor = await open(spool);
  await cursor.write(positions(10));
  spool.disk.inject({ operation: "open", failure: "EIO" });
  t.match(await cursor.read(), { state: "damaged", message: /EIO/ });
});

await t.test("on a full disk the reserve is given up for it", async (t) => {
  const spool = createSmallSpool();
  const cursor = await open(spool);
  t.equal((await spool.disk.status(spool.layout.reserve)).size, 1024 * 1024);
  await cursor.write(positions(10));
  spool.disk.setCapacity(spool.disk.usedBytes());
  await cursor.write(positions(20));
  t.equal(await offsetIn(cursor), 20);
  await t.rejects(spool.disk.status(spool.layout.reserve), { code: "ENOENT" });
  for (let offset = 30; offset < 60; offset++) await cursor.write(positions(offset));
  await t.rejects(
    spool.disk.status(spool.layout.reserve),
    { code: "ENOENT" },
    "not taken while the disk is nearly full",
  );
  spool.disk.setCapacity(100 * 1024 * 1024);
  await cursor.write(positions(70));
  t.equal(
    (await spool.disk.status(spool.layout.reserve)).size,
    1024 * 1024,
    "taken again when there is room",
  );
});

await t.test("the reserve is not made of zeros, which some file systems store as nothing", async (t) => {
  const spool = createSmallSpool();
  await open(spool);
  const reserve = spool.disk.contents(spool.layout.reserve);
  t.ok(new Set(reserve.subarray(0, 4096)).size > 200);
});

await t.test("without a reserve the cursor works all the same", async (t) => {
  const spool = createSmallSpool();
  spool.disk.inject({ operation: "write", failure: "ENOSPC", path: "reserve", times: 10 });
  const cursor = await open(spool);
  await t.rejects(spool.disk.status(spool.layout.reserve), { code: "ENOENT" });
  await cursor.write(positions(10));
  t.equal(await offsetIn(cursor), 10);
});

await t.test("a cursor that cannot be written is an error, and the old one stays", async (t) => {
  for (const operation of ["create", "write", "sync", "rename", "syncDirectory"] as const) {
    const spool = createSmallSpool();
    const cursor = await open(spool);
    await cursor.write(positions(10));
    spool.disk.inject({ operation, failure: "EIO" });
    await t.rejects(cursor.write(positions(20)), {
      code: "state_unwritable",
      message: /EIO/,
      retryable: true,
    });
    t.ok([10, 20].includes(Number(await offsetIn(cursor))), operation);
    await cursor.write(positions(30));
    t.equal(await offsetIn(cursor), 30);
  }
});

await t.test("a position is taken from JSON only if it is one", async (t) => {
  const good = { segment: SEGMENT, offset: 0, sequence: 0 };
  t.strictSame(parsePosition({ ...good, more: 1 }), good);
  const bad = [
    undefined,
    null,
    "",
    [],
    { ...good, segment: "a" },
    { ...good, segment: `../${SEGMENT}` },
    { ...good, offset: -1 },
    { ...good, offset: 1.5 },
    { ...good, offset: 2 ** 53 },
    { ...good, offset: "0" },
    { ...good, sequence: Number.NaN },
    { segment: SEGMENT, offset: 0 },
  ];
  for (const value of bad) t.equal(parsePosition(value), undefined, JSON.stringify(value));
});
