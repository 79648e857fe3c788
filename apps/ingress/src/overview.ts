/**
 * What operators are told of the service as a whole, whichever process answers: its metrics, its status, its buffer.
 * A process that is alone tells of itself; a worker asks the primary, which asks all.
 */
import { bufferStatsOf } from "./buffer-stats.js";
import type { Lookout } from "./lookout.js";
import type { Metrics } from "./metrics.js";
import type { SpoolWriter } from "@event-collector/spool";

export interface Overview {
  /** In the text format of Prometheus. */
  metrics(): Promise<string>;
  /** A StatusReport, as JSON. */
  status(): Promise<string>;
  /** BufferStats, as JSON. */
  stats(): Promise<string>;
}

export function ownOverview(parts: {
  readonly metrics: Pick<Metrics, "registry">;
  readonly lookout: Pick<Lookout, "report">;
  readonly writer: Pick<SpoolWriter, "stats" | "readiness">;
}): Overview {
  const { metrics, lookout, writer } = parts;
  return {
    metrics: () => metrics.registry.metrics(),
    status: async () => JSON.stringify(await lookout.report()),
    stats: async () => JSON.stringify(bufferStatsOf(writer)),
  };
}
