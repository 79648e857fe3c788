// What the spool relies on a disk for, shown on the real one and on the one in memory: where they differ, tests lie.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import t from "tap";
import type { Test } from "tap";
import { nodeDisk } from "./disk.js";
import type { Disk } from "./disk.js";
import { createSmallSpool } from "./testing/small-spool.js";

type Case = (t: Test, disk: Disk, directory: string) => Promise<void>;

const CASES: Record<string, Case> = {
  "a file is created once: its name cannot be taken twice": async (t, disk, directory) => {
    const file = await disk.create(join(directory, "a"));
    await t.rejects(disk.create(join(directory, "a")), { code: "EEXIST" });
    await file.close();
  },
  "writes append, and are read at any offset": async (t, disk, directory) => {
    const path = join(directory, "a");
    const file = await disk.create(path);
    t.equal(await file.write(Buffer.from("hello ")), 6);
    t.equal(await file.write(Buffer.from("world")), 5);
    await file.sync();
    const reader = await disk.open(path);
    const target = Buffer.alloc(20);
    t.equal(await reader.read(target.subarray(0, 5), 6), 5);
    t.equal(target.toString("latin1", 0, 5), "world");
    t.equal(await reader.read(target, 0), 11, "as much as is there");
    t.equal(await reader.read(target, 11), 0, "nothing behind the end");
    t.equal(await reader.read(target, 1_000), 0);
    t.equal(Buffer.from(await disk.readFile(path)).toString(), "hello world");
    await Promise.all([file.close(), reader.close()]);
  },
  "the status by path and of the open file agree, and tell one file from another": async (
    t,
    disk,
    directory,
  ) => {
    const path = join(directory, "a");
    const file = await disk.create(path);
    await file.write(Buffer.from("x"));
    t.match(await disk.status(path), { size: 1, links: 1 });
    t.equal((await disk.status(path)).identity, (await file.status()).identity);
    await disk.remove(path);
    t.match(await file.status(), { size: 1, links: 0 }, "an open file outlives its name");
    const other = await disk.create(path);
    t.not((await disk.status(path)).identity, (await file.status()).identity);
    await Promise.all([file.close(), other.close()]);
  },
  "a touch sets the time of the last write": async (t, disk, directory) => {
    const path = join(directory, "a");
    await (await disk.create(path)).close();
    await disk.touch(path, 1_700_000_000_123);
    t.equal(Math.round((await disk.status(path)).modifiedAt), 1_700_000_000_123);
  },
  "a rename takes the place of what was there": async (t, disk, directory) => {
    const [from, to] = [join(directory, "from"), join(directory, "to")];
    for (const path of [from, to]) {
      const file = await disk.create(path);
      await file.write(Buffer.from(path));
      await file.close();
    }
    await disk.rename(from, to);
    t.equal(Buffer.from(await disk.readFile(to)).toString(), from);
    t.strictSame(await disk.list(directory), ["to"]);
  },
  "a link gives a second name, and never takes one": async (t, disk, directory) => {
    const [one, other] = [join(directory, "one"), join(directory, "other")];
    await (await disk.create(one)).close();
    await disk.link(one, other);
    t.match(await disk.status(one), { links: 2 });
    await t.rejects(disk.link(one, other), { code: "EEXIST" });
    await disk.remove(one);
    t.match(await disk.status(other), { links: 1 });
  },
  "what is not there is ENOENT": async (t, disk, directory) => {
    const path = join(directory, "none");
    const calls: (() => Promise<unknown>)[] = [
      () => disk.open(path),
      () => disk.readFile(path),
      () => disk.status(path),
      () => disk.remove(path),
      () => disk.touch(path, 0),
      () => disk.rename(path, join(directory, "b")),
      () => disk.list(path),
      () => disk.syncDirectory(path),
      () => disk.space(path),
      () => disk.create(join(path, "a")),
    ];
    for (const call of calls) await t.rejects(async () => void (await call()), { code: "ENOENT" });
  },
  "directories are made with their parents, listed, and synced": async (t, disk, directory) => {
    await disk.makeDirectory(join(directory, "a", "b"));
    await disk.makeDirectory(join(directory, "a", "b"));
    await (await disk.create(join(directory, "a", "file"))).close();
    t.strictSame((await disk.list(join(directory, "a"))).toSorted(), ["b", "file"]);
    await disk.syncDirectory(join(directory, "a", "b"));
    await disk.assertWritable(join(directory, "a", "b"));
  },
  "there is room, and it says on what": async (t, disk, directory) => {
    const space = await disk.space(directory);
    t.ok(space.freeBytes > 0 && space.totalBytes >= space.freeBytes && space.freeInodes > 0);
    t.type(space.type, "number");
  },
};

for (const [name, run] of Object.entries(CASES)) {
  await t.test(`node's disk: ${name}`, async (t) => {
    await run(t, nodeDisk, t.testdir());
  });
  await t.test(`the disk in memory: ${name}`, async (t) => {
    const { disk } = createSmallSpool();
    await disk.makeDirectory("/place");
    await run(t, disk, "/place");
  });
}

await t.test("node's disk: a directory that may not be written is not writable", async (t) => {
  if (process.getuid?.() === 0) return void t.pass("root may write everywhere");
  const directory = join(t.testdir(), "closed");
  mkdirSync(directory, { mode: 0o500 });
  await t.rejects(nodeDisk.assertWritable(directory), { code: "EACCES" });
});

await t.test("node's disk: a file is closed once nothing is asked of it any more", async (t) => {
  const path = join(t.testdir(), "a");
  const file = await nodeDisk.create(path);
  const order: string[] = [];
  const note = (what: string) => () => void order.push(what);
  const done = [
    file.write(Buffer.from("hello")).then(note("written")),
    file.sync().then(note("synced")),
    ...[1, 2].map(() => file.close().then(note("closed"))),
  ];
  await Promise.all(done);
  t.strictSame(order.slice(2), ["closed", "closed"]);
  await t.rejects(file.write(Buffer.from("!")), { code: "ERR_OUT_OF_RANGE" });
  await t.rejects(file.sync(), { code: "ERR_OUT_OF_RANGE" });
  t.equal(Buffer.from(await nodeDisk.readFile(path)).toString(), "hello");
});
