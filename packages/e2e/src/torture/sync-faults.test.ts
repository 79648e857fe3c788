/**
 * Writes and syncs of a running ingress that fail, fall short or take long.
 */
import { join } from "node:path";
import t, { type Test } from "tap";
import { checkOrder } from "./call-order.js";
import { createFaultControl } from "./fault-control.js";
import { temporaryFolder } from "./folder.js";
import { needPrograms, needTracing } from "./requirement.js";
import { startRig } from "./rig.js";
import { pathOf, readTrace, straceWords, stringsOf, type SystemCall } from "./trace.js";

const EVENTS = /load0-\d+\.\d+/g;

/** A sync between the start and the end of the load. */
const FAILING_SYNC = 12;

/** From refusals to good answers and back. */
const RANDOM_TURNS = 8;

/** Nothing is refused only because a busy machine is slow. */
const PATIENCE = { BUFFER_APPEND_TIMEOUT_MS: "60000" };

const skipTracing = await needTracing();
const skip = await needPrograms("gcc");

for (const error of ["EIO", "ENOSPC", "EDQUOT", "EROFS", "EINVAL"]) {
  const name = `a sync that fails once with ${error} refuses the requests it covered and no other`;
  await t.test(name, { skip: skipTracing }, async (t) => {
    const folder = await temporaryFolder(t);
    const file = join(folder, "trace");
    // strace counts the calls of each thread: with one thread for the disk the count is exact.
    const inject = ["-e", `inject=fdatasync:error=${error}:when=${FAILING_SYNC}`];
    const under = straceWords(file, { UV_THREADPOOL_SIZE: "1" }, inject);
    // No rotation: every sync but the first two is one of a group.
    const environment = { ...PATIENCE, BUFFER_SEGMENT_BYTES: "67108864", BUFFER_SEGMENT_SECONDS: "3600" };
    const rig = await startRig(t, { spool: join(folder, "spool"), environment, under });
    // Only over HTTP/1.1 does the trace show which request was refused.
    const load = rig.load({ http: 4, rpcSingle: 0, rpcBatch: 0, rpcStream: 0 });
    await rig.refuses(load);
    await rig.isAlive();
    await rig.stores(load);
    await rig.becomesReady();
    await rig.settle();

    const trace = await readTrace(file);
    const { violations, answers } = checkOrder(trace, EVENTS);
    t.strictSame(
      violations,
      [],
      `no answer of ${answers} came too early, nothing more was asked of the file`,
    );
    const refused = load.calls.filter(({ answer }) => answer.type === "refused").flatMap(({ ids }) => ids);
    t.strictSame(
      new Set(refused),
      coveredByFailedSync(t, trace),
      "the events of the failed group were refused",
    );
  });
}

await t.test("while every sync fails nothing is stored; afterwards all goes on", { skip }, async (t) => {
  const folder = await temporaryFolder(t);
  const faults = await createFaultControl(folder);
  const rig = await startRig(t, { spool: join(folder, "spool"), environment: faults.environment });
  const load = rig.load();
  await rig.stores(load);
  await faults.set("fdatasync fail 5");
  await rig.refuses(load);
  await rig.becomesUnready();
  await rig.isAlive();
  await faults.set();
  await rig.stores(load);
  await rig.becomesReady();
  await rig.settle();
});

for (const [name, number] of [
  ["ENOSPC", 28],
  ["EIO", 5],
  ["EFBIG", 27],
] as const) {
  const title = `while every write fails with ${name} nothing is stored; afterwards all goes on`;
  await t.test(title, { skip }, async (t) => {
    const folder = await temporaryFolder(t);
    const faults = await createFaultControl(folder);
    const rig = await startRig(t, { spool: join(folder, "spool"), environment: faults.environment });
    const load = rig.load();
    await rig.stores(load);
    await faults.set(`write fail ${number}`);
    await rig.refuses(load);
    await rig.becomesUnready();
    await rig.isAlive();
    await faults.set();
    await rig.stores(load);
    await rig.becomesReady();
    await rig.settle();
  });
}

await t.test(
  "whatever error one call in twenty answers, the books balance; afterwards all goes on",
  { skip },
  async (t) => {
    const folder = await temporaryFolder(t);
    const faults = await createFaultControl(folder);
    const seed = String(process.env["SEED"] ?? Date.now() % 2 ** 31);
    t.comment(`SEED=${seed}`);
    const environment = { ...faults.environment, FAULT_SEED: seed };
    const rig = await startRig(t, { spool: join(folder, "spool"), environment });
    await faults.set("any random 5");
    const load = rig.load();
    for (let turn = 0; turn < RANDOM_TURNS; turn += 1) {
      await rig.refuses(load);
      await rig.stores(load);
    }
    await rig.isAlive();
    await faults.set();
    await rig.stores(load);
    await rig.becomesReady();
    await rig.settle();
  },
);

await t.test("writes that take a few bytes each are completed", { skip }, async (t) => {
  const folder = await temporaryFolder(t);
  const faults = await createFaultControl(folder);
  const environment = { ...PATIENCE, ...faults.environment };
  const rig = await startRig(t, { spool: join(folder, "spool"), environment });
  await faults.set("write short 100");
  const load = rig.load();
  for (let call = 0; call < 20; call += 1) await rig.stores(load);
  await rig.settle();
  t.strictSame(
    load.calls.filter(({ answer }) => answer.type !== "stored"),
    [],
    "no call failed",
  );
});

await t.test("a slow disk makes answers late, and nothing else", { skip }, async (t) => {
  const folder = await temporaryFolder(t);
  const faults = await createFaultControl(folder);
  const environment = { ...PATIENCE, ...faults.environment };
  const rig = await startRig(t, { spool: join(folder, "spool"), environment });
  await faults.set("fdatasync delay 300");
  const load = rig.load();
  await rig.stores(load);
  await rig.isAlive();
  await rig.becomesReady();
  for (let call = 0; call < 20; call += 1) await rig.stores(load);
  await rig.settle();
  t.strictSame(
    load.calls.filter(({ answer }) => answer.type !== "stored"),
    [],
    "no call failed",
  );
  const { length } = load.calls.filter(({ tookMs }) => tookMs > 250);
  t.equal(length, load.calls.length, "every answer waited for its sync");
});

/** The events that were written to the file of the failed sync since its last good one. */
function coveredByFailedSync(t: Test, trace: readonly SystemCall[]): Set<string> {
  const failed = trace.filter(({ name, result }) => name === "fdatasync" && result < 0);
  t.equal(failed.length, 1, "one sync failed");
  const path = failed[0] === undefined ? "" : pathOf(failed[0]);
  let covered = new Set<string>();
  for (const call of trace.filter((call) => pathOf(call) === path)) {
    if (call.name === "fdatasync" && call.result === 0) covered = new Set();
    if (call.name === "write") for (const id of stringsOf(call).join("").match(EVENTS) ?? []) covered.add(id);
  }
  return covered;
}
