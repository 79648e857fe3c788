/**
 * An ingress under load is killed with SIGKILL, at random moments and at every place that FORMAT.md names, and started
 * again on what is left. `npm run torture` does the same for hours.
 */
import { join } from "node:path";
import t from "tap";
import { chooseMoment, choosePlace, INGRESS_PLACES, type IngressPlace } from "./moment.js";
import { createRandom } from "./random.js";
import { createTrial, KILL, runCycle, type Crash } from "./trial.js";

const RANDOM_KILLS = 6;
const WORKER_KILLS = 2;

const random = createRandom(Number(process.env["SEED"] ?? Date.now() % 2 ** 31));
t.comment(`SEED=${random.seed}`);

await t.test("nothing acknowledged is lost when the ingress is killed at random moments", async (t) => {
  const trial = createTrial(join(t.testdir(), "spool"));
  for (let kill = 0; kill < RANDOM_KILLS; kill += 1) {
    const moment = chooseMoment(random);
    const report = await runCycle(trial, random, KILL, { moment });
    t.strictSame(report.faults, [], `kill ${kill}: ${report.moment}`);
  }
  t.comment(`${trial.acknowledged} events acknowledged`);
  t.ok(trial.acknowledged > 0, "events were acknowledged before the kills");
});

await t.test("nothing acknowledged is lost when the ingress dies at a place between two steps", async (t) => {
  const trial = createTrial(join(t.testdir(), "spool"));
  for (const place of Object.keys(INGRESS_PLACES) as IngressPlace[]) {
    const report = await runCycle(trial, random, KILL, { moment: choosePlace(random, place) });
    t.strictSame(report.faults, [], place);
    t.ok(report.diedAtPlace, `it died at ${place}`);
  }
});

/** One of the workers dies; the cycle goes on until another is in its place, and then kills the primary. */
const KILL_WORKER: Crash = {
  strike: async (program) => {
    const serving = program?.lines.find(({ record }) => record["msg"] === "worker serves");
    if (program === undefined || serving === undefined) throw new Error("no worker said that it serves");
    const { worker, pid } = serving.record;
    process.kill(Number(pid), "SIGKILL");
    await program.line(
      ({ record }) =>
        record["msg"] === "worker serves" && record["worker"] === worker && record["pid"] !== pid,
    );
  },
  afterwards: () => Promise.resolve(),
};

await t.test("nothing acknowledged is lost when a worker is killed, and the primary after it", async (t) => {
  const trial = createTrial(join(t.testdir(), "spool"));
  for (let kill = 0; kill < WORKER_KILLS; kill += 1) {
    // Places are passed by all workers, those that take the place of others among them.
    const moment = { type: "after an answer", ms: random.below(1_000) } as const;
    const environment = { INGRESS_WORKERS: "2" };
    const report = await runCycle(trial, random, KILL_WORKER, { moment, environment });
    // A sender that connects again is served by another worker: order holds within an instance.
    const faults = report.faults.filter((fault) => !fault.includes("out of order"));
    t.strictSame(faults, [], `kill ${kill}: ${report.moment}`);
  }
  t.comment(`${trial.acknowledged} events acknowledged`);
  t.ok(trial.acknowledged > 0, "events were acknowledged before the kills");
});
