import t from "tap";
import { areaPath, axisEnd, linePath } from "./chart.js";

await t.test("the axis ends at a round number whose half is round, and is never below the values", (t) => {
  for (const [value, end] of [
    [0, 1],
    [1, 1],
    [1.2, 1.2],
    [12_092, 16_000],
    [5_100, 6_000],
    [6_001, 8_000],
    [8_500, 10_000],
    [10_000, 10_000],
    [0.3, 1],
  ] as const) {
    t.equal(axisEnd(value), end);
  }
  t.end();
});

const box = { samples: 5, end: 10, width: 400, height: 100 };

await t.test("the newest value stands at the right edge", (t) => {
  t.equal(linePath([0, 10], box), "M300.0 100.0L400.0 0.0");
  t.equal(linePath([5, 5, 5, 5, 5], box), "M0.0 50.0L100.0 50.0L200.0 50.0L300.0 50.0L400.0 50.0");
  t.end();
});

await t.test("the line is broken where a value is not known", (t) => {
  t.equal(linePath([1, 1, null, 1, 1], box).match(/M/g)?.length, 2);
  t.equal(linePath([null, null], box), "");
  t.equal(linePath([3], box), "", "one value is no line");
  t.end();
});

await t.test("the area stands on the ground", (t) => {
  t.equal(areaPath([10, 10], box), "M300.0 100L300.0 0.0L400.0 0.0L400.0 100Z");
  t.end();
});
