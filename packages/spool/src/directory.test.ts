import t from "tap";
import { prepareDirectory } from "./directory.js";
import { callNotes, createSmallSpool } from "./testing/small-spool.js";

await t.test("a directory is made, tried, and synced with all its parents", async (t) => {
  const { disk } = createSmallSpool();
  await prepareDirectory(disk, "/a/b/c");
  t.strictSame(callNotes(disk.calls, "makeDirectory", "status", "syncDirectory"), [
    "makeDirectory /a/b/c",
    "status /a/b/c",
    ...["/a/b/c", "/a/b", "/a", "/"].map((path) => `syncDirectory ${path}`),
  ]);
});

await t.test(
  "parents that this process may not open were there before it, and are passed over",
  async (t) => {
    for (const errno of ["EACCES", "EPERM", "EROFS", "EINVAL", "ENOTSUP"]) {
      const { disk } = createSmallSpool();
      disk.inject({ operation: "syncDirectory", failure: errno, after: 1, times: 10 });
      await prepareDirectory(disk, "/a/b");
    }
    t.pass();
  },
);

await t.test(
  "a disk that fails on a directory or a parent is an error that names the directory",
  async (t) => {
    for (const fault of [
      { operation: "makeDirectory", failure: "ENOTDIR" },
      { operation: "status", failure: "EACCES" },
      { operation: "syncDirectory", failure: "EACCES" },
      { operation: "syncDirectory", failure: "EIO", after: 2 },
    ] as const) {
      const { disk } = createSmallSpool();
      disk.inject(fault);
      await t.rejects(prepareDirectory(disk, "/a/b"), {
        name: "SpoolError",
        code: "directory_unusable",
        message: new RegExp(`/a/b .*${fault.failure}`),
      });
    }
  },
);
