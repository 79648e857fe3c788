/**
 * An ingress under load is killed with SIGKILL, at random moments and at every place that FORMAT.md names, and started
 * again on what is left. `npm run torture` does the same for hours.
 */
import { join } from "node:path";
import t from "tap";
import { chooseMoment, choosePlace, INGRESS_PLACES, type IngressPlace } from "./moment.js";
import { createRandom } from "./random.js";
import { createTrial, KILL, runCycle } from "./trial.js";

const RANDOM_KILLS = 6;

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
