/**
 * Disks that fail for real under a running ingress: frozen, dead, read-only, and one that loses what it took. Root
 * only.
 */
import { execFile } from "node:child_process";
import { mkdir, open, unlink, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import t, { type Test } from "tap";
import { balanceSpool, faultsOf } from "./books.js";
import { temporaryFolder } from "./folder.js";
import { compileProgram } from "./native.js";
import { spoolOn } from "./power-cut.js";
import { needVolume } from "./requirement.js";
import { startRig, type Rig } from "./rig.js";
import { parseSpool, type StoredSegment } from "./segment-parser.js";
import { createVolume, type Volume, type VolumeOptions } from "./volume.js";

const run = promisify(execFile);
const skip = await needVolume("ext4");
const skips = { ext4: skip, xfs: await needVolume("xfs") };

await t.test("a disk that hangs keeps nobody waiting for ever", { skip }, async (t) => {
  const { volume } = await mountVolume(t, { fileSystem: "ext4" });
  const rig = await startRig(t, { spool: spoolOn(volume) });
  const load = rig.load();
  await rig.stores(load);
  await run("fsfreeze", ["--freeze", volume.directory]);
  await rig.isAlive();
  await rig.refuses(load);
  await rig.becomesUnready();
  await rig.isAlive();
  await run("fsfreeze", ["--unfreeze", volume.directory]);
  await rig.stores(load);
  await rig.becomesReady();
  await rig.settle();
});

for (const fileSystem of ["ext4", "xfs"] as const) {
  const title = `a file system that shuts down, ${fileSystem}, is let go; when it is mounted again all goes on`;
  await t.test(title, { skip: skips[fileSystem] }, async (t) => {
    const { volume, folder } = await mountVolume(t, { fileSystem });
    const cutter = await volume.arm(await compileProgram("cut", folder));
    const rig = await startRig(t, { spool: spoolOn(volume) });
    await storeSome(rig);
    await cutter.cut();
    await refusesUntilMounted(rig, volume);
    await rig.settle();
  });
}

await t.test("a disk that turns read-only refuses events until it is mounted again", { skip }, async (t) => {
  const { volume } = await mountVolume(t, { fileSystem: "ext4", mountOptions: "errors=remount-ro" });
  const rig = await startRig(t, { spool: spoolOn(volume) });
  await storeSome(rig);
  // As ext4 does when it finds its own structures broken.
  await writeFile(`/sys/fs/ext4/${basename(volume.device)}/trigger_fs_error`, "1");
  await refusesUntilMounted(rig, volume);
  await rig.settle();
});

await t.test("what a disk loses although it was synced, the checksum shows", { skip }, async (t) => {
  const outer = await mountMemory(t, "24m");
  // All names of segments fit in one block: a block of the directory that is made while the disk is full is lost too,
  // and then no file can be made or found there.
  const makeOptions = ["-b", "4096"];
  const volume = await createVolume({ fileSystem: "ext4", directory: join(outer, "volume"), makeOptions });
  t.teardown(() => volume.remove());
  await volume.mount();
  const rig = await startRig(t, { spool: spoolOn(volume), environment: { BUFFER_SEGMENT_BYTES: "131072" } });
  await storeSome(rig, 60);
  const sealed = sealedNames(await parseSpool(spoolOn(volume)));
  t.ok(sealed.size > 0, `${sealed.size} segments are sealed`);
  const ballast = await fill(join(outer, "ballast"));
  const load = rig.load();
  await rig.refuses(load);
  await rig.becomesUnready();
  await rig.isAlive();
  await unlink(ballast);
  await rig.stores(load);
  await rig.becomesReady();
  await load.finish();
  // In memory all is as it was written. What the disk made of it shows when that is forgotten: together with what it
  // could not write it has lost what it had synced in the same stretch.
  const written = await parseSpool(spoolOn(volume));
  await rig.settle();
  await writeFile("/proc/sys/vm/drop_caches", "1");
  const found = await parseSpool(spoolOn(volume));
  const damaged = found.filter(({ blemishes }) => blemishes.length > 0);
  t.ok(damaged.length > 0, `${damaged.length} segments show damage`);
  t.notOk(
    damaged.some(({ name }) => sealed.has(name)),
    "none that was sealed before",
  );
  const shown = found.map((one) => (damaged.includes(one) ? asWritten(one, written) : one));
  t.strictSame(faultsOf(balanceSpool(rig.ledger, shown)), [], "what is lost is damaged");
});

function sealedNames(segments: readonly StoredSegment[]): Set<string> {
  return new Set(segments.filter(({ sealed }) => sealed).map(({ name }) => name));
}

function asWritten(segment: StoredSegment, written: readonly StoredSegment[]): StoredSegment {
  return written.find(({ name }) => name === segment.name) ?? segment;
}

/** A disk for images that grow: when it is full, theirs fail. */
async function mountMemory(t: Test, size: string): Promise<string> {
  const directory = join(await temporaryFolder(t), "memory");
  await mkdir(directory);
  await run("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", directory]);
  t.teardown(() => run("umount", ["--lazy", directory]));
  return directory;
}

async function mountVolume(
  t: Test,
  options: Pick<VolumeOptions, "fileSystem" | "mountOptions">,
): Promise<{ volume: Volume; folder: string }> {
  const folder = await temporaryFolder(t);
  const volume = await createVolume({ ...options, directory: join(folder, "volume") });
  t.teardown(() => volume.remove());
  await volume.mount();
  return { volume, folder };
}

/**
 * No call is under way when a disk dies: ext4 and XFS answer success to a sync that was, although its data is gone.
 */
async function storeSome(rig: Rig, calls = 10): Promise<void> {
  const load = rig.load();
  for (let call = 0; call < calls; call += 1) await rig.stores(load);
  await load.finish();
}

async function refusesUntilMounted(rig: Rig, volume: Volume): Promise<void> {
  const load = rig.load();
  await rig.refuses(load);
  await rig.becomesUnready();
  await rig.isAlive();
  await remount(volume);
  await rig.stores(load);
  await rig.becomesReady();
}

/** This works only when the ingress holds no file on the dead disk any more. */
async function remount(volume: Volume): Promise<void> {
  await volume.unmount();
  await volume.mount();
}

/** Fills the file system that holds the path. */
async function fill(path: string): Promise<string> {
  const file = await open(path, "w");
  try {
    while ((await file.write(Buffer.alloc(65_536, 1)).catch(() => ({ bytesWritten: 0 }))).bytesWritten > 0);
  } finally {
    await file.close();
  }
  return path;
}
