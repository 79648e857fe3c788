import { BrokerFailure } from "@event-collector/kafka";
import t from "tap";
import { createMetrics } from "./metrics.js";
import { createApp } from "./server.js";
import { createStatus } from "./status.js";

const options = { host: "127.0.0.1", port: 0, serviceName: "event-collector", version: "1.2.3" };
const now = (): number => Date.parse("2026-01-02T03:04:05.678Z");

function setUp() {
  const status = createStatus();
  const metrics = createMetrics({ ...options, delivery: "exactly-once", now });
  const app = createApp({ metrics, readiness: () => status.readiness(), now }, options);
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
  metrics.watch({ lag: () => Promise.resolve(lag), totals: () => ({ events: 5, deadLetters: 1 }) });
  metrics.reachable(true);
  const response = await app.request("/metrics");
  t.match(response.headers.get("content-type"), /^text\/plain; version=0\.0\.4/);
  const text = await response.text();
  for (const line of [
    "forwarder_backlog_bytes 10",
    'forwarder_segments{state="pending"} 1',
    'forwarder_segments{state="delivered"} 2',
    "forwarder_oldest_unforwarded_age_seconds 2.5",
    'forwarder_ledger_records{topic="events"} 5',
    'forwarder_ledger_records{topic="dead_letters"} 1',
    "forwarder_broker_up 1",
    "forwarder_fenced_total 0",
  ]) {
    t.ok(text.includes(`${line}\n`), line);
  }
  const names = [...text.matchAll(/^# HELP (\S+) (.+)$/gm)];
  t.ok(names.length > 20);
  for (const [, name] of names) t.match(name, /^(forwarder|process|nodejs)_/);
});
