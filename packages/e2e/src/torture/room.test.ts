/**
 * Room that runs out under a running ingress (bytes, inodes, file size, descriptors, the spool's own limit) and comes
 * back.
 */
import { mkdir, open, rm, statfs, unlink, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import t, { type Test } from "tap";
import { temporaryFolder } from "./folder.js";
import { spoolOn } from "./power-cut.js";
import { needPrograms, needVolume } from "./requirement.js";
import { eventually, startRig } from "./rig.js";
import { parseSpool, type StoredSegment } from "./segment-parser.js";
import { createVolume, type Volume, type VolumeOptions } from "./volume.js";

const run = promisify(execFile);

const MIB = 1024 * 1024;

const skip = await needVolume("ext4");
const skipLimits = await needPrograms("prlimit");

await t.test("a full disk refuses events until there is room again", { skip }, async (t) => {
  const volume = await mountVolume(t, { bytes: 16 * MIB });
  const rig = await startRig(t, { spool: spoolOn(volume) });
  const load = rig.load();
  await rig.stores(load);
  const ballast = await fillBytes(volume.directory, 0);
  await rig.refuses(load);
  await rig.becomesUnready();
  await rig.isAlive();
  await unlink(ballast);
  await rig.stores(load);
  await rig.becomesReady();
  await rig.settle();
});

await t.test("events are refused before the room for the forwarder is touched", { skip }, async (t) => {
  const volume = await mountVolume(t, { bytes: 64 * MIB });
  const reserve = 24 * MIB;
  const environment = { BUFFER_MIN_FREE_BYTES: String(reserve) };
  const rig = await startRig(t, { spool: spoolOn(volume), environment });
  const load = rig.load();
  await rig.stores(load);
  const ballast = await fillBytes(volume.directory, reserve + MIB);
  await rig.refuses(load);
  await rig.becomesUnready();
  await rig.isAlive();
  const { bavail, bsize } = await statfs(volume.directory);
  // One look at the room is a second old at most; in that time a little more may be written.
  t.ok(bavail * bsize > reserve / 2, `${bavail * bsize} bytes are still free`);
  await unlink(ballast);
  await rig.stores(load);
  await rig.becomesReady();
  await rig.settle();
});

await t.test("a disk without inodes refuses events until there are some again", { skip }, async (t) => {
  const volume = await mountVolume(t, { makeOptions: ["-N", "64"] });
  const rig = await startRig(t, { spool: spoolOn(volume) });
  const load = rig.load();
  await rig.stores(load);
  const ballast = await fillInodes(volume.directory);
  await rig.refuses(load);
  await rig.becomesUnready();
  await rig.isAlive();
  await rm(ballast, { recursive: true });
  await rig.stores(load);
  await rig.becomesReady();
  await rig.settle();
});

await t.test("a limit on the size of files costs the group that hits it", { skip: skipLimits }, async (t) => {
  const folder = await temporaryFolder(t);
  const limit = 60_000;
  const under = ["prlimit", `--fsize=${limit}`];
  const environment = { BUFFER_SEGMENT_BYTES: "1048576" };
  const rig = await startRig(t, { spool: join(folder, "spool"), environment, under });
  const load = rig.load();
  await rig.refuses(load);
  await rig.isAlive();
  await rig.stores(load);
  await rig.becomesReady();
  const full = await eventually(
    async () => (await parseSpool(join(folder, "spool"))).filter(({ bytes }) => bytes === limit),
    (found) => found.length >= 2,
  );
  t.ok(full.length >= 2, `${full.length} segments have the size of the limit`);
  await rig.settle();
});

await t.test("with no descriptor left nothing is lost, and all goes on", { skip: skipLimits }, async (t) => {
  const folder = await temporaryFolder(t);
  const rig = await startRig(t, { spool: join(folder, "spool") });
  const load = rig.load();
  await rig.stores(load);
  // Not at the start, where Node opens its modules all at once. What is open stays so, and nothing else can be opened.
  await run("prlimit", [`--pid=${rig.collector.program.pid}`, "--nofile=1:"]);
  const sockets = await openConnections(rig.collector.port, 100);
  await rig.refuses(load);
  for (const socket of sockets) socket.destroy();
  await run("prlimit", [`--pid=${rig.collector.program.pid}`, "--nofile=1024:"]);
  await rig.stores(load);
  await rig.becomesReady();
  await rig.isAlive();
  await rig.settle();
});

await t.test("at its limit the spool refuses events until segments are deleted", async (t) => {
  const folder = await temporaryFolder(t);
  const spool = join(folder, "spool");
  const rig = await startRig(t, { spool, environment: { BUFFER_MAX_BYTES: "1048576" } });
  const load = rig.load();
  await rig.refuses(load);
  await rig.becomesUnready();
  await rig.isAlive();
  const deleted = await deleteSealed(spool);
  t.ok(deleted.length > 0, `${deleted.length} segments deleted`);
  await rig.stores(load);
  await rig.becomesReady();
  await rig.settle((found) => [...deleted, ...found]);
});

async function mountVolume(t: Test, options: Partial<VolumeOptions>): Promise<Volume> {
  const folder = await temporaryFolder(t);
  const volume = await createVolume({ fileSystem: "ext4", directory: join(folder, "volume"), ...options });
  t.teardown(() => volume.remove());
  await volume.mount();
  return volume;
}

/** Writes a file until only so many bytes are free; returns its path. */
async function fillBytes(directory: string, free: number): Promise<string> {
  const path = join(directory, "ballast");
  const file = await open(path, "w");
  try {
    for (let size = MIB; size >= 4096; size /= 2) {
      while (await hasRoom(directory, size + free)) {
        if (!(await writes(file.write(Buffer.alloc(size, 1))))) break;
      }
    }
    await file.sync().catch(() => undefined);
  } finally {
    await file.close();
  }
  return path;
}

async function hasRoom(directory: string, bytes: number): Promise<boolean> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize > bytes;
}

/** Whether it could be done; that there is no room is an answer. */
async function writes(action: Promise<unknown>): Promise<boolean> {
  try {
    await action;
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOSPC") return false;
    throw error;
  }
}

/** Makes empty files until there is no inode left; returns their folder. */
async function fillInodes(directory: string): Promise<string> {
  const folder = join(directory, "ballast");
  await mkdir(folder);
  let number = 0;
  while (await writes(writeFile(join(folder, String(number)), ""))) number += 1;
  return folder;
}

async function openConnections(port: number, count: number): Promise<Socket[]> {
  const sockets = Array.from({ length: count }, () => connect(port, "127.0.0.1"));
  for (const socket of sockets) socket.on("error", () => undefined);
  await Promise.all(sockets.map((socket) => Promise.race([once(socket, "connect"), once(socket, "close")])));
  return sockets;
}

/** Does what the forwarder does when a segment is published and old; returns what stood in them. */
async function deleteSealed(spool: string): Promise<StoredSegment[]> {
  const segments = await eventually(
    async () => (await parseSpool(spool)).filter(({ sealed }) => sealed),
    (found) => found.length > 0,
  );
  for (const { name } of segments) await unlink(join(spool, "segments", name));
  return segments;
}
