/** The arithmetic of the capacity page holds where it can be known beforehand. */
import t from "tap";
import {
  ceilingsOf,
  fleetFor,
  loadAt,
  simulateDay,
  type BrokerFigures,
  type PairFigures,
} from "./capacity.js";

const HOUR = 3_600;
const PAIR: PairFigures = {
  sentBytes: 500,
  storedBytes: 1_000,
  publishedBytes: 500,
  ingressPerCore: 1_000,
  forwarderPerCore: 2_000,
  utilization: 0.5,
  diskBytesPerSecond: 100_000_000,
  networkBytesPerSecond: 1_000_000_000,
  spoolBytesMax: 10_000_000_000,
};
const BROKER: BrokerFigures = {
  compression: 0.5,
  replicas: 3,
  partitionBytesPerSecond: 1_000_000,
  consumerEventsPerSecond: 1_000,
  headroom: 2,
};

await t.test("a fleet serves the peak with a zone away", async (t) => {
  const { pairs, partitions } = fleetFor(10_000, PAIR, BROKER);
  t.equal(pairs % 3, 0, "as many in each zone");
  t.ok(((pairs * 2) / 3) * 500 >= 10_000, "two zones do it");
  t.ok(((pairs - 3) * 2) / 3 < 20, "and no pair is idle for nothing");
  t.equal(partitions, 24, "ten consumers, twice, rounded up");
});

await t.test("what ends first comes first", async (t) => {
  t.equal(ceilingsOf(PAIR)[0]?.what, "ingress, its one thread");
  t.equal(ceilingsOf({ ...PAIR, diskBytesPerSecond: 1_000_000 })[0]?.events, 500);
});

await t.test("a day without an outage has no backlog", async (t) => {
  const day = simulateDay(PAIR, BROKER, { peak: 1_000, pairs: 1, outageAt: 0, outageSeconds: 0 });
  t.match(day, { backlogBytes: 0, lagSeconds: 0, refused: 0 });
});

await t.test(
  "what arrives in an outage waits, and is drained with what is left of the forwarder",
  async (t) => {
    const scenario = { peak: 1_000, pairs: 1, outageAt: 11.5 * HOUR, outageSeconds: HOUR };
    const day = simulateDay(PAIR, BROKER, scenario);
    let arrived = 0;
    for (let second = scenario.outageAt; second < scenario.outageAt + HOUR; second += 1)
      arrived += loadAt(second, 1_000);
    t.ok(Math.abs(day.backlogBytes - arrived * PAIR.storedBytes) < 1_000_000, "an hour's events");
    t.equal(day.refused, 0);
    t.ok(day.lagSeconds >= HOUR - 1, "the oldest is as old as the outage");
    t.ok(
      (day.drainSeconds ?? 0) > 0.9 * HOUR && (day.drainSeconds ?? 0) < 1.1 * HOUR,
      "twice the rate: as long again",
    );
  },
);

await t.test(
  "a spool that is full refuses, and nothing that was taken is lost to the arithmetic",
  async (t) => {
    const small = { ...PAIR, spoolBytesMax: 1_000_000_000 };
    const day = simulateDay(small, BROKER, {
      peak: 1_000,
      pairs: 1,
      outageAt: 11.5 * HOUR,
      outageSeconds: HOUR,
    });
    t.ok(day.backlogBytes <= 1_000_000_000);
    t.ok(day.refused > 2_000_000, `${Math.round(day.refused)} were refused`);
  },
);
