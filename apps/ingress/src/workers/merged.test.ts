/** Several workers as one, in numbers. */
import type { StatusReport } from "@event-collector/operations";
import t from "tap";
import { createMetrics, totalsOf } from "../metrics.js";
import type { Metrics } from "../metrics.js";
import type { MetricData } from "./messages.js";
import { countsOf, mergeMetrics, ofPrimary } from "./merged-metrics.js";
import { mergeStatus } from "./merged-status.js";

const ABOUT = { serviceName: "here", version: "1" };

function worker(accepted: number, spoolBytes: number, isReady: boolean): Metrics {
  const metrics = createMetrics(ABOUT);
  metrics.ingest.accepted("rest", accepted);
  metrics.ingest.rejected("rest", "missing_field");
  metrics.group({ lines: accepted, bytes: 10, syncSeconds: 0.5 });
  metrics.reloaded("API_KEYS_FILE", isReady);
  const stats = { spoolBytes, segments: 2, freeBytes: 1000 - spoolBytes, queueBytes: 7, failures: 1 };
  metrics.watch({
    writer: { stats: () => stats, readiness: () => ({ ready: isReady }) } as unknown as Parameters<
      Metrics["watch"]
    >[0]["writer"],
    exchanges: () => 1,
    sessions: () => 2,
    connections: () => 3,
    pendingBodyBytes: () => 4,
  });
  return metrics;
}

await t.test("counts are added up, and what all look at is not", async (t) => {
  const sets = await Promise.all(
    [worker(3, 100, true), worker(4, 120, false)].map(({ registry }) => registry.getMetricsAsJSON()),
  );
  const merged = mergeMetrics(sets);
  const text = await merged.metrics();
  for (const line of [
    'collector_events_accepted_total{protocol="rest"} 7',
    "collector_spool_group_lines_sum 7",
    "collector_workers 2",
    "collector_connections 6",
    "collector_spool_queue_bytes 14",
    "collector_spool_failed_groups_total 2",
    "collector_spool_bytes 120",
    "collector_spool_segments 2",
    "collector_spool_free_bytes 880",
    "collector_spool_ready 0",
    'collector_reload_failed{file="API_KEYS_FILE"} 1',
  ]) {
    t.match(text, `\n${line}\n`);
  }
  t.match(text, /^collector_build_info\{[^}]*\} 1$/m);
  t.match(totalsOf(await merged.getMetricsAsJSON()), {
    accepted: 7,
    rejected: 2,
    reasons: [{ reason: "missing_field", count: 2 }],
    syncs: 2,
    syncSeconds: 1,
  });
});

await t.test("a worker that has ended is counted, and its gauges are not", async (t) => {
  const gone = await worker(3, 100, true).registry.getMetricsAsJSON();
  const counts = await countsOf([[], gone]);
  const here = await worker(4, 120, true).registry.getMetricsAsJSON();
  const text = await mergeMetrics([here, counts]).metrics();
  t.match(text, '\ncollector_events_accepted_total{protocol="rest"} 7\n');
  t.match(text, "\ncollector_workers 1\n");
  t.match(text, "\ncollector_connections 3\n");
  const twice = await countsOf([counts, gone]);
  t.equal(totalsOf(twice).accepted, 6, "and again, when the next one ends");
});

await t.test("of event loops the worst is shown, and that of the primary is not among them", async (t) => {
  const name = "nodejs_eventloop_lag_p99_seconds";
  const lag = (value: number): MetricData[] => {
    const metric = { name, help: "x", type: "gauge", aggregator: "average", values: [{ value, labels: {} }] };
    return [metric as unknown as MetricData];
  };
  t.match(await mergeMetrics([lag(0.01), lag(0.9)]).metrics(), `\n${name} 0.9\n`);
  const own = ofPrimary(await createMetrics(ABOUT).registry.getMetricsAsJSON());
  t.notOk(own.some((metric) => metric.name.startsWith("nodejs_")));
  t.ok(own.some((metric) => metric.name === "process_resident_memory_bytes"));
  t.ok(own.some((metric) => metric.name === "collector_workers_lost_total"));
});

function report(changes: Partial<StatusReport>): StatusReport {
  return {
    service: "here",
    role: "ingress",
    version: "1",
    time: "2024-01-15T10:30:00Z",
    uptime_seconds: 1,
    state: "healthy",
    problems: [],
    rates: { interval_seconds: 5, samples: 60, series: [{ label: "Accepted", values: [1, 2] }] },
    disk: {
      spool_bytes: 100,
      delivered_bytes: null,
      limit_bytes: 1000,
      free_bytes: 900,
      free_bytes_min: 0,
      seconds_to_full: null,
      segments: { total: 2, pending: null, overdue: null },
    },
    writer: {
      accepted: 1,
      rejected: 0,
      requests_in_flight: 1,
      connections: 2,
      queue_bytes: 3,
      sync_seconds: null,
      failed_groups: 0,
    },
    rejections: [],
    ...changes,
  };
}

await t.test(
  "the status is the worst of all, each problem once, with rates added from the newest on",
  async (t) => {
    const full = { what: "full", remedy: "wait" };
    const series = (values: (number | null)[]): StatusReport["rates"] => ({
      interval_seconds: 5,
      samples: 60,
      series: [{ label: "Accepted", values }],
    });
    const merged = mergeStatus({
      reports: [
        report({ state: "failing", problems: [full], rates: series([null, 1, 2, 3]) }),
        report({ state: "degraded", problems: [full], rates: series([null, 10]) }),
      ],
      totals: { accepted: 50, rejected: 1, reasons: [{ reason: "x", count: 1 }], syncs: 4, syncSeconds: 2 },
      failedGroups: 2,
      workers: 3,
      uptimeSeconds: 77.4,
    });
    t.match(merged, {
      state: "failing",
      problems: [full, { what: "1 of 3 workers is being replaced." }],
      uptime_seconds: 77,
      writer: {
        accepted: 50,
        requests_in_flight: 2,
        connections: 4,
        queue_bytes: 6,
        sync_seconds: 0.5,
        failed_groups: 2,
      },
      disk: { spool_bytes: 100, segments: { total: 2 } },
    });
    t.same(merged.rates.series[0]?.values, [null, 1, 2, 13]);
  },
);
