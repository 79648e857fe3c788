import t from "tap";
import { createPace } from "./pace.js";

await t.test("a line is due at first, then when it has settled, and never twice", async (t) => {
  const isDue = createPace();
  t.ok(isDue("a", 0));
  t.notOk(isDue("a", 1_000));
  t.notOk(isDue("b", 2_000), "it may change again");
  t.ok(isDue("b", 3_000), "it has settled");
  t.notOk(isDue("b", 4_000));
});

await t.test("a line that keeps changing is due every ten seconds", async (t) => {
  const isDue = createPace();
  const due = Array.from({ length: 25 }, (_, second) => isDue(String(second), second * 1_000));
  t.strictSame(
    due.flatMap((isIt, second) => (isIt ? [second] : [])),
    [0, 10, 20],
  );
});
