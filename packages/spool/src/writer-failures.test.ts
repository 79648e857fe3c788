// What the disk may do to a group, and what the writer then does and does not do.
import t from "tap";
import type { Disk, FileStatus } from "./disk.js";
import type { SpoolErrorCode } from "./errors.js";
import type { DiskOperation } from "./testing/fault-disk.js";
import {
  callNotes,
  createSmallSpool,
  indexes,
  outcomes,
  payload,
  quiet,
  readAll,
} from "./testing/small-spool.js";
import type { SmallSpool } from "./testing/small-spool.js";
import type { UntimedWriter } from "./writer.js";

const FAILURES: readonly { operation: DiskOperation; errno: string; code: SpoolErrorCode }[] = [
  { operation: "write", errno: "ENOSPC", code: "disk_full" },
  { operation: "write", errno: "EDQUOT", code: "disk_full" },
  { operation: "write", errno: "EIO", code: "write_failed" },
  { operation: "write", errno: "EFBIG", code: "write_failed" },
  { operation: "write", errno: "EROFS", code: "write_failed" },
  { operation: "sync", errno: "EIO", code: "sync_failed" },
  { operation: "sync", errno: "EROFS", code: "sync_failed" },
  { operation: "sync", errno: "ENOSPC", code: "disk_full" },
];

for (const { operation, errno, code } of FAILURES) {
  await t.test(
    `a ${operation} that fails with ${errno} rejects its own group as ${code}, and no other`,
    async (t) => {
      const spool = createSmallSpool();
      const writer = await spool.openWriter();
      await writer.append([payload(1)]);
      const [live = ""] = await spool.segments();
      const offset = spool.disk.contents(spool.path(live)).byteLength;
      spool.disk.inject({ operation, failure: errno, path: "000000" });
      const group = await Promise.allSettled([writer.append([payload(2)]), writer.append([payload(3)])]);
      const before = spool.disk.calls.length;
      const reason = { name: "SpoolError", code, retryable: true, segment: live, offset };
      t.match(group, [
        { status: "rejected", reason },
        { status: "rejected", reason },
      ]);
      t.match(writer.readiness(), { ready: true }, "one failure may be of one file");
      t.strictSame(await outcomes([writer.append([payload(4)])]), ["ok"]);
      await writer.append([payload(5)]);
      await writer.close();
      // After a failed sync the kernel may answer the next one with success, though the bytes are gone.
      const later = callNotes(spool.disk.calls.slice(before), "write", "sync", "rename", "remove");
      t.notOk(
        later.some((note) => note.includes("000000")),
        "nothing more is asked of the segment",
      );
      t.notMatch(spool.disk.contents(spool.path(live)).toString(), "seal");
      const indexesRead = indexes(await readAll(spool.openReader()));
      t.strictSame(
        indexesRead.filter((index) => index !== 2 && index !== 3),
        [1, 4, 5],
      );
    },
  );
}

await t.test(
  "a short write that is followed by an error leaves half a line, and the reader passes it",
  async (t) => {
    const spool = createSmallSpool();
    const writer = await spool.openWriter();
    await quiet();
    spool.disk.inject({ operation: "write", failure: "short", path: "000000" });
    spool.disk.inject({ operation: "write", failure: "EFBIG", path: "000000" });
    t.strictSame(await outcomes([writer.append([payload(1)])]), ["write_failed"]);
    await writer.append([payload(2)]);
    t.strictSame(indexes(await readAll(spool.openReader())), [2]);
    await writer.close();
  },
);

await t.test(
  "control: a writer that retried the sync would be told success, and the bytes would be gone",
  async (t) => {
    const spool = createSmallSpool();
    const retrying: Disk = {
      ...spool.disk,
      create: async (path) => {
        const file = await spool.disk.create(path);
        return { ...file, sync: () => file.sync().catch(() => file.sync()) };
      },
    };
    const writer = await spool.openWriter({}, retrying);
    await quiet();
    spool.disk.inject({ operation: "sync", failure: "EIO", path: "000000" });
    t.strictSame(await outcomes([writer.append([payload(1)])]), ["ok"], "it is acknowledged");
    t.strictSame(indexes(await readAll(spool.openReader())), [], "and lost");
    await writer.close();
  },
);

/** Fails the next two groups, so that the writer refuses. */
async function failTwice(spool: SmallSpool, writer: UntimedWriter): Promise<void> {
  spool.disk.inject({ operation: "sync", failure: "EIO", path: "000000" });
  spool.disk.inject({ operation: "sync", failure: "EIO", path: "000001" });
  await outcomes([writer.append([payload(90)])]);
  await outcomes([writer.append([payload(91)])]);
  await quiet();
}

await t.test("a second failure in a row makes the writer refuse, without touching the disk", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter();
  await quiet();
  await failTwice(spool, writer);
  t.match(writer.readiness(), { ready: false, code: "sync_failed", message: /EIO/ });
  const before = spool.disk.calls.length;
  await t.rejects(writer.append([payload(1)]), { code: "sync_failed", retryable: true });
  t.equal(spool.disk.calls.length, before);
  await writer.close();
});

await t.test("a writer that refuses recovers by itself as soon as a segment can be made", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter();
  await quiet();
  await failTwice(spool, writer);
  await writer.check();
  t.match(writer.readiness(), { ready: false }, "not at once");
  spool.clock.advance(250);
  await writer.check();
  t.match(writer.readiness(), { ready: true });
  t.strictSame(await outcomes([writer.append([payload(1)])]), ["ok"]);
  await writer.close();
});

await t.test(
  "a disk that goes on failing is asked after 0.25 s, then after twice as long, up to 5 s",
  async (t) => {
    const spool = createSmallSpool();
    const writer = await spool.openWriter();
    await quiet();
    spool.disk.inject({ operation: "write", failure: "EROFS", times: Number.POSITIVE_INFINITY });
    spool.disk.inject({ operation: "create", failure: "EROFS", times: Number.POSITIVE_INFINITY });
    await outcomes([writer.append([payload(1)])]);
    await outcomes([writer.append([payload(2)])]);
    const waits: number[] = [];
    let last = spool.clock.monotonic();
    for (let step = 0; step < 500; step++) {
      const before = callNotes(spool.disk.calls, "create").length;
      await writer.check();
      if (callNotes(spool.disk.calls, "create").length > before) {
        waits.push(spool.clock.monotonic() - last);
        last = spool.clock.monotonic();
      }
      t.match(writer.readiness(), { ready: false }, "it never seems ready meanwhile");
      spool.clock.advance(50);
    }
    const first = waits.findIndex((wait) => wait >= 1_000);
    t.strictSame(waits.slice(first, first + 5), [1_000, 2_000, 4_000, 5_000, 5_000]);
    spool.disk.release();
    spool.clock.advance(5_000);
    await writer.check();
    t.strictSame(await outcomes([writer.append([payload(3)])]), ["ok"], "it recovers without a restart");
    await writer.close();
  },
);

await t.test("a failure between two groups that reach the disk is no second one in a row", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter();
  await quiet();
  spool.disk.inject({ operation: "sync", failure: "EIO", path: "000000" });
  spool.disk.inject({ operation: "sync", failure: "EIO", path: "000001", after: 1 });
  const each: string[][] = [];
  for (let index = 0; index < 3; index++) each.push(await outcomes([writer.append([payload(index)])]));
  t.strictSame(each, [["sync_failed"], ["ok"], ["sync_failed"]]);
  t.match(writer.readiness(), { ready: true });
  await writer.close();
});

await t.test("a spare that cannot be made costs nothing until it is needed, and is then made", async (t) => {
  const spool = createSmallSpool();
  spool.disk.inject({ operation: "create", failure: "ENOSPC", after: 1, path: "segments" });
  const writer = await spool.openWriter();
  await quiet();
  t.match(writer.readiness(), { ready: true });
  for (let index = 0; index < 4; index++) await writer.append([payload(index, 1100)]);
  await writer.close();
  t.strictSame(indexes(await readAll(spool.openReader())), [0, 1, 2, 3]);
});

/** What somebody else may do to the live segment, behind the back of its writer. */
const INTRUSIONS: readonly [string, (spool: SmallSpool, path: string) => unknown][] = [
  ["deletes the live segment", ({ disk }, path) => disk.remove(path)],
  ["moves the live segment away", ({ disk }, path) => disk.rename(path, "/elsewhere")],
  ["replaces the directory", ({ disk, layout }) => disk.replaceDirectory(layout.segments)],
  [
    "appends to the live segment",
    ({ disk }, path) => disk.corrupt(path, (bytes) => Buffer.concat([bytes, Buffer.from("x\n")])),
  ],
  ["cuts the live segment off", ({ disk }, path) => disk.corrupt(path, (bytes) => bytes.subarray(0, 10))],
  [
    "puts another file in its place",
    async ({ disk }, path) => {
      // As long as the segment will be with its next line: only that it is another file tells.
      const bytes = Buffer.alloc(disk.contents(path).byteLength + 36);
      await disk.remove(path);
      const file = await disk.create(path);
      await file.write(bytes);
    },
  ],
];

for (const [deed, intrude] of INTRUSIONS) {
  await t.test(`somebody ${deed}: noticed before the next acknowledgement`, async (t) => {
    const spool = createSmallSpool();
    const writer = await spool.openWriter();
    await quiet();
    await intrude(spool, spool.path((await spool.segments())[0] ?? ""));
    await t.rejects(writer.append([payload(1)]), {
      code: "segment_lost",
      retryable: true,
      segment: /000000/,
    });
    await quiet();
    // The spare may be gone as well: then one more is rejected.
    await outcomes([writer.append([payload(2)])]);
    spool.clock.advance(10_000);
    await writer.check();
    await writer.append([payload(3)]);
    await writer.close();
    t.ok(indexes(await readAll(spool.openReader())).includes(3));
  });
}

await t.test("control: a writer that does not look acknowledges what nobody will ever read", async (t) => {
  const spool = createSmallSpool();
  const statuses = new Map<string, () => Promise<FileStatus>>();
  const blind: Disk = {
    ...spool.disk,
    create: async (path) => {
      const file = await spool.disk.create(path);
      statuses.set(path, () => file.status());
      return file;
    },
    status: (path) => statuses.get(path)?.() ?? spool.disk.status(path),
  };
  const writer = await spool.openWriter({}, blind);
  await spool.disk.remove(spool.path((await spool.segments())[0] ?? ""));
  t.strictSame(await outcomes([writer.append([payload(1)])]), ["ok"]);
  await writer.close();
  t.strictSame(indexes(await readAll(spool.openReader())), []);
});
