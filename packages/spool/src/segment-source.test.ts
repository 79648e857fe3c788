// Where the next line goes: creation, rotation, the spare, the seal, and the lease of a segment.
import t from "tap";
import { checksumSeed, decodeLine } from "./frame.js";
import {
  callNotes,
  createSmallSpool,
  HOUR,
  indexes,
  MINUTE,
  outcomes,
  payload,
  payloads,
  quiet,
  readAll,
  stateOf,
} from "./testing/small-spool.js";
import type { SmallSpool } from "./testing/small-spool.js";
import type { UntimedWriter } from "./writer.js";

async function linesOf(spool: SmallSpool, index: number): Promise<string[]> {
  const name = (await spool.segments())[index] ?? "";
  return spool.disk.contents(spool.path(name)).toString().split("\n").slice(0, -1);
}

/** Appends a line; the number of the segment in which it stands. */
async function appendTo(writer: UntimedWriter, line: Buffer): Promise<number> {
  await writer.append([line]);
  return Number(/-(\d+)\.ndjson$/.exec(writer.stats().segment ?? "")?.[1]);
}

await t.test("a segment begins with a header that says what its name says", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter();
  const [name = ""] = await spool.segments();
  const [header = ""] = await linesOf(spool, 0);
  t.match(JSON.parse(header), {
    n: 0,
    header: { format: 1, segment: name, created: new Date(spool.clock.now()).toISOString() },
  });
  t.match(name, /^\d{13}-[0-9a-f]{32}-000000\.ndjson$/);
  t.equal(name.slice(14, 46), writer.stats().instance);
  await writer.close();
});

await t.test(
  "before the first answer in a segment its header and its name are on stable storage",
  async (t) => {
    const spool = createSmallSpool();
    const writer = await spool.openWriter();
    await writer.append([payload(1)]);
    const calls = callNotes(spool.disk.calls, "create", "write", "sync", "syncDirectory");
    const first = calls.slice(calls.indexOf("create 000000"));
    t.strictSame(first.slice(0, 4), [
      "create 000000",
      "write 000000",
      "sync 000000",
      "syncDirectory /spool/segments",
    ]);
    t.ok(calls.lastIndexOf("sync 000000") > calls.indexOf("syncDirectory /spool/segments", 4));
    await writer.close();
  },
);

await t.test("every parent directory is synced before the first segment is made", async (t) => {
  const spool = createSmallSpool();
  await spool.openWriter();
  const calls = callNotes(spool.disk.calls, "create", "syncDirectory");
  for (const directory of ["/spool/segments", "/spool", "/"]) {
    t.ok(calls.indexOf(`syncDirectory ${directory}`) < calls.indexOf("create 000000"), directory);
    t.not(calls.indexOf(`syncDirectory ${directory}`), -1, directory);
  }
});

await t.test("no answer is given in a segment whose directory is not synced yet", async (t) => {
  const spool = createSmallSpool();
  spool.disk.inject({ operation: "syncDirectory", failure: "hang", after: 1, path: "segments" });
  const opening = spool.openWriter();
  t.equal(await stateOf(opening), "pending");
  spool.disk.release();
  const writer = await opening;
  await quiet();
  spool.disk.inject({ operation: "syncDirectory", failure: "hang", path: "segments" });
  await writer.append([payload(1, 1100)]);
  t.equal(await appendTo(writer, payload(2, 1100)), 1, "the spare was synced before");
  const third = writer.append([payload(3)]);
  t.equal(await stateOf(third), "pending", "the one after it is not");
  spool.disk.release();
  await third;
  await writer.close();
});

await t.test("the spare stands ready: a rotation makes nothing on the path of an answer", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter();
  await writer.append([payload(1, 1100)]);
  await quiet();
  spool.disk.inject({ operation: "create", failure: "hang" });
  t.equal(await appendTo(writer, payload(2)), 1);
  spool.disk.release();
  await writer.close();
});

await t.test(
  "a segment that reached its size is sealed, and the seal counts its lines and bytes",
  async (t) => {
    const spool = createSmallSpool();
    const writer = await spool.openWriter({ segmentBytesMax: 300 });
    for (let index = 0; index < 4; index++) await writer.append([payload(index, 60)]);
    const lines = await linesOf(spool, 0);
    t.equal(lines.length, 4, "header, two lines, seal: one group may exceed the size");
    const bytes = lines.slice(0, 3).join("\n").length + 1;
    t.match(JSON.parse(lines.at(-1) ?? ""), { n: 3, seal: { lines: 2, bytes } });
    await writer.close();
  },
);

await t.test(
  "a segment is sealed when its first line is old, and not because it waited for one",
  async (t) => {
    const spool = createSmallSpool();
    const writer = await spool.openWriter({ segmentAgeMs: 30_000 });
    spool.clock.advance(40_000);
    await writer.check();
    t.equal(await appendTo(writer, payload(1)), 0, "no line: nothing that could be old");
    spool.clock.advance(29_999);
    t.equal(await appendTo(writer, payload(2)), 0);
    spool.clock.advance(1);
    t.equal(await appendTo(writer, payload(3)), 1);
    await writer.close();
  },
);

await t.test("a segment that is old is sealed by the regular look, without another append", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter({ segmentAgeMs: 30_000 });
  await writer.append([payload(1)]);
  spool.clock.advance(30_000);
  await quiet();
  await writer.check();
  await quiet();
  t.match(JSON.parse((await linesOf(spool, 0)).at(-1) ?? ""), { seal: { lines: 1 } });
  t.equal(writer.stats().segment, undefined);
  await writer.close();
});

await t.test("the seal is written before any line of a later segment", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter({ segmentBytesMax: 300 });
  await quiet();
  await writer.append([payload(1, 300)]);
  const before = spool.disk.calls.length;
  spool.disk.inject({ operation: "write", failure: "hang", path: "000000" });
  const append = writer.append([payload(2)]);
  await quiet();
  t.strictSame(
    callNotes(spool.disk.calls.slice(before), "write"),
    ["write 000000"],
    "the seal, and nothing after it",
  );
  spool.disk.release();
  await append;
  t.strictSame(callNotes(spool.disk.calls.slice(before), "write").slice(0, 2), [
    "write 000000",
    "write 000001",
  ]);
  await writer.close();
});

await t.test("a seal that fails costs nothing but the seal", async (t) => {
  for (const operation of ["write", "sync"] as const) {
    const spool = createSmallSpool();
    const writer = await spool.openWriter({ segmentBytesMax: 300 });
    await quiet();
    await writer.append([payload(1, 300)]);
    spool.disk.inject({ operation, failure: "EIO", path: "000000" });
    await writer.append([payload(2)]);
    await quiet();
    await writer.append([payload(3)]);
    await writer.close();
    t.strictSame(indexes(await readAll(spool.openReader())), [1, 2, 3], operation);
  }
});

await t.test("names are never used again: numbers go on, whatever failed", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter();
  await quiet();
  spool.disk.inject({ operation: "create", failure: "EIO", times: 2 });
  for (let index = 0; index < 5; index++) await outcomes([writer.append([payload(index, 1100)])]);
  await writer.close();
  const created = callNotes(spool.disk.calls, "create");
  t.strictSame(created, [...new Set(created)]);
  t.strictSame(created, created.toSorted());
});

await t.test(
  "open segments are touched at least once a minute, however long a segment may live",
  async (t) => {
    for (const segmentAgeMs of [10_000, 24 * HOUR]) {
      const spool = createSmallSpool();
      const writer = await spool.openWriter({ segmentAgeMs });
      await quiet();
      for (let second = 0; second < 600; second++) {
        spool.clock.advance(1_000);
        await writer.check();
      }
      for (const name of await spool.segments()) {
        const { modifiedAt } = await spool.disk.status(spool.path(name));
        t.ok(spool.clock.now() - modifiedAt <= MINUTE, `${name} of ${segmentAgeMs}`);
      }
      const touches = callNotes(spool.disk.calls, "touch").length;
      t.ok(touches <= 2 * 61, `${touches} touches`);
      await writer.close();
    }
  },
);

await t.test(
  "a writer that slept for longer than its lease turns to a new segment, and nobody notices",
  async (t) => {
    for (const sleep of ["advance", "jump"] as const) {
      const spool = createSmallSpool();
      const writer = await spool.openWriter({ segmentAgeMs: HOUR });
      await writer.append([payload(1)]);
      spool.clock[sleep](5 * MINUTE);
      // Neither the live segment nor the spare may be used: a reader may have given up both.
      t.equal(await appendTo(writer, payload(2)), 2, sleep);
      await writer.close();
      t.strictSame(indexes(await readAll(spool.openReader())), [1, 2]);
    }
  },
);

await t.test("a look that comes too late does not renew a lease that ran out", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter({ segmentAgeMs: HOUR });
  await writer.append([payload(1)]);
  spool.clock.advance(20 * MINUTE);
  await writer.check();
  t.equal(await appendTo(writer, payload(2)), 2);
  await writer.close();
});

await t.test("a writer whose looks come in time keeps its segment for as long as it may live", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter({ segmentAgeMs: HOUR });
  await writer.append([payload(1)]);
  for (let minute = 0; minute < 50; minute++) {
    spool.clock.advance(MINUTE);
    await writer.check();
  }
  t.equal(await appendTo(writer, payload(2)), 0);
  await writer.close();
});

await t.test("what was written before a sleep and would be acknowledged after it is not", async (t) => {
  for (const sleep of ["advance", "jump"] as const) {
    const spool = createSmallSpool();
    const writer = await spool.openWriter({ segmentAgeMs: HOUR, appendTimeoutMs: HOUR });
    await quiet();
    spool.disk.inject({ operation: "sync", failure: "hang" });
    const append = outcomes([writer.append([payload(1)])]);
    await quiet();
    spool.clock[sleep](5 * MINUTE);
    spool.disk.release();
    t.strictSame(await append, ["segment_lost"], sleep);
    t.equal(await appendTo(writer, payload(2)), 2, "and another segment is taken");
    await writer.close();
  }
});

await t.test(
  "every line of a segment verifies against its name, and its numbers ascend by one",
  async (t) => {
    const spool = createSmallSpool();
    const writer = await spool.openWriter();
    for (let index = 0; index < 60; index += 3) await writer.append(payloads(index, index + 3));
    await writer.close();
    for (const name of await spool.segments()) {
      const bytes = spool.disk.contents(spool.path(name));
      let sequence = 0;
      for (let at = 0, end = bytes.indexOf("\n"); end >= 0; at = end + 1, end = bytes.indexOf("\n", at)) {
        t.equal(decodeLine(bytes, at, end, checksumSeed(name))?.sequence, sequence++);
      }
    }
  },
);
