// Random stories of two writers, a forwarder and a disk that forgets, and what must hold of each (testing/books.ts).
import t from "tap";
import { runs, SEED } from "./testing/seed.js";
import { SABOTAGES, tellStories } from "./testing/world-run.js";

// The runner of all tests has a limit of its own; asked for more runs, this takes longer.
t.setTimeout(0);

const CASES = [
  { delivery: "transaction", what: "and nothing comes twice, where positions are committed with the lines" },
  {
    delivery: "cursor-file",
    what: "and nothing comes again behind a durable cursor, where it is written afterwards",
  },
] as const;

for (const { delivery, what } of CASES) {
  await t.test(`whatever fails, what was acknowledged comes out in order, ${what}`, async (t) => {
    t.comment(`SPOOL_SEED=${SEED} SPOOL_RUNS=${runs(1)}`);
    const outcome = await tellStories({ delivery, seed: SEED, runs: runs(150) });
    t.equal(outcome.failure, undefined);
    const { visits } = outcome;
    t.comment(`${outcome.stories} stories: ${JSON.stringify(visits)}`);
    // A model that never gets to the rare places proves nothing.
    for (const place of ["acknowledged", "refused", "damage", "pruned", "gone", "cuts", "kills"] as const) {
      t.ok(visits[place] > 10, place);
    }
    if (delivery === "transaction") t.equal(visits.duplicates, 0);
    else t.ok(visits.duplicates > 10, "duplicates, where a crash lay between a delivery and its cursor");
  });
}

for (const sabotage of Object.keys(SABOTAGES) as (keyof typeof SABOTAGES)[]) {
  await t.test(`control: where ${sabotage}, it is found out`, async (t) => {
    const outcome = await tellStories({ delivery: "cursor-file", seed: SEED, runs: 500, sabotage });
    t.match(outcome.failure, sabotage.includes("cursor") ? /came again/ : /acknowledged and is lost/);
  });
}

await t.test("control: a forwarder that commits before it delivers is found out", async (t) => {
  const outcome = await tellStories({ delivery: "cursor-file", seed: SEED, runs: 500, hasty: true });
  t.match(outcome.failure, /lost|pruned before/);
});

for (const mishap of ["power cut", "kill", "EIO", "ENOSPC", "short", "hang"] as const) {
  await t.test(`${mishap} at any single call of the disk loses nothing`, async (t) => {
    const variants = mishap === "power cut" ? runs(2) : 1;
    const outcome = await tellStories({ delivery: "cursor-file", mishap, variants });
    t.equal(outcome.failure, undefined);
    t.comment(`${outcome.stories} stories`);
    t.ok(outcome.stories > 100);
  });
}
