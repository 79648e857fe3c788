import { BrokerFailure } from "@event-collector/kafka";
import type { StatusReport } from "@event-collector/operations";
import t from "tap";
import { createMetrics } from "./metrics.js";
import { createApp } from "./server.js";
import { createStatus } from "./status.js";

const options = { host: "127.0.0.1", port: 0, serviceName: "event-collector", version: "1.2.3" };
const now = (): number => Date.parse("2026-01-02T03:04:05.678Z");

const report: StatusReport = {
  service: "event-collector",
  role: "forwarder",
  version: "1.2.3",
  time: "2026-01-02T03:04:05.678Z",
  uptime_seconds: 1,
  state: "healthy",
  problems: [],
  rates: { interval_seconds: 5, samples: 60, series: [] },
  disk: {
    spool_bytes: 30,
    delivered_bytes: 20,
    limit_bytes: 100,
    free_bytes: 1_000,
    free_bytes_min: 10,
    seconds_to_full: null,
    segments: { total: 3, pending: 1, overdue: 0 },
  },
  lag: { records: 2, bytes: 10, oldest_age_seconds: 2.5 },
  books: null,
};

function setUp() {
  const status = createStatus();
  const metrics = createMetrics({ ...options, delivery: "exactly-once", now });
  const app = createApp(
    { metrics, readiness: () => status.readiness(), report: () => Promise.resolve(report), now },
    options,
  );
  return { status, metrics, app };
}

await t.test("a forwarder is alive before it is ready", async (t) => {
  const { app, status } = setUp();
  const health = await app.request("/health");
  t.equal(health.status, 200);
  t.match(await health.json(), {
    status: "degraded",
    service: "event-collector",
    version: "1.2.3",
    timestamp: "2026-01-02T03:04:05.678Z",
    reason: /not connected/,
  });
  t.equal((await app.request("/ready")).status, 503);
  status.observer.opened();
  t.equal((await app.request("/ready")).status, 200);
  t.match(await (await app.request("/health")).json(), { status: "healthy" });
});

await t.test("readiness says what is in the way, and that it is over", async (t) => {
  const { app, status } = setUp();
  status.observer.opened();
  status.observer.failed(new BrokerFailure("configuration", "topic authorization failed"), 1);
  t.match(await (await app.request("/ready")).json(), {
    ready: false,
    reason: "configuration: topic authorization failed",
  });
  status.observer.delivered([]);
  t.match(await (await app.request("/ready")).json(), { ready: true });
  status.reachable(false);
  t.match(await (await app.request("/ready")).json(), { ready: false, reason: "no broker is reachable" });
  status.reachable(true);
  t.match(await (await app.request("/ready")).json(), { ready: true });
  status.draining();
  t.match(await (await app.request("/ready")).json(), { ready: false, reason: "draining" });
});

await t.test("metrics are in the format of Prometheus, each with its help", async (t) => {
  const { app, metrics } = setUp();
  const lag = { bytes: 10, segments: 1, bytesTotal: 30, segmentsTotal: 3, oldestAgeMs: 2_500 };
  const books = {
    accepted: 9,
    published: 5,
    dead_lettered: 1,
    spooled: 3,
    difference: 0,
    since: "spool" as const,
  };
  metrics.watch({ lag: () => Promise.resolve(lag), books: () => Promise.resolve(books) });
  metrics.reachable(true);
  const response = await app.request("/metrics");
  t.match(response.headers.get("content-type"), /^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  for (const line of [
    "forwarder_backlog_bytes 10",
    'forwarder_segments{state="pending"} 1',
    'forwarder_segments{state="delivered"} 2',
    "forwarder_oldest_unforwarded_age_seconds 2.5",
    'forwarder_books_records{account="accepted"} 9',
    'forwarder_books_records{account="published"} 5',
    'forwarder_books_records{account="dead_lettered"} 1',
    'forwarder_books_records{account="spooled"} 3',
    'forwarder_books_records{account="difference"} 0',
    "forwarder_broker_up 1",
    "forwarder_fenced_total 0",
  ]) {
    t.ok(text.includes(`${line}\n`), line);
  }
  const names = [...text.matchAll(/^# HELP (\S+) (.+)$/gm)];
  t.ok(names.length > 20);
  for (const [, name] of names) t.match(name, /^(forwarder|process|nodejs)_/);
});

await t.test("the page is whole in itself and may do nothing but ask its own process", async (t) => {
  const { app } = setUp();
  const response = await app.request("/");
  t.match(response.headers.get("content-type"), /^text\/html/);
  const policy = response.headers.get("content-security-policy") ?? "";
  t.match(
    policy,
    /^default-src 'none'; style-src 'sha256-[^']+'; script-src 'sha256-[^']+'; connect-src 'self'/,
  );
  t.notMatch(policy, /unsafe/);
  t.notMatch(await response.text(), /\b(?:src|href)="(?:https?:)?\/\//);
});

await t.test("the status is for scripts too, and the part about the spool alone", async (t) => {
  const { app } = setUp();
  const status = await app.request("/status");
  t.equal(status.headers.get("cache-control"), "no-store");
  t.strictSame(await status.json(), report);
  t.strictSame(await (await app.request("/buffer/stats")).json(), {
    ...report.disk,
    lag: report.lag,
    books: null,
  });
});
