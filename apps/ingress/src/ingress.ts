/**
 * The ingress put together: the writer of the spool, the use case over it, REST and the RPCs over that, the port in
 * front. What lives longer than a request is made here and ended by `drain`.
 */
import { EVENT_LIMITS, EVENT_TYPES, EventCollectorService, grpcHealth } from "@event-collector/contract";
import type { EventLimits } from "@event-collector/contract";
import { openWriter } from "@event-collector/spool";
import type { Clock, Disk, SpoolWriter } from "@event-collector/spool";
import type { Logger } from "pino";
import { createAuthenticator } from "./auth.js";
import type { IngressConfig } from "./settings.js";
import { createHealthCheck } from "./health.js";
import type { HealthReport } from "./health.js";
import { createRefuse, createRestApp } from "./http/app.js";
import type { Route } from "./http/app.js";
import { createCollectHandler } from "./http/collect.js";
import {
  createBufferStatsHandler,
  createHealthHandler,
  createMetricsHandler,
  createReadyHandler,
} from "./http/operations.js";
import { createRestDoor } from "./http/rest-door.js";
import { createIngest } from "./ingest.js";
import type { Ingest } from "./ingest.js";
import { createLifecycle } from "./lifecycle.js";
import type { Lifecycle } from "./lifecycle.js";
import { createMetrics } from "./metrics.js";
import type { Metrics } from "./metrics.js";
import { DESCRIPTION_PATHS, descriptionRoutes } from "./openapi/routes.js";
import { createReadinessCheck } from "./readiness.js";
import type { ReadinessCheck } from "./readiness.js";
import { requestLimits } from "./refusal.js";
import { collectorService } from "./rpc/collector-service.js";
import { healthService } from "./rpc/health-service.js";
import { reflectionServices } from "./rpc/reflection-service.js";
import { createRpcDoor } from "./rpc/router.js";
import { createCors } from "./server/cors.js";
import { drain } from "./server/drain.js";
import { createExchanges } from "./server/exchange.js";
import type { Exchange, Exchanges } from "./server/exchange.js";
import { createGate } from "./server/gate.js";
import type { Door, Gate } from "./server/gate.js";
import { createHttp2Sessions } from "./server/http2-sessions.js";
import { listen } from "./server/listener.js";
import type { Listener } from "./server/listener.js";

export interface Ingress {
  /** The port of all protocols. */
  readonly port: number;
  /** The second port, if one was asked for. */
  readonly grpcPort: number | undefined;
  /** Finishes what is under way, closes the ports and then the spool. Idempotent. */
  drain(): Promise<void>;
}

/** What the parts over the spool share. */
interface Core {
  readonly config: IngressConfig;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly lifecycle: Lifecycle;
  readonly metrics: Metrics;
  readonly writer: SpoolWriter;
  readonly ingest: Ingest;
  readonly readiness: ReadinessCheck;
  readonly health: () => HealthReport;
}

/** Paths that need no key: probes have none, and the answers tell nobody anything. */
const OPEN_PATHS: ReadonlySet<string> = new Set([
  "/health",
  "/ready",
  ...DESCRIPTION_PATHS,
  `/${EventCollectorService.typeName}/HealthCheck`,
  `/${EventCollectorService.typeName}/ReadinessCheck`,
  `/${grpcHealth.Health.typeName}/Check`,
  `/${grpcHealth.Health.typeName}/Watch`,
  `/${grpcHealth.Health.typeName}/List`,
]);

/** Opens the spool, then the ports. Rejects with a SpoolError or an error of the system if either fails. */
export async function startIngress(
  disk: Disk,
  clock: Clock,
  logger: Logger,
  config: IngressConfig,
): Promise<Ingress> {
  const metrics = createMetrics(config);
  const writer = await openWriter(disk, clock, config.spool, metrics.group);
  const core = createCore(writer, metrics, clock, logger, config);
  const exchanges = createExchanges(clock, config.limits.requestTimeoutMs);
  const gate = createIngressGate(core, exchanges);
  const sessions = createHttp2Sessions(gate, {
    idleMs: config.limits.http2IdleMs,
    streamsMax: config.limits.http2StreamsMax,
  });
  metrics.watch({ writer, exchanges: () => exchanges.count(), sessions: () => sessions.count() });
  const listeners: Listener[] = [];
  let drained: Promise<void> | undefined;

  async function end(): Promise<void> {
    await drain(core.lifecycle, listeners, sessions, {
      delayMs: config.shutdownDelayMs,
      timeoutMs: config.shutdownTimeoutMs,
    });
    exchanges.close();
    await writer.close();
  }

  try {
    const ports = config.grpcPort === undefined ? [config.port] : [config.port, config.grpcPort];
    for (const port of ports)
      listeners.push(await listen(gate, sessions, { ...config.limits, host: config.host, port }));
  } catch (error) {
    await Promise.all(listeners.map((listener) => listener.close()));
    exchanges.close();
    await writer.close();
    throw error;
  }
  return {
    port: listeners[0]?.port ?? 0,
    grpcPort: listeners[1]?.port,
    drain: () => (drained ??= end()),
  };
}

function createCore(
  writer: SpoolWriter,
  metrics: Metrics,
  clock: Clock,
  logger: Logger,
  config: IngressConfig,
): Core {
  const lifecycle = createLifecycle();
  const readiness = createReadinessCheck(writer, lifecycle);
  const ingest = createIngest(writer, clock, logger, metrics.ingest, {
    eventsMax: config.batchEventsMax,
    limits: eventLimits(config.eventTypesExtra),
  });
  const health = createHealthCheck(readiness, clock, config);
  return { config, clock, logger, lifecycle, metrics, writer, ingest, readiness, health };
}

function eventLimits(typesExtra: readonly string[]): EventLimits {
  return { ...EVENT_LIMITS, eventTypes: new Set([...EVENT_TYPES, ...typesExtra]) };
}

function createIngressGate(core: Core, exchanges: Exchanges): Gate {
  const { config, clock, lifecycle, logger, metrics } = core;
  const debug = logger.isLevelEnabled("debug");
  const ended = (exchange: Exchange, code: string, seconds: number): void => {
    metrics.exchange(exchange, code, seconds);
    if (!debug) return;
    const { id: requestId, protocol, route } = exchange;
    logger.debug({ requestId, protocol, route, code, seconds }, "request");
  };
  return createGate(
    {
      rest: createIngressRest(core),
      rpc: createIngressRpc(core),
      authenticate: createAuthenticator(config.apiKey),
      cors: createCors(config.corsOrigins),
      exchanges,
      lifecycle,
      clock,
      ended,
    },
    {
      openPaths: OPEN_PATHS,
      bodyBytesMax: config.batchBytesMax,
      limits: requestLimits(config.batchEventsMax, config.batchBytesMax),
    },
  );
}

function createIngressRest({
  config,
  clock,
  logger,
  metrics,
  writer,
  ingest,
  readiness,
  health,
}: Core): Door {
  const refuse = createRefuse(requestLimits(config.batchEventsMax, config.batchBytesMax));
  const collect = createCollectHandler(ingest, refuse, {
    eventsMax: config.batchEventsMax,
    bytesMax: config.batchBytesMax,
  });
  const routes: readonly Route[] = [
    { method: "POST", path: "/collect", handle: collect },
    { method: "GET", path: "/health", handle: createHealthHandler(health) },
    { method: "GET", path: "/ready", handle: createReadyHandler(readiness, clock, refuse) },
    { method: "GET", path: "/metrics", handle: createMetricsHandler(metrics.registry) },
    { method: "GET", path: "/buffer/stats", handle: createBufferStatsHandler(writer) },
    ...descriptionRoutes({
      version: config.version,
      eventsMax: config.batchEventsMax,
      bytesMax: config.batchBytesMax,
      limits: eventLimits(config.eventTypesExtra),
    }),
  ];
  return createRestDoor(createRestApp(routes, refuse, logger), routes);
}

function createIngressRpc({ config, clock, logger, lifecycle, ingest, readiness, health }: Core): Door {
  const services = [
    collectorService(
      { ingest, health, readiness, clock },
      {
        streamEventsMax: config.streamBatchEvents,
        streamLingerMs: config.streamLingerMs,
        leaving: lifecycle.leaving,
      },
    ),
    healthService(readiness, lifecycle.leaving),
  ];
  if (config.reflection) services.push(reflectionServices([EventCollectorService, grpcHealth.Health]));
  return createRpcDoor(services, logger, { messageBytesMax: config.batchBytesMax });
}
