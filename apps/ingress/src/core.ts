/** What the doors share: the use case over the spool, what is known of the process, and how it is measured. */
import { EVENT_LIMITS, EVENT_TYPES } from "@event-collector/contract";
import type { EventLimits } from "@event-collector/contract";
import type { Tracer } from "@event-collector/operations";
import type { Clock, SpoolWriter } from "@event-collector/spool";
import type { Logger } from "pino";
import { createHealthCheck } from "./health.js";
import type { HealthReport } from "./health.js";
import { createIngest } from "./ingest.js";
import type { Ingest } from "./ingest.js";
import { createLookout } from "./lookout.js";
import type { Lookout } from "./lookout.js";
import { createLifecycle } from "./lifecycle.js";
import type { Lifecycle } from "./lifecycle.js";
import type { Metrics } from "./metrics.js";
import { createReadinessCheck } from "./readiness.js";
import type { ReadinessCheck } from "./readiness.js";
import type { IngressConfig } from "./settings.js";
import { ownOverview } from "./overview.js";
import type { Overview } from "./overview.js";
import type { RateExchange } from "./server/rates.js";
import { createTurnstile } from "./turnstile.js";
import type { Turnstile } from "./turnstile.js";

export interface Core {
  readonly config: IngressConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly lifecycle: Lifecycle;
  readonly metrics: Metrics;
  readonly writer: SpoolWriter;
  readonly lookout: Lookout;
  readonly overview: Overview;
  /** Undefined: no other process limits the same senders. */
  readonly rateExchange: RateExchange | undefined;
  /** Undefined: nobody collects spans. */
  readonly tracer: Tracer | undefined;
  readonly ingest: Ingest;
  readonly readiness: ReadinessCheck;
  readonly health: () => HealthReport;
  readonly limits: EventLimits;
  readonly decompress: Turnstile;
}

/** What a process has in common with others that serve the same ports. */
export interface Company {
  readonly overview: Overview;
  readonly rateExchange: RateExchange;
}

/** Bytes that bodies may become while they are decompressed, all together. */
const DECOMPRESSED_BYTES_MAX = 64 * 1024 * 1024;

export function createCore(
  writer: SpoolWriter,
  metrics: Metrics,
  clock: Clock,
  logger: Logger,
  tracer: Tracer | undefined,
  config: IngressConfig,
  company?: Company,
): Core {
  const lifecycle = createLifecycle();
  const readiness = createReadinessCheck(writer, lifecycle);
  const limits = eventLimitsOf(config);
  const ingest = createIngest(writer, clock, logger, metrics.ingest, {
    eventsMax: config.batchEventsMax,
    limits,
  });
  const health = createHealthCheck(readiness, clock, config);
  const decompress = createTurnstile(Math.max(1, Math.floor(DECOMPRESSED_BYTES_MAX / config.batchBytesMax)));
  const lookout = createLookout(clock, { writer, metrics, lifecycle, health }, config);
  return {
    config,
    clock,
    logger,
    lifecycle,
    metrics,
    writer,
    lookout,
    overview: company?.overview ?? ownOverview({ metrics, lookout, writer }),
    rateExchange: company?.rateExchange,
    tracer,
    ingest,
    readiness,
    health,
    limits,
    decompress,
  };
}

export function eventLimitsOf({ eventTypesExtra }: Pick<IngressConfig, "eventTypesExtra">): EventLimits {
  return { ...EVENT_LIMITS, eventTypes: new Set([...EVENT_TYPES, ...eventTypesExtra]) };
}
