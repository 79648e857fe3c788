import t from "tap";
import { createBackoff } from "./backoff.js";

await t.test(
  "the first loss is made good at once, each further one later, up to half a minute",
  async (t) => {
    const backoff = createBackoff();
    const pauses = Array.from({ length: 12 }, () => backoff.after(0));
    t.same(pauses, [0, 100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000]);
  },
);

await t.test("one that had served for a minute is replaced at once again", async (t) => {
  const backoff = createBackoff();
  for (let loss = 0; loss < 5; loss += 1) backoff.after(0);
  t.equal(backoff.after(60_000), 0);
  t.equal(backoff.after(0), 100);
});
