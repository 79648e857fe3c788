/** The doors behind the gate: REST, the RPCs, and what operators see. */
import { EventCollectorService, grpcHealth } from "@event-collector/contract";
import type { Core } from "./core.js";
import { createRefuse, createRestApp } from "./http/app.js";
import type { Refuse, Route } from "./http/app.js";
import { createCollectHandler, isPlainBatch } from "./http/collect.js";
import {
  createBufferStatsHandler,
  createPageHandler,
  createStatusHandler,
  createHealthHandler,
  createMetricsHandler,
  createReadyHandler,
} from "./http/operations.js";
import { createRestDoor } from "./http/rest-door.js";
import { descriptionRoutes } from "./openapi/routes.js";
import { requestLimits } from "./refusal.js";
import type { RequestLimits } from "./refusal.js";
import { collectorService } from "./rpc/collector-service.js";
import { createLeanCalls } from "./rpc/lean-calls.js";
import { healthService } from "./rpc/health-service.js";
import { reflectionServices } from "./rpc/reflection-service.js";
import { createRpcDoor, RECURSION_MAX } from "./rpc/router.js";
import type { Door } from "./server/gate.js";

export function limitsOf({ config }: Pick<Core, "config">): RequestLimits {
  return requestLimits(config.batchEventsMax, config.batchBytesMax);
}

export function createPublicRest(core: Core): Door {
  const { config, logger, ingest, lifecycle, decompress } = core;
  const refuse = createRefuse(limitsOf(core));
  const collect = createCollectHandler(ingest, refuse, {
    eventsMax: config.batchEventsMax,
    bytesMax: config.batchBytesMax,
    ndjson: config.ndjson,
    decompress,
    leaving: lifecycle.leaving,
  });
  const routes: readonly Route[] = [
    { method: "POST", path: "/collect", handle: collect, isDirect: true, servesPlain: isPlainBatch },
    ...probeRoutes(core, refuse),
    ...(config.admin === undefined ? statsRoutes(core) : []),
    ...descriptionRoutes({
      version: config.version,
      eventsMax: config.batchEventsMax,
      bytesMax: config.batchBytesMax,
      limits: core.limits,
    }),
  ];
  return createRestDoor(createRestApp(routes, refuse, logger), routes, logger);
}

/** For the admin port: no events, and nothing that could be asked for a key. */
export function createAdminRest(core: Core): Door {
  const refuse = createRefuse(limitsOf(core));
  const routes = [...probeRoutes(core, refuse), ...statsRoutes(core)];
  return createRestDoor(createRestApp(routes, refuse, core.logger), routes, core.logger);
}

function probeRoutes({ health, readiness, clock }: Core, refuse: Refuse): Route[] {
  return [
    { method: "GET", path: "/health", handle: createHealthHandler(health) },
    { method: "GET", path: "/ready", handle: createReadyHandler(readiness, clock, refuse) },
  ];
}

function statsRoutes({ overview, config }: Core): Route[] {
  return [
    { method: "GET", path: "/", handle: createPageHandler(config) },
    { method: "GET", path: "/status", handle: createStatusHandler(overview) },
    { method: "GET", path: "/metrics", handle: createMetricsHandler(overview) },
    { method: "GET", path: "/buffer/stats", handle: createBufferStatsHandler(overview) },
  ];
}

export function createRpc({
  config,
  clock,
  logger,
  lifecycle,
  ingest,
  readiness,
  health,
  ...core
}: Core): Door {
  const groups = { sizeMax: config.streamBatchEvents, lingerMs: config.streamLingerMs };
  const { leaving } = lifecycle;
  const services = [
    collectorService({ ingest, health, readiness, clock }, { groups, leaving }),
    healthService(readiness, leaving),
  ];
  if (config.reflection) services.push(reflectionServices([EventCollectorService, grpcHealth.Health]));
  return createRpcDoor(services, logger, {
    messageBytesMax: config.batchBytesMax,
    decompress: core.decompress,
    lean: createLeanCalls(ingest, logger, leaving, {
      messageBytesMax: config.batchBytesMax,
      recursionLimit: RECURSION_MAX,
      groups,
    }),
  });
}
