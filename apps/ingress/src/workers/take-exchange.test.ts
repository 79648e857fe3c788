/** Rates that several processes keep together, without the processes. */
import t from "tap";
import { createRates } from "../server/rates.js";
import type { Take } from "../server/rates.js";
import { until } from "../testing/target.js";
import { createTakeExchange } from "./take-exchange.js";

const CONFIG = { key: undefined, address: { perSecond: 1, burst: 3 }, addressesMax: 100 };

await t.test("what was given elsewhere is owed here, and what was given here is told once", async (t) => {
  let now = 0;
  const told: (readonly Take[])[] = [];
  const exchange = createTakeExchange((takes) => told.push(takes));
  const rates = createRates({ monotonic: () => now }, CONFIG, exchange);
  const meter = rates.ofAddress("a");
  if (meter === undefined) throw new Error("addresses are limited");
  const isAllowed = (): boolean => rates.take(meter).verdict.allowed;
  t.ok(isAllowed());
  t.ok(isAllowed());
  await until(() => told.length > 0);
  t.same(told, [[{ meter, count: 2 }]], "together, and for the sender");
  // Both processes gave the whole burst meanwhile.
  exchange.hear([{ meter, count: 3 }]);
  t.notOk(isAllowed());
  now = 2_000;
  t.notOk(isAllowed(), "what was given twice is paid back first");
  now = 3_000;
  t.ok(isAllowed());
  t.notOk(isAllowed());
});
