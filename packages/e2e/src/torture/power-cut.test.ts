/**
 * The power of the file system under a loaded ingress is cut, again and again; then the same without syncs, which must
 * lose. Root only. `npm run torture` does the same for hours.
 */
import { join } from "node:path";
import t, { type Test } from "tap";
import { temporaryFolder } from "./folder.js";
import { compilePreload, compileProgram } from "./native.js";
import { createRandom } from "./random.js";
import { needVolume } from "./requirement.js";
import { CONTROL_SCENARIOS, CUT_SCENARIOS, openBench, type Bench, type Scenario } from "./scenario.js";
import type { CycleReport } from "./trial.js";

const CUTS = 8;
/** Some cuts come before the first answer, and the kernel may have written by itself what was answered. */
const CONTROL_CUTS_MAX = 12;

const random = createRandom(Number(process.env["SEED"] ?? Date.now() % 2 ** 31));
t.comment(`SEED=${random.seed}`);

const skips = { ext4: await needVolume("ext4"), xfs: await needVolume("xfs") };

for (const scenario of CUT_SCENARIOS) {
  const skip = skips[scenario.volume?.fileSystem ?? "ext4"];
  await t.test(`nothing acknowledged is lost by a ${scenario.name}`, { skip }, async (t) => {
    const bench = await open(t, scenario);
    const reports: CycleReport[] = [];
    while (reports.length < CUTS) reports.push(await bench.cycle());
    for (const [cut, { moment, faults }] of reports.entries())
      t.strictSame(faults, [], `cut ${cut}: ${moment}`);
    t.ok(acknowledged(reports) > 0, `${acknowledged(reports)} events acknowledged before the cuts`);
  });
}

for (const scenario of CONTROL_SCENARIOS) {
  const skip = skips[scenario.volume?.fileSystem ?? "ext4"];
  await t.test(`events are lost, and the books show it: ${scenario.name}`, { skip }, async (t) => {
    const bench = await open(t, scenario);
    let report = await bench.cycle();
    for (let cut = 1; report.lost === 0 && cut < CONTROL_CUTS_MAX; cut += 1) report = await bench.cycle();
    t.ok(report.lost > 0, `${report.lost} of ${report.acknowledged} events lost`);
  });
}

async function open(t: Test, scenario: Scenario): Promise<Bench> {
  const directory = await temporaryFolder(t);
  const parts = {
    cut: await compileProgram("cut", directory),
    noSync: await compilePreload("no-sync", directory),
  };
  const bench = await openBench(
    scenario,
    join(directory, "bench"),
    join(directory, "evidence"),
    parts,
    random,
  );
  t.teardown(() => bench.close());
  return bench;
}

function acknowledged(reports: readonly CycleReport[]): number {
  return reports.reduce((sum, report) => sum + report.acknowledged, 0);
}
