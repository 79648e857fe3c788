import t from "tap";
import { createTally, recordsIn } from "./tally.js";
import type { Slice, Tally } from "./tally.js";

const MIB = 1024 * 1024;
const WHOLE: Slice = { index: 0, of: 1 };

await t.test("a record is missing, found or there too often, by its own count", async (t) => {
  const tally = createTally(WHOLE, MIB);
  tally.expect("once", true);
  tally.expect("twice", true);
  tally.expect("twice", true);
  tally.expect("lost", true);
  tally.expect("waiting", false);
  tally.expect("early", false);
  for (const name of ["once", "once", "twice", "twice", "early"]) t.ok(tally.see(name));
  t.notOk(tally.see("another spool's"));
  t.same(tally.sums(), { found: 4, foundAhead: 1, missing: 1, duplicated: 1 });
  t.equal(tally.faultOf("once"), "duplicated");
  t.equal(tally.faultOf("lost"), "missing");
  for (const name of ["twice", "waiting", "early", "another spool's"])
    t.equal(tally.faultOf(name), undefined);
});

await t.test("growing forgets nothing", async (t) => {
  const tally = createTally(WHOLE, 16 * MIB);
  for (let index = 0; index < 20_000; index++) {
    if (tally.expect(`record ${index}`, index % 2 === 0) !== "counted") t.fail("full");
    if (index % 3 === 0) tally.see(`record ${index}`);
  }
  const seen = Math.ceil(20_000 / 3);
  const even = Math.ceil(20_000 / 6);
  t.same(tally.sums(), { found: seen, foundAhead: seen - even, missing: 10_000 - even, duplicated: 0 });
});

await t.test("a table that is full says so, and never before the size it promises", async (t) => {
  const bytes = 64 * 1024;
  const tally = createTally(WHOLE, bytes);
  let taken = 0;
  while (tally.expect(`record ${taken}`, true) === "counted") taken += 1;
  t.ok(taken >= recordsIn(bytes), `${taken} of ${recordsIn(bytes)}`);
});

await t.test("slices share all records among them, each in one", async (t) => {
  const tallies: Tally[] = Array.from({ length: 4 }, (_, index) => createTally({ index, of: 4 }, MIB));
  for (let index = 0; index < 2_000; index++) {
    for (const tally of tallies) tally.expect(`record ${index}`, true);
  }
  const missing = tallies.map((tally) => tally.sums().missing);
  t.equal(
    missing.reduce((sum, count) => sum + count),
    2_000,
  );
  for (const count of missing) t.ok(count > 300, "about evenly");
});
