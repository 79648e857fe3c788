/** The routes for operators and their machines: is it alive, is it ready, what did it do, how full is it. */
import { PAGE_HEADERS, renderPage } from "@event-collector/operations";
import type { Registry } from "prom-client";
import type { Clock, SpoolWriter } from "@event-collector/spool";
import type { HealthReport } from "../health.js";
import type { Lookout } from "../lookout.js";
import type { ReadinessCheck } from "../readiness.js";
import type { Refuse, RestContext, RestHandler } from "./app.js";

export function createHealthHandler(health: () => HealthReport): RestHandler {
  return (context) => {
    const { status, service, version, timestamp, uptimeSeconds } = health();
    return json(context, { status, service, version, timestamp, uptime_seconds: uptimeSeconds });
  };
}

export function createReadyHandler(readiness: ReadinessCheck, clock: Clock, refuse: Refuse): RestHandler {
  return (context) => {
    const state = readiness();
    if (!state.ready) return refuse(context, state.refusal, NOT_STORED);
    return json(context, { ready: true, timestamp: new Date(clock.now()).toISOString() });
  };
}

/** For people; it asks for `/status` itself. */
export function createPageHandler(about: { serviceName: string; version: string }): RestHandler {
  const page = renderPage({ role: "ingress", service: about.serviceName, version: about.version });
  return (context) => context.body(page, 200, { ...PAGE_HEADERS });
}

export function createStatusHandler(lookout: Pick<Lookout, "report">): RestHandler {
  return async (context) => json(context, await lookout.report());
}

export function createMetricsHandler(registry: Registry): RestHandler {
  return async (context) =>
    context.body(await registry.metrics(), 200, { "content-type": registry.contentType });
}

export function createBufferStatsHandler(writer: Pick<SpoolWriter, "stats" | "readiness">): RestHandler {
  return (context) => {
    const stats = writer.stats();
    return json(context, {
      ready: writer.readiness().ready,
      instance: stats.instance,
      segment: stats.segment ?? null,
      segments: stats.segments,
      spool_bytes: stats.spoolBytes,
      free_bytes: stats.freeBytes,
      queue_bytes: stats.queueBytes,
      written: { lines: stats.lines, bytes: stats.bytes, groups: stats.groups, failures: stats.failures },
    });
  };
}

/** What is true for a moment must not be kept by anything between here and the reader. */
const NOT_STORED = { "cache-control": "no-store" };

function json(context: RestContext, value: object): Response {
  return context.body(JSON.stringify(value), 200, { ...NOT_STORED, "content-type": "application/json" });
}
