/** The routes for operators and their machines: is it alive, is it ready, what did it do, how full is it. */
import { PAGE_HEADERS, renderPage } from "@event-collector/operations";
import { Registry } from "prom-client";
import type { Clock } from "@event-collector/spool";
import type { HealthReport } from "../health.js";
import type { Overview } from "../overview.js";
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

export function createStatusHandler(overview: Pick<Overview, "status">): RestHandler {
  return async (context) => context.body(await overview.status(), 200, JSON_HEADERS);
}

export function createMetricsHandler(overview: Pick<Overview, "metrics">): RestHandler {
  const headers = { "content-type": Registry.PROMETHEUS_CONTENT_TYPE };
  return async (context) => context.body(await overview.metrics(), 200, headers);
}

export function createBufferStatsHandler(overview: Pick<Overview, "stats">): RestHandler {
  return async (context) => context.body(await overview.stats(), 200, JSON_HEADERS);
}

/** What is true for a moment must not be kept by anything between here and the reader. */
const NOT_STORED = { "cache-control": "no-store" };

const JSON_HEADERS = { ...NOT_STORED, "content-type": "application/json" };

function json(context: RestContext, value: object): Response {
  return context.body(JSON.stringify(value), 200, JSON_HEADERS);
}
