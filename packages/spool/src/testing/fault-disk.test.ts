// What a test may rely on: what a power cut takes, what it leaves, and how calls fail.
import t from "tap";
import type { Disk } from "../disk.js";
import { createRandom } from "./random.js";
import { createSmallSpool, quiet, stateOf } from "./small-spool.js";

async function write(disk: Disk, path: string, text: string, synced: boolean): Promise<void> {
  const file = await disk.create(path);
  await file.write(Buffer.from(text));
  if (synced) await file.sync();
}

/** What is left of a file after power cuts of many kinds, given what was done before. */
async function survivors(prepare: (disk: Disk) => Promise<void>): Promise<Set<string>> {
  const left = new Set<string>();
  for (let seed = 0; seed < 300; seed++) {
    const { disk } = createSmallSpool();
    await prepare(disk);
    disk.crash(createRandom(seed));
    left.add(disk.files("/").includes("/a") ? disk.contents("/a").toString().replaceAll("\0", "0") : "gone");
  }
  return left;
}

await t.test("what was not synced survives in any part: the name, a prefix, zeros", async (t) => {
  const left = await survivors((disk) => write(disk, "/a", "abc", false));
  for (const outcome of ["gone", "", "a", "ab", "abc", "0", "00", "000"]) t.ok(left.has(outcome), outcome);
});

await t.test(
  "a file's sync keeps its bytes and not its name; the directory's sync keeps the name",
  async (t) => {
    t.strictSame(await survivors((disk) => write(disk, "/a", "abc", true)), new Set(["gone", "abc"]));
    const left = await survivors(async (disk) => {
      await write(disk, "/a", "abc", true);
      await disk.syncDirectory("/");
    });
    t.strictSame(left, new Set(["abc"]));
  },
);

await t.test("a rename and a removal come back without the directory's sync", async (t) => {
  const renamed = await survivors(async (disk) => {
    await write(disk, "/a", "old", true);
    await write(disk, "/b", "new", true);
    await disk.syncDirectory("/");
    await disk.rename("/b", "/a");
  });
  t.strictSame(renamed, new Set(["old", "new"]), "either, and each whole");
  const removed = await survivors(async (disk) => {
    await write(disk, "/a", "abc", true);
    await disk.syncDirectory("/");
    await disk.remove("/a");
  });
  t.strictSame(removed, new Set(["gone", "abc"]));
});

await t.test(
  "what the kernel writes back by itself survives, and nothing synced is harmed by it",
  async (t) => {
    const { disk } = createSmallSpool();
    await write(disk, "/a", "abc", true);
    await disk.syncDirectory("/");
    for (let seed = 0; seed < 50; seed++) {
      disk.writeBack(createRandom(seed));
      t.equal(disk.contents("/a").toString(), "abc");
    }
    await write(disk, "/b", "unsynced", false);
    for (let seed = 0; seed < 50; seed++) disk.writeBack(createRandom(seed));
    disk.crash(() => 0.9);
    t.ok(disk.files("/").includes("/b"));
  },
);

await t.test("a sync covers what was written before it began, and no more", async (t) => {
  const { disk } = createSmallSpool();
  const file = await disk.create("/a");
  await disk.syncDirectory("/");
  await file.write(Buffer.from("first"));
  disk.inject({ operation: "sync", failure: "hang" });
  const sync = file.sync();
  await quiet();
  await file.write(Buffer.from("second"));
  disk.release();
  await sync;
  disk.crash(() => 0);
  t.equal(disk.contents("/a").toString(), "first");
});

await t.test("a sync that failed loses the bytes, and the next one answers success", async (t) => {
  const { disk } = createSmallSpool();
  const file = await disk.create("/a");
  await file.write(Buffer.from("kept"));
  await file.sync();
  await file.write(Buffer.from("lost"));
  disk.inject({ operation: "sync", failure: "EIO" });
  await t.rejects(file.sync(), { code: "EIO" });
  await file.sync();
  t.equal(disk.contents("/a").toString(), "kept\0\0\0\0");
});

await t.test(
  "a full disk takes what fits and then nothing, and takes again when there is room",
  async (t) => {
    const { disk } = createSmallSpool();
    disk.setCapacity(6);
    const file = await disk.create("/a");
    t.equal(await file.write(Buffer.from("12345678")), 6);
    await t.rejects(file.write(Buffer.from("7")), { code: "ENOSPC" });
    disk.setCapacity(7);
    t.equal(await file.write(Buffer.from("78")), 1);
  },
);

await t.test("a fault strikes the calls that it is for, after so many, so many times", async (t) => {
  const { disk } = createSmallSpool();
  disk.inject({ operation: "status", failure: "EIO", after: 1, times: 2, path: "/a" });
  await write(disk, "/a", "", false);
  await write(disk, "/b", "", false);
  const outcomes: string[] = [];
  for (const path of ["/a", "/b", "/a", "/a", "/a"]) {
    await disk.status(path).then(
      () => outcomes.push("ok"),
      () => outcomes.push("EIO"),
    );
  }
  t.strictSame(outcomes, ["ok", "ok", "EIO", "EIO", "ok"]);
});

await t.test("a process that is dead does nothing more, not even with what it had begun", async (t) => {
  const { disk } = createSmallSpool();
  const process = disk.startProcess();
  const file = await process.create("/a");
  disk.inject({ operation: "write", failure: "hang" });
  const begun = file.write(Buffer.from("x"));
  await quiet();
  process.kill();
  disk.release();
  const later = process.create("/b");
  t.strictSame([await stateOf(begun), await stateOf(later)], ["pending", "pending"]);
  t.strictSame([disk.contents("/a").byteLength, disk.files("/")], [0, ["/a"]]);
});

await t.test("a power cut ends every process, and comes exactly between two calls", async (t) => {
  for (let calls = 0; calls < 4; calls++) {
    const { disk } = createSmallSpool();
    const process = disk.startProcess();
    disk.interruptAfter(calls, () => disk.crash(() => 0.99));
    const run = (async () => {
      for (const name of ["/a", "/b", "/c"]) await process.create(name);
    })();
    t.equal(await stateOf(run), calls < 3 ? "pending" : "fulfilled");
    t.equal(disk.calls.length, Math.min(calls, 3));
    t.equal(disk.files("/").length, calls < 3 ? 0 : 3);
  }
});

await t.test("a file that was open at a power cut is closed for those who survive it", async (t) => {
  const { disk } = createSmallSpool();
  const file = await disk.create("/a");
  disk.crash(() => 0);
  await t.rejects(file.write(Buffer.from("x")), { code: "EBADF" });
});
