import t from "tap";
import { createExchanges } from "./exchanges.js";
import { UNCOUNTED } from "./body-budget.js";
import type { Exchange } from "./exchange.js";

function exchange(startedAt: number, streaming = false): Exchange {
  return {
    id: "x",
    protocol: "rest",
    headers: {},
    route: "/collect",
    streaming,
    trace: undefined,
    startedAt,
    hold: UNCOUNTED,
    code: undefined,
    key: undefined,
    permit: () => Promise.resolve(undefined),
  };
}

await t.test(
  "an exchange that runs over its time is aborted; a stream, and one that has time left, are not",
  async (t) => {
    const started = performance.now();
    // The clock of the test is fifty seconds ahead of the exchanges that are overdue.
    const clock = { now: () => 0, monotonic: () => started + 50_000 };
    const exchanges = createExchanges(clock, 30_000);
    t.teardown(() => exchanges.close());
    const aborted: string[] = [];
    const overdue = new Promise<void>((resolve) => {
      exchanges.begin(exchange(started + 1), () => {
        aborted.push("overdue");
        resolve();
      });
    });
    exchanges.begin(exchange(started + 2, true), () => aborted.push("stream"));
    exchanges.begin(exchange(started + 40_000), () => aborted.push("young"));
    // The look at the list does not keep a process alive; this does.
    const alive = setInterval(() => undefined, 1000);
    await overdue;
    clearInterval(alive);
    t.same(aborted, ["overdue"]);
    t.equal(exchanges.count(), 3, "the end is told by whoever sees it");
  },
);

await t.test("an exchange that is given its time once more is aborted that much later", async (t) => {
  let now = 0;
  const exchanges = createExchanges({ monotonic: () => now }, 30_000);
  t.teardown(() => exchanges.close());
  const aborted: string[] = [];
  const first = exchanges.begin(exchange(0), () => aborted.push("first"));
  const overdue = new Promise<void>((resolve) => {
    exchanges.begin(exchange(1), () => {
      aborted.push("second");
      resolve();
    });
  });
  now = 20_000;
  exchanges.extend(first);
  now = 40_000;
  const alive = setInterval(() => undefined, 1000);
  await overdue;
  clearInterval(alive);
  t.same(aborted, ["second"]);
  exchanges.end(first);
  exchanges.extend(first);
  t.equal(exchanges.count(), 1, "one that is over is not listed again");
});
