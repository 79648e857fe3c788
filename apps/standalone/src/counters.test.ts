import t from "tap";
import { renderCounters, sumOf } from "./counters.js";

await t.test("a metric is summed over its labels, and no other is taken for it", async (t) => {
  const metrics = [
    "# HELP collector_events_accepted_total Events that are on stable storage.",
    "# TYPE collector_events_accepted_total counter",
    'collector_events_accepted_total{protocol="rest"} 3',
    'collector_events_accepted_total{protocol="grpc"} 4',
    "collector_events_accepted_total_created 1700000000",
    "collector_events_rejected_total 2",
  ].join("\n");
  t.equal(sumOf(metrics, "collector_events_accepted_total"), 7);
  t.equal(sumOf(metrics, "collector_events_rejected_total"), 2);
  t.equal(sumOf(metrics, "collector_events_unknown_total"), 0);
});

await t.test("the live line names its numbers", async (t) => {
  const line = renderCounters({ accepted: 7, rejected: 2, published: 6, deadLettered: 2 });
  t.equal(line, "accepted 7   rejected 2   published 6   dead-lettered 2");
});
