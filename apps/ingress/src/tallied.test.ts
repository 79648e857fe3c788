// Whether what is counted in plain numbers is shown as prom-client shows it, to the byte.
import assert from "node:assert/strict";
import fc from "fast-check";
import { AggregatorRegistry, Counter, Histogram, Registry } from "prom-client";
import t from "tap";
import { TalliedCounter } from "./tallied-counter.js";
import { TalliedHistogram } from "./tallied-histogram.js";

const BUCKETS = [0.001, 0.5, 1, 10];
const NAMES = ["protocol", "route", "code"] as const;

const value = fc.oneof(
  fc.constantFrom(0, ...BUCKETS),
  fc.double({ min: 0, max: 100, noNaN: true }),
  fc.integer({ min: 0, max: 20 }),
);
const label = fc.constantFrom("rest", "200", "7", 'a"b\\c\nd', "é", "__proto__");
const observation = fc.record({ value, labels: fc.tuple(label, label, label) });

async function shown(registry: Registry): Promise<{ text: string; data: unknown; merged: string }> {
  const json = await registry.getMetricsAsJSON();
  // As it passes the channel between processes. Nothing here has exemplars; prom-client says so of each bucket.
  const data: typeof json = JSON.parse(
    JSON.stringify(json, (name, one) => (name === "exemplar" ? undefined : one)),
  );
  const merged = await AggregatorRegistry.aggregate([data, data]).metrics();
  return { text: await registry.metrics(), data, merged };
}

await t.test("a histogram with labels is that of prom-client", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(observation), fc.array(observation), async (before, after) => {
      const options = { name: "a_seconds", help: "How long it took.", labelNames: NAMES, buckets: BUCKETS };
      const [theirs, ours] = [new Registry(), new Registry()];
      const model = new Histogram({ ...options, registers: [theirs] });
      const tallied = new TalliedHistogram(ours, options);
      for (const observations of [before, after]) {
        for (const { value, labels } of observations) {
          const [protocol, route, code] = labels;
          model.observe({ protocol, route, code }, value);
          tallied.observe(value, protocol, route, code);
        }
        assert.deepEqual(await shown(ours), await shown(theirs));
      }
    }),
  );
});

await t.test("a histogram without labels is there before anything is observed", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(value), async (values) => {
      const options = { name: "a_lines", help: "How many.", buckets: BUCKETS };
      const [theirs, ours] = [new Registry(), new Registry()];
      const model = new Histogram({ ...options, registers: [theirs] });
      const tallied = new TalliedHistogram(ours, options);
      assert.deepEqual(await shown(ours), await shown(theirs));
      for (const one of values) {
        model.observe(one);
        tallied.observe(one);
      }
      assert.deepEqual(await shown(ours), await shown(theirs));
    }),
  );
});

await t.test("a counter is that of prom-client, however often somebody looks", async () => {
  const count = fc.record({ count: fc.nat(), labels: fc.tuple(label, label) });
  await fc.assert(
    fc.asyncProperty(fc.array(count), fc.array(count), async (before, after) => {
      const options = { name: "a_total", help: "How many.", labelNames: ["protocol", "reason"] as const };
      const [theirs, ours] = [new Registry(), new Registry()];
      const model = new Counter({ ...options, registers: [theirs] });
      const tallied = new TalliedCounter(ours, options);
      for (const counts of [before, after]) {
        for (const { count, labels } of counts) {
          const [protocol, reason] = labels;
          model.inc({ protocol, reason }, count);
          tallied.add(count, protocol, reason);
        }
        assert.deepEqual(await shown(ours), await shown(theirs));
      }
    }),
  );
});
