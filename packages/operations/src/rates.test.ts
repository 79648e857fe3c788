import t from "tap";
import { createRates } from "./rates.js";

await t.test("rates are differences of counts over time, and unknown where a look failed", async (t) => {
  let at = 0;
  let took = 0;
  const looks = [[10, 0], [20, 5], undefined, [40, 5], [45, 6], [45, 6]];
  const rates = createRates(
    { monotonic: () => at },
    () => {
      at += 2_000;
      took += 1;
      // The last look never ends.
      return took > looks.length ? new Promise(() => undefined) : Promise.resolve(looks[took - 1]);
    },
    { intervalMs: 1, samples: 5, counts: 2 },
  );
  t.teardown(() => rates.close());
  while (took <= looks.length) await new Promise((resolve) => setTimeout(resolve, 1));
  t.strictSame(rates.series(), [
    [5, null, null, 2.5, 0],
    [2.5, null, null, 0.5, 0],
  ]);
});

await t.test("a look that hangs is not asked again", async (t) => {
  let asked = 0;
  const rates = createRates(
    { monotonic: () => 0 },
    () => {
      asked += 1;
      return new Promise(() => undefined);
    },
    { intervalMs: 1, samples: 5, counts: 1 },
  );
  t.teardown(() => rates.close());
  for (let turns = 0; turns < 20; turns++) await new Promise((resolve) => setTimeout(resolve, 1));
  t.equal(asked, 1);
});
