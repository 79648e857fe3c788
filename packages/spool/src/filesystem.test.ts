import t from "tap";
import { systemClock } from "./clock.js";
import { nodeDisk } from "./disk.js";
import { checkFileSystem } from "./filesystem.js";
import { createSmallSpool } from "./testing/small-spool.js";

const TABLE = [
  [0xef53, "ext4", "ok", "ok"],
  [0x58465342, "xfs", "ok", "ok"],
  [0x9123683e, "btrfs", "ok", "ok"],
  [0x2fc12fc1, "zfs", "ok", "ok"],
  [0x01021994, "tmpfs", "refuse", "warn"],
  [0x858458f6, "ramfs", "refuse", "warn"],
  [0x6969, "nfs", "warn", "warn"],
  [0xff534d42, "cifs", "warn", "warn"],
  [0x00c36400, "ceph", "warn", "warn"],
  [0x01021997, "9p", "warn", "warn"],
  [0x794c7630, "overlay", "warn", "warn"],
  [0x65735546, "fuse", "warn", "warn"],
  [0x12345678, "unknown", "warn", "warn"],
] as const;

for (const [type, name, strict, lenient] of TABLE) {
  await t.test(`${name}: ${strict}, and ${lenient} where nothing needs to survive`, async (t) => {
    const { disk, clock } = createSmallSpool();
    disk.setType(type);
    for (const [allowVolatile, verdict] of [
      [false, strict],
      [true, lenient],
    ] as const) {
      const report = await checkFileSystem(disk, clock, "/spool", { allowVolatile });
      t.match(report, { name, type, verdict, message: /^The spool's file system .*\.$/ });
    }
  });
}

await t.test("a number that comes negative is known all the same", async (t) => {
  const { disk, clock } = createSmallSpool();
  disk.setType(0x9123683e | 0);
  t.match(await checkFileSystem(disk, clock, "/spool", { allowVolatile: false }), {
    name: "btrfs",
    type: 0x9123683e,
  });
});

await t.test("one fdatasync is measured, and the file for it removed", async (t) => {
  const { disk, clock } = createSmallSpool();
  disk.inject({ operation: "sync", failure: "hang" });
  const check = checkFileSystem(disk, clock, "/spool", { allowVolatile: false });
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(250);
  disk.release();
  t.equal((await check).syncSeconds, 0.25);
  t.strictSame(await disk.list("/spool"), []);
});

await t.test("a directory that cannot be written or synced is an error that says so", async (t) => {
  for (const operation of ["makeDirectory", "create", "write", "sync", "space"] as const) {
    const { disk, clock } = createSmallSpool();
    disk.inject({ operation, failure: "EROFS" });
    await t.rejects(
      checkFileSystem(disk, clock, "/spool", { allowVolatile: false }),
      { code: "directory_unusable", message: /EROFS/ },
      operation,
    );
    t.notOk(disk.files("/spool").length > 0, "and nothing is left");
  }
});

await t.test("the file system of this machine is looked at and tried", async (t) => {
  const directory = t.testdir();
  const report = await checkFileSystem(nodeDisk, systemClock, directory, { allowVolatile: true });
  t.match(report, { name: String, verdict: /ok|warn/ });
  t.ok(report.syncSeconds > 0 && report.syncSeconds < 60);
});
