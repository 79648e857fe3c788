/**
 * Somebody else's hand in the spool of a running ingress. What was acknowledged before may be gone with what they took;
 * nothing may be acknowledged afterwards that is not where a forwarder looks.
 */
import { execFile } from "node:child_process";
import { appendFile, cp, mkdir, open, readdir, rename, truncate, unlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import t from "tap";
import { temporaryFolder } from "./folder.js";
import { spoolOn } from "./power-cut.js";
import { needVolume } from "./requirement.js";
import { startRig, type Rig } from "./rig.js";
import { parseSpool } from "./segment-parser.js";
import { createVolume } from "./volume.js";

const run = promisify(execFile);

const skip = await needVolume("ext4");

/** What is done to the live segment, while no call is under way. */
const DEEDS: Record<string, (path: string) => Promise<void>> = {
  "was deleted": unlink,
  "was moved away": (path) => rename(path, `${path}.moved`),
  "was replaced by a copy": async (path) => {
    await cp(path, `${path}.copy`);
    await rename(`${path}.copy`, path);
  },
  "got foreign bytes": (path) => appendFile(path, "garbage that is no line\n"),
  "was cut short": (path) => truncate(path, 10),
  "got a block of zeros": async (path) => {
    const file = await open(path, "a");
    await file.write(Buffer.alloc(4096));
    await file.close();
  },
};

for (const [deed, act] of Object.entries(DEEDS)) {
  await t.test(`a live segment that ${deed} takes no more acknowledgement; another one does`, async (t) => {
    const spool = join(await temporaryFolder(t), "spool");
    const rig = await startRig(t, { spool });
    await storeSome(rig);
    const live = await rig.liveSegment();
    const before = (await parseSpool(spool)).filter(({ name }) => name === basename(live));
    await act(join(spool, live));
    const load = rig.load();
    await rig.refuses(load);
    await rig.stores(load);
    await rig.becomesReady();
    t.not(await rig.liveSegment(), live, "another segment is written");
    // What stands in the file since then does not count.
    await rig.settle((found) => [...found.filter(({ name }) => name !== basename(live)), ...before]);
  });
}

await t.test("a folder that was replaced by an empty one is written to only when it is synced", async (t) => {
  const spool = join(await temporaryFolder(t), "spool");
  const rig = await startRig(t, { spool });
  await storeSome(rig);
  const before = await parseSpool(spool);
  await rename(join(spool, "segments"), join(spool, "segments.before"));
  await mkdir(join(spool, "segments"));
  const load = rig.load();
  await rig.refuses(load);
  await rig.stores(load);
  await rig.becomesReady();
  await rig.settle((found) => [...before, ...found]);
});

await t.test("while the folder is away nothing is stored; when it is back all goes on", async (t) => {
  const spool = join(await temporaryFolder(t), "spool");
  const rig = await startRig(t, { spool });
  await storeSome(rig);
  await rename(join(spool, "segments"), join(spool, "segments.away"));
  const load = rig.load();
  await rig.refuses(load);
  await rig.becomesUnready();
  await rig.isAlive();
  await rename(join(spool, "segments.away"), join(spool, "segments"));
  await rig.stores(load);
  await rig.becomesReady();
  await rig.settle();
});

await t.test("a spool whose disk was unmounted is never written to the disk below", { skip }, async (t) => {
  const folder = await temporaryFolder(t);
  const volume = await createVolume({ fileSystem: "ext4", directory: join(folder, "volume") });
  t.teardown(() => volume.remove());
  await volume.mount();
  const rig = await startRig(t, { spool: spoolOn(volume) });
  await storeSome(rig);
  await run("umount", ["--lazy", volume.directory]);
  const load = rig.load();
  await rig.refuses(load);
  await rig.becomesUnready();
  await rig.isAlive();
  t.strictSame(await readdir(volume.directory), [], "nothing was made below the mount point");
  await volume.mount();
  await rig.stores(load);
  await rig.becomesReady();
  await rig.settle();
});

/** Some events, answered, and then silence. */
async function storeSome(rig: Rig): Promise<void> {
  const load = rig.load({ http: 1, rpcSingle: 1, rpcBatch: 0, rpcStream: 0 });
  for (let call = 0; call < 4; call += 1) await rig.stores(load);
  await load.finish();
}
