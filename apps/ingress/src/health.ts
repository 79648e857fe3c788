/** How the process is, for people and for liveness probes: it is alive as long as it can answer at all. */
import type { Clock } from "@event-collector/spool";
import type { ReadinessCheck } from "./readiness.js";

export interface HealthReport {
  /** "degraded" while the service is alive but takes no events. */
  readonly status: "healthy" | "degraded";
  readonly service: string;
  readonly version: string;
  /** RFC 3339 in UTC. */
  readonly timestamp: string;
  readonly uptimeSeconds: number;
}

export function createHealthCheck(
  readiness: ReadinessCheck,
  clock: Clock,
  options: { readonly serviceName: string; readonly version: string },
): () => HealthReport {
  const startedAt = clock.monotonic();
  return () => ({
    status: readiness().ready ? "healthy" : "degraded",
    service: options.serviceName,
    version: options.version,
    timestamp: new Date(clock.now()).toISOString(),
    uptimeSeconds: Math.round(clock.monotonic() - startedAt) / 1000,
  });
}
