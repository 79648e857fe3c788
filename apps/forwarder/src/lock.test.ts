import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import t from "tap";
import { nodeDisk, spoolLayout } from "@event-collector/spool";
import { takeLock } from "./lock.js";

/** Short names: those of a test's own folder are too long for a socket. */
async function shortDirectory(t: { teardown(end: () => Promise<void>): void }): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), "lock-"));
  t.teardown(() => rm(directory, { recursive: true }));
  await mkdir(join(directory, "forwarder"));
  return directory;
}

await t.test("the second forwarder of a spool is refused until the first lets go", async (t) => {
  const layout = spoolLayout(await shortDirectory(t));
  const lock = await takeLock(nodeDisk, layout, "spool-1");
  await t.rejects(takeLock(nodeDisk, layout, "spool-1"), { name: "LockedError" });
  await lock.release();
  const again = await takeLock(nodeDisk, layout, "spool-1");
  await again.release();
});

await t.test("a lock left behind by a killed process is taken over", async (t) => {
  const directory = await shortDirectory(t);
  const path = join(directory, "forwarder", "lock.sock");
  const dead = createServer();
  await new Promise<void>((resolve) => dead.listen(path, resolve));
  // As SIGKILL would leave it: the file stays, nobody listens.
  await rename(path, `${path}.left`);
  await new Promise((resolve) => dead.close(resolve));
  await rename(`${path}.left`, path);
  const lock = await takeLock(nodeDisk, spoolLayout(directory), "spool-2");
  await lock.release();
});

await t.test("a directory with a long name can be locked too", async (t) => {
  const layout = spoolLayout(t.testdir({ ["d".repeat(120)]: {} }));
  const lock = await takeLock(nodeDisk, layout, "spool-3");
  await t.rejects(takeLock(nodeDisk, layout, "spool-3"), { name: "LockedError" });
  await lock.release();
});
