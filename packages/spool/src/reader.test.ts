// Reading a spool as a whole: order, limits, turns, positions, tails, and what it does not hold on to.
import t from "tap";
import type { Disk } from "./disk.js";
import type { Positions } from "./position.js";
import {
  callNotes,
  createSmallSpool,
  damageNotes,
  indexes,
  linesOf,
  MINUTE,
  payload,
  payloads,
  positionsAfter,
  quiet,
  readAll,
} from "./testing/small-spool.js";

const WIDE = { linesMax: 1_000, bytesMax: 1024 * 1024 };

await t.test("a spool that no writer has opened yet is empty, and is read as soon as one does", async (t) => {
  const spool = createSmallSpool();
  const reader = spool.openReader();
  t.strictSame(await reader.read(WIDE), []);
  const writer = await spool.openWriter();
  await writer.append([payload(1)]);
  t.strictSame(indexes(await reader.read(WIDE)), [1]);
  await writer.close();
});

await t.test("what is acknowledged can be read at once, and each line comes once", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter({ segmentBytesMax: 500 });
  const reader = spool.openReader();
  for (let index = 0; index < 50; index++) {
    await writer.append([payload(index)]);
    t.strictSame(indexes(await readAll(reader)), [index]);
  }
  await writer.close();
  t.strictSame(await readAll(reader), []);
});

await t.test("an unfinished line is waited for, and comes when it is whole", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter();
  const reader = spool.openReader();
  await quiet();
  spool.disk.inject({ operation: "write", failure: "short", times: 3 });
  spool.disk.inject({ operation: "write", failure: "hang" });
  const append = writer.append(payloads(0, 2));
  await quiet();
  const early = indexes(await readAll(reader));
  t.ok(early.length < 2, "whole lines alone come early");
  spool.clock.advance(4_000);
  t.strictSame(await readAll(reader), [], "the grace is not for the unfinished");
  spool.disk.release();
  await append;
  t.strictSame([...early, ...indexes(await readAll(reader))], [0, 1]);
  await writer.close();
});

await t.test("a window is bounded in lines and in bytes, and holds at least one item", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter();
  for (let index = 0; index < 20; index++) await writer.append([payload(index, 100)]);
  await writer.close();
  for (const limits of [
    { linesMax: 1, bytesMax: 1_000_000 },
    { linesMax: 7, bytesMax: 1_000_000 },
    { linesMax: 1_000, bytesMax: 250 },
    { linesMax: 1_000, bytesMax: 1 },
  ]) {
    const reader = spool.openReader();
    const all: number[] = [];
    for (let items = await reader.read(limits); items.length > 0; items = await reader.read(limits)) {
      t.ok(items.length <= limits.linesMax);
      t.ok(items.length === 1 || items.length * 100 <= limits.bytesMax + 100);
      all.push(...indexes(items));
    }
    t.strictSame(
      all,
      Array.from({ length: 20 }, (_, index) => index),
      JSON.stringify(limits),
    );
  }
});

await t.test("a hole and the line behind it are two items, and count as two", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter();
  for (let index = 0; index < 4; index++) await writer.append([payload(index)]);
  const [name = ""] = await spool.segments();
  const at = spool.disk.contents(spool.path(name)).indexOf("\n") + 1;
  spool.disk.corrupt(spool.path(name), (bytes) =>
    Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 36)]),
  );
  const reader = spool.openReader();
  const one = { linesMax: 1, bytesMax: 1_000 };
  t.strictSame(damageNotes(await reader.read(one)), ["hole 0"]);
  t.strictSame(indexes(await reader.read(one)), [1]);
});

await t.test("instances take turns: none waits behind the backlog of another", async (t) => {
  const spool = createSmallSpool();
  for (let instance = 0; instance < 3; instance++) {
    const writer = await spool.openWriter();
    for (let index = 0; index < 100; index += 10) await writer.append(payloads(index, index + 10));
    await writer.close();
  }
  const reader = spool.openReader();
  const firsts = new Set<string>();
  for (let turn = 0; turn < 3; turn++) {
    const [first] = linesOf(await reader.read({ linesMax: 5, bytesMax: 10_000 }));
    firsts.add(first?.instance ?? "");
  }
  t.equal(firsts.size, 3);
});

await t.test("what a live instance writes waits behind no backlog, however many there are", async (t) => {
  const spool = createSmallSpool();
  const live = await spool.openWriter();
  for (let instance = 0; instance < 3; instance++) {
    const writer = await spool.openWriter();
    await writer.append(payloads(0, 100));
    await writer.close();
  }
  await live.append([payload(0)]);
  const limits = { linesMax: 5, bytesMax: 10_000 };
  const reader = spool.openReader();
  const { instance } = live.stats();
  const ofLive = async (): Promise<number[]> =>
    indexes((await reader.read(limits)).filter((item) => item.instance === instance));
  for (let turn = 0; turn < 4; turn++) await ofLive();
  for (let index = 1; index < 20; index++) {
    await live.append([payload(index)]);
    t.strictSame(await ofLive(), [index], "the next read holds it");
  }
  await live.close();
});

await t.test(
  "a live instance that writes faster than it is read leaves the others their turns",
  async (t) => {
    const spool = createSmallSpool();
    const live = await spool.openWriter();
    const writer = await spool.openWriter();
    await writer.append(payloads(0, 100));
    await writer.close();
    const reader = spool.openReader();
    const { instance } = live.stats();
    let ofOther = 0;
    for (let turn = 0; turn < 10; turn++) {
      await live.append(payloads(turn * 10, turn * 10 + 10));
      const items = await reader.read({ linesMax: 5, bytesMax: 10_000 });
      ofOther += items.filter((item) => item.instance !== instance).length;
    }
    t.ok(ofOther >= 20, `${ofOther} of 50`);
    await live.close();
  },
);

await t.test(
  "each instance is read in its own order, whatever the names of the files say about time",
  async (t) => {
    const spool = createSmallSpool();
    const writer = await spool.openWriter({ segmentBytesMax: 200 });
    for (let index = 0; index < 10; index++) {
      await writer.append([payload(index, 60)]);
      // A clock that is set back again and again: later segments have earlier names.
      spool.clock.jump(-10_000);
    }
    await writer.close();
    t.strictSame(indexes(await readAll(spool.openReader())), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  },
);

await t.test("a reader started from any position goes on exactly there", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter({ segmentBytesMax: 300 });
  for (let index = 0; index < 12; index++) await writer.append([payload(index)]);
  await writer.close();
  const items = await readAll(spool.openReader());
  for (let consumed = 0; consumed <= items.length; consumed++) {
    const rest = await readAll(spool.openReader(positionsAfter(items.slice(0, consumed))));
    t.strictSame(indexes(rest), indexes(items).slice(consumed));
  }
});

await t.test("seeking goes back to what was committed and forgets what was read ahead", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter({ segmentBytesMax: 300 });
  for (let index = 0; index < 12; index++) await writer.append([payload(index)]);
  const reader = spool.openReader();
  const first = await reader.read({ linesMax: 5, bytesMax: 10_000 });
  await readAll(reader);
  await reader.seek(positionsAfter(first));
  t.strictSame(indexes(await readAll(reader)), [5, 6, 7, 8, 9, 10, 11]);
  await reader.seek(new Map());
  t.equal(indexes(await readAll(reader)).length, 12);
  await writer.close();
});

await t.test("a position whose segment is pruned is one before the next segment", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter({ segmentBytesMax: 200 });
  for (let index = 0; index < 6; index++) await writer.append([payload(index, 60)]);
  await writer.close();
  const items = await readAll(spool.openReader());
  const [first = ""] = await spool.segments();
  const consumed = items.filter(({ position }) => position.segment === first);
  await spool.disk.remove(spool.path(first));
  t.strictSame(
    indexes(await readAll(spool.openReader(positionsAfter(consumed)))),
    indexes(items).slice(consumed.length),
  );
});

await t.test("a position that is not one of its instance replays: duplicates, never loss", async (t) => {
  const spool = createSmallSpool();
  const other = await spool.openWriter();
  await other.append([payload(90)]);
  await other.close();
  const [strange] = positionsAfter(await readAll(spool.openReader())).values();
  const writer = await spool.openWriter();
  for (let index = 0; index < 3; index++) await writer.append([payload(index)]);
  const garbled: Positions = new Map([
    [writer.stats().instance, strange ?? { segment: "", offset: 0, sequence: 0 }],
  ]);
  t.strictSame(
    indexes(await readAll(spool.openReader(garbled))).toSorted((a, b) => a - b),
    [0, 1, 2, 90],
  );
  await writer.close();
});

await t.test(
  "memory does not grow with the backlog: a window reads its own bytes, and one file is open",
  async (t) => {
    const spool = createSmallSpool();
    const writer = await spool.openWriter();
    for (let index = 0; index < 300; index++) await writer.append([payload(index, 1100)]);
    await writer.close();
    let open = 0;
    let openMax = 0;
    const counting: Disk = {
      ...spool.disk,
      open: async (path) => {
        const file = await spool.disk.open(path);
        openMax = Math.max(openMax, ++open);
        return { ...file, close: () => file.close().finally(() => (open -= 1)) };
      },
    };
    const reader = spool.openReader(new Map(), {}, counting);
    const before = spool.disk.calls.length;
    await reader.read({ linesMax: 3, bytesMax: 1_000_000 });
    t.ok(callNotes(spool.disk.calls.slice(before), "read").length < 20);
    await readAll(reader);
    t.ok(openMax <= 2, "the segment, and for a moment the one behind it");
    await reader.close();
    t.equal(open, 0);
  },
);

await t.test(
  "instances that are read to their end cost a status at each scan, and no open file",
  async (t) => {
    const spool = createSmallSpool();
    for (let instance = 0; instance < 5; instance++) {
      const writer = await spool.openWriter();
      await writer.append([payload(instance)]);
      await writer.close();
    }
    const reader = spool.openReader();
    await readAll(reader);
    const before = spool.disk.calls.length;
    t.strictSame(await reader.read(WIDE), []);
    const notes = callNotes(spool.disk.calls.slice(before), "open", "read");
    t.strictSame(notes, []);
  },
);

await t.test("a window is bounded in time too, and every instance has its turn in it", async (t) => {
  const spool = createSmallSpool();
  const writers = [await spool.openWriter(), await spool.openWriter()];
  for (const [index, writer] of writers.entries()) {
    // More than one chunk each.
    for (let line = 0; line < 60; line++) await writer.append([payload(1000 * index + line, 3_000)]);
    await writer.close();
  }
  const slow: Disk = {
    ...spool.disk,
    open: async (path) => {
      const file = await spool.disk.open(path);
      const read = (target: Uint8Array, offset: number): Promise<number> => {
        spool.clock.advance(30);
        return file.read(target, offset);
      };
      return { ...file, read };
    },
  };
  const limits = { linesMax: 10_000, bytesMax: 64 * 1024 * 1024 };
  const unbounded = await spool.openReader(new Map(), {}, slow).read(limits);
  t.equal(unbounded.length, 120);
  const reader = spool.openReader(new Map(), {}, slow);
  const first = await reader.read({ ...limits, durationMaxMs: 10 });
  t.ok(first.length < 120, `${first.length} of 120`);
  t.strictSame([...new Set(indexes(first).map((index) => Math.floor(index / 1000)))], [0, 1]);
  const rest = await readAll(reader, { ...limits, durationMaxMs: 10 });
  t.strictSame(
    indexes([...first, ...rest]).sort((one, other) => one - other),
    indexes(unbounded).sort((one, other) => one - other),
    "the rest comes next, each line once",
  );
});

await t.test("the backlog counts what is not consumed, and a header is nothing to consume", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter({ segmentBytesMax: 300 });
  const reader = spool.openReader();
  await reader.read(WIDE);
  t.match(await reader.backlog(), { segments: 0, bytes: 0, segmentsTotal: 2, oldestModifiedAt: undefined });
  await writer.append([payload(1, 300)]);
  const writtenAt = spool.clock.now();
  spool.clock.advance(1_000);
  await writer.append([payload(2)]);
  await quiet();
  const [first] = linesOf(await reader.read({ linesMax: 1, bytesMax: 1 }));
  t.match(
    await reader.backlog(),
    { segments: 2, segmentsTotal: 3 },
    "the seal of the first, the line of the second",
  );
  t.equal((await reader.backlog()).oldestModifiedAt, writtenAt + 1_000, "sealed later");
  t.ok(first);
  await readAll(reader);
  t.match(await reader.backlog(), { segments: 0, bytes: 0, oldestModifiedAt: undefined });
  await writer.close();
});

await t.test("a new instance is found by listing, at the latest after the interval of scans", async (t) => {
  const spool = createSmallSpool();
  const busy = await spool.openWriter();
  for (let index = 0; index < 100; index++) await busy.append([payload(index)]);
  const reader = spool.openReader(new Map(), { rescanMs: 1_000 });
  await reader.read({ linesMax: 1, bytesMax: 1 });
  const late = await spool.openWriter();
  await late.append([payload(777)]);
  spool.clock.advance(1_000);
  const items = [];
  for (let turn = 0; turn < 4; turn++) items.push(...(await reader.read({ linesMax: 1, bytesMax: 1 })));
  t.ok(indexes(items).includes(777), "though there was always enough to read");
});

await t.test(
  "a writer that slept for longer than a reader waits: what it appends then is read",
  async (t) => {
    const spool = createSmallSpool();
    const writer = await spool.openWriter({ segmentAgeMs: 60 * MINUTE });
    const reader = spool.openReader();
    await writer.append([payload(1)]);
    await readAll(reader);
    spool.clock.advance(16 * MINUTE);
    t.strictSame(await readAll(reader), [], "silent, and nothing torn");
    await writer.append([payload(2)]);
    await writer.append([payload(3)]);
    t.strictSame(indexes(await readAll(reader)), [2, 3]);
    await writer.close();
  },
);
