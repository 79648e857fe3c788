/** The disk of the local cursor fills up under a running forwarder, and is free again. */
import { execFile } from "node:child_process";
import { mkdir, open, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import t, { type Test } from "tap";
import { startKafka } from "../kafka/index.js";
import { temporaryFolder } from "../torture/folder.js";
import { eventually } from "../torture/rig.js";
import { openFeed } from "./feed.js";
import { createRoute, faultsOnArrival } from "./route.js";
import { createStock } from "./stock.js";

const run = promisify(execFile);

/** Enough for the forwarder to set a reserve aside. */
const DISK_BYTES = 32 * 1024 * 1024;
const CHUNK_BYTES = 4096;
/** What the forwarder keeps for the day when the disk is full. */
const RESERVE_BYTES = 1024 * 1024;

/** Mounts a small file system there; resolves with the reason if that cannot be done here. */
async function mountSmallDisk(t: Test, directory: string): Promise<string | undefined> {
  await mkdir(directory, { recursive: true });
  try {
    await run("mount", ["-t", "tmpfs", "-o", `size=${DISK_BYTES}`, "tmpfs", directory]);
  } catch {
    return "cannot mount a file system here";
  }
  t.teardown(() => run("umount", ["--lazy", directory]));
  return undefined;
}

/** Takes all the room that is left. */
async function fill(path: string): Promise<void> {
  const file = await open(path, "a");
  try {
    for (;;) await file.write(Buffer.alloc(CHUNK_BYTES, 1));
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error) || error.code !== "ENOSPC") throw error;
  } finally {
    await file.close();
  }
}

await t.test("events go on arriving once while the local cursor cannot be written", async (t) => {
  const spool = join(await temporaryFolder(t), "spool");
  const disk = join(spool, "forwarder");
  const impossible = await mountSmallDisk(t, disk);
  if (impossible !== undefined) {
    t.pass(impossible, { skip: impossible });
    return;
  }
  const kafka = await startKafka(t);
  const stock = createStock();
  const route = await createRoute(t, kafka, { spool });
  await route.createTopics();
  const feed = await openFeed(stock, { spool, name: "feed" });
  const forwarder = await route.start();
  await feed.append(100);
  t.strictSame(await faultsOnArrival(route, stock), []);
  t.equal(await reserveBecomes(disk, RESERVE_BYTES), RESERVE_BYTES, "there is a reserve");
  const ballast = join(disk, "ballast");
  await fill(ballast);
  await feed.append(100);
  t.equal(await reserveBecomes(disk, undefined), undefined, "the reserve is given up for the cursor");
  await fill(ballast);
  await feed.append(100);
  await forwarder.line(({ record }) =>
    String(record["msg"]).startsWith("the local cursor cannot be written"),
  );
  await feed.append(100);
  t.strictSame(await faultsOnArrival(route, stock), []);
  await forwarder.kill();
  const next = await route.start();
  await feed.append(100);
  t.strictSame(await faultsOnArrival(route, stock), [], "the next one asks the broker");
  await rm(ballast);
  await feed.append(100);
  t.equal(await reserveBecomes(disk, RESERVE_BYTES), RESERVE_BYTES, "the reserve is there again");
  t.strictSame(await faultsOnArrival(route, stock), []);
  t.match(await route.drain(next), { code: 0 });
});

/** The size of the reserve, once it is so large or the time is up. */
function reserveBecomes(disk: string, bytes: number | undefined): Promise<number | undefined> {
  return eventually(
    async () => (await stat(join(disk, "reserve")).catch(() => undefined))?.size,
    (size) => size === bytes,
  );
}
