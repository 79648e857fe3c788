/**
 * The long run: thousands of power cuts and kills of a real ingress under load, and the books after each.
 *
 *     npm run torture -- --cuts 10000 --kills 10000
 *     npm run torture -- --backlog 10240
 *
 * It can be interrupted at any time; the next run goes on from the count in the state folder. It exits with 1 if an
 * acknowledged event was lost, or if a control, which runs without syncs, lost none. With
 * `--backlog` it measures starts on so many MiB instead.
 */
import { mkdir, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import type { Scope } from "../program.js";
import { readTally, writeTally, type Tally } from "../tally.js";
import { compilePreload, compileProgram } from "./native.js";
import { createRandom } from "./random.js";
import { needPrograms, needVolume, type Skip } from "./requirement.js";
import { CONTROL_SCENARIOS, CUT_SCENARIOS, KILL_SCENARIO, openBench } from "./scenario.js";
import type { NativeParts, Scenario } from "./scenario.js";
import { measureStarts } from "./start-up.js";
import { count, summaryOf, tallyOf, type ScenarioTally } from "./tally.js";
import { removeLeftovers } from "./volume.js";

interface Task {
  scenario: Scenario;
  /** Crashes in all, those of earlier runs included. */
  cycles: number;
}

interface Run {
  state: string;
  parts: NativeParts;
  tally: Tally<ScenarioTally>;
  seed: number;
}

const MIB = 1024 * 1024;

/** After so many crashes of a scenario a line tells how far it is. */
const PROGRESS_EVERY = 100;

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      cuts: { type: "string", default: "10000" },
      kills: { type: "string", default: "10000" },
      controls: { type: "string", default: "100" },
      lanes: { type: "string", default: "2" },
      seed: { type: "string", default: String(Date.now() % 2 ** 31) },
      backlog: { type: "string" },
      state: { type: "string", default: ".data/torture" },
      fresh: { type: "boolean", default: false },
    },
  });
  const state = resolve(values.state);
  if (values.backlog !== undefined) {
    await printStarts(state, Number(values.backlog) * MIB);
    return;
  }
  const work = join(state, "work");
  await removeLeftovers(work);
  await rm(work, { recursive: true, force: true });
  if (values.fresh) await rm(state, { recursive: true, force: true });
  await mkdir(work, { recursive: true });
  const tally = await readTally<ScenarioTally>(join(state, "tally.json"));
  const tasks = await possibleTasks(Number(values.cuts), Number(values.kills), Number(values.controls));
  const run: Run = {
    state,
    parts: await compileParts(join(state, "native")),
    tally,
    seed: Number(values.seed),
  };
  console.log(`seed ${run.seed}, state in ${state}`);
  await runTasks(run, tasks, Number(values.lanes));
  console.log(summaryOf(tally));
  process.exitCode = verdictOf(tally, tasks);
}

async function printStarts(state: string, backlogBytes: number): Promise<void> {
  const folder = join(state, "backlog");
  const actions = [(): Promise<void> => rm(folder, { recursive: true, force: true })];
  const scope: Scope = {
    teardown: (action) => void actions.unshift(async () => void (await action())),
    comment: (line) => console.log(line),
  };
  try {
    await rm(folder, { recursive: true, force: true });
    for (const line of await measureStarts(scope, folder, backlogBytes)) console.log(line);
  } finally {
    for (const action of actions) await action();
  }
}

async function possibleTasks(cuts: number, kills: number, controls: number): Promise<Task[]> {
  const share = (all: number): number => Math.ceil(all / CUT_SCENARIOS.length);
  const wanted: Task[] = [
    ...CUT_SCENARIOS.map((scenario) => ({ scenario, cycles: share(cuts) })),
    { scenario: KILL_SCENARIO, cycles: kills },
    ...CONTROL_SCENARIOS.map((scenario) => ({ scenario, cycles: share(controls) })),
  ];
  const tasks: Task[] = [];
  for (const task of wanted) {
    const skip = await reasonAgainst(task.scenario);
    if (skip === false) tasks.push(task);
    else console.log(`skipped: ${task.scenario.name}: ${skip}`);
  }
  return tasks;
}

function reasonAgainst({ volume }: Scenario): Promise<Skip> {
  return volume === undefined ? needPrograms("gcc") : needVolume(volume.fileSystem);
}

async function compileParts(directory: string): Promise<NativeParts> {
  return {
    cut: await compileProgram("cut", directory),
    noSync: await compilePreload("no-sync", directory),
  };
}

/** So many tasks at a time: one mostly waits for the start of its ingress while another loads its own. */
async function runTasks(run: Run, tasks: readonly Task[], lanes: number): Promise<void> {
  const waiting = [...tasks.entries()];
  const lane = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await runTask(run, ...next);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

async function runTask(run: Run, index: number, { scenario, cycles }: Task): Promise<void> {
  const one = tallyOf(run.tally, scenario.name);
  if (one.cycles >= cycles) return;
  const directory = join(run.state, "work", String(index));
  const evidence = join(run.state, "evidence");
  const random = createRandom(run.seed + index + one.cycles);
  const bench = await openBench(scenario, directory, evidence, run.parts, random);
  try {
    while (one.cycles < cycles) {
      const startedAt = performance.now();
      const report = await bench.cycle();
      count(one, report, (performance.now() - startedAt) / 1000);
      writeTally(join(run.state, "tally.json"), run.tally);
      if (report.faults.length > 0 && scenario.withoutSync === undefined) {
        console.log(`${scenario.name}, crash ${one.cycles}: ${report.faults.join("; ")}`);
      }
      if (one.cycles % PROGRESS_EVERY === 0 || one.cycles === cycles) {
        console.log(
          `${scenario.name}: ${one.cycles} of ${cycles}, ${one.acknowledged} events, ${one.lost} lost`,
        );
      }
    }
  } finally {
    await bench.close();
  }
}

function verdictOf(tally: Tally<ScenarioTally>, tasks: readonly Task[]): number {
  let verdict = 0;
  for (const { scenario } of tasks) {
    const one = tallyOf(tally, scenario.name);
    if (scenario.withoutSync === undefined && one.faults.length > 0) verdict = 1;
    // The control proves that the cuts would have found a missing sync.
    if (scenario.withoutSync !== undefined && one.cycles > 0 && one.lost === 0) verdict = 1;
  }
  return verdict;
}

await main();
