import t from "tap";
import { createBodyBudget } from "./body-budget.js";

await t.test(
  "what does not fit ends the body that has been on its way for the longest, not the newcomer",
  async (t) => {
    const ended: string[] = [];
    const budget = createBodyBudget(100);
    const slow = budget.open(() => ended.push("slow"));
    const other = budget.open(() => ended.push("other"));
    const newcomer = budget.open(() => ended.push("newcomer"));
    slow.add(10);
    other.add(80);
    newcomer.add(10);
    t.same(ended, [], "it fits exactly");
    newcomer.add(5);
    t.same(ended, ["slow"]);
    t.equal(budget.bytes(), 95);
  },
);

await t.test("a body that has arrived is counted but not ended", async (t) => {
  const ended: string[] = [];
  const budget = createBodyBudget(100);
  const stored = budget.open(() => ended.push("stored"));
  stored.add(90);
  stored.arrived();
  const next = budget.open(() => ended.push("next"));
  next.add(20);
  t.same(ended, ["next"]);
  t.equal(budget.bytes(), 90);
});

await t.test("a stream that is stored group by group is as young as its group", async (t) => {
  const ended: string[] = [];
  const budget = createBodyBudget(100);
  const stream = budget.open(() => ended.push("stream"));
  const drip = budget.open(() => ended.push("drip"));
  stream.add(50);
  drip.add(1);
  stream.release();
  stream.add(50);
  budget.open(() => ended.push("newcomer")).add(50);
  t.same(ended, ["drip"]);
});

await t.test("what is released is free, and released once", async (t) => {
  const budget = createBodyBudget(100);
  const body = budget.open(() => t.fail("it fits"));
  body.add(100);
  body.release();
  body.release();
  t.equal(budget.bytes(), 0);
  body.add(100);
});
