/**
 * What each worker gets of limits that are meant for the service as a whole.
 *
 * What bounds memory is divided. Connections are bounded by the primary, which alone sees all of them; a worker
 * knows its part only to bound those that say nothing. Rates are not divided, since a sender with one connection is
 * served by one worker: the workers tell each other what they gave (`take-exchange.ts`).
 */
import type { IngressConfig } from "../settings.js";

export function shareOf(config: IngressConfig): IngressConfig {
  const { workers, limits, spool } = config;
  return {
    ...config,
    limits: {
      ...limits,
      connectionsMax: Math.ceil(limits.connectionsMax / workers),
      connectionsPerAddressMax: Number.POSITIVE_INFINITY,
      requestsMax: Math.ceil(limits.requestsMax / workers),
      pendingBodyBytesMax: Math.floor(limits.pendingBodyBytesMax / workers),
    },
    spool: { ...spool, queueBytesMax: Math.floor(spool.queueBytesMax / workers) },
    // The primary waits, since it is its port.
    shutdownDelayMs: 0,
  };
}
