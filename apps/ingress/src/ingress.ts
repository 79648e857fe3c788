/**
 * The ingress put together: the writer of the spool, the use case over it, REST and the RPCs over that, the ports in
 * front. What lives longer than a request is made here and ended by `drain`.
 */
import { openTracer } from "@event-collector/operations";
import { checkFileSystem, openWriter } from "@event-collector/spool";
import type { Clock, Disk, SpoolWriter } from "@event-collector/spool";
import type { Logger } from "pino";
import { openAccess } from "./access.js";
import { bufferStatsOf } from "./buffer-stats.js";
import { createCore, eventLimitsOf } from "./core.js";
import type { Company, Core } from "./core.js";
import { createAdminGate, createPublicGate } from "./entrance.js";
import type { EntranceParts } from "./entrance.js";
import { createMetrics } from "./metrics.js";
import type { Metrics } from "./metrics.js";
import { createReloader } from "./reload.js";
import type { Reloader } from "./reload.js";
import { listenForOperators } from "./server/admin-listener.js";
import { createBodyBudget } from "./server/body-budget.js";
import { createConnections } from "./server/connections.js";
import { drain } from "./server/drain.js";
import { createExchanges } from "./server/exchanges.js";
import { createHttp2Sessions } from "./server/http2-sessions.js";
import type { HandedPort } from "./server/handed-port.js";
import { listen } from "./server/listener.js";
import type { Listener, ListenerParts } from "./server/listener.js";
import { createNetworkList } from "./server/network.js";
import { readTlsMaterial } from "./server/tls.js";
import type { TlsMaterial } from "./server/tls.js";
import { ConfigError } from "@event-collector/environment";
import type { IngressConfig } from "./settings.js";
import type { PortName, Snapshot } from "./workers/messages.js";

export interface Ingress {
  /** The port of all protocols. */
  readonly port: number;
  /** The second port, if one was asked for. */
  readonly grpcPort: number | undefined;
  /** The port of metrics and statistics, if they have one. */
  readonly adminPort: number | undefined;
  /** Reads the files of keys and certificates again. Never rejects: what is broken is said and changes nothing. */
  reload(): Promise<void>;
  /** Is not ready any more, and goes on serving. */
  retire(): void;
  /** What it knows of itself, for whoever puts several together. */
  snapshot(): Promise<Snapshot>;
  /** Finishes what is under way, closes the ports and then the spool. Idempotent. */
  drain(): Promise<void>;
}

/** What a worker has of its primary. */
export interface Primary extends Company {
  /** Connections come from there. */
  port(name: PortName): HandedPort;
}

/** Closes what was opened, the last first. */
type Closers = (() => unknown)[];

/** Opens the spool, then the ports. Rejects with a ConfigError, a SpoolError or an error of the system. */
export async function startIngress(
  disk: Disk,
  clock: Clock,
  logger: Logger,
  config: IngressConfig,
  primary?: Primary,
): Promise<Ingress> {
  const closers: Closers = [];
  try {
    return await open(disk, clock, logger, config, primary, closers);
  } catch (error) {
    await closeAll(closers);
    throw error;
  }
}

async function open(
  disk: Disk,
  clock: Clock,
  logger: Logger,
  config: IngressConfig,
  primary: Primary | undefined,
  closers: Closers,
): Promise<Ingress> {
  const metrics = createMetrics(config);
  const reloader = createReloader(disk, logger, metrics, { intervalMs: config.reloadMs });
  closers.push(() => reloader.close());
  // What can be wrong with the configuration comes before the spool is touched.
  const authenticate = await openAccess(disk, clock, reloader, eventLimitsOf(config), config);
  const listeners: Listener[] = [];
  const tls = await openTls(disk, reloader, metrics, listeners, config);
  const writer = await openSpool(disk, clock, logger, metrics, config);
  closers.push(() => writer.close());
  const tracer = await startTracer(logger, config);
  closers.push(() => tracer?.close());
  const core = createCore(writer, metrics, clock, logger, tracer, config, primary);
  closers.push(() => core.lookout.close());
  const exchanges = createExchanges(clock, config.limits.requestTimeoutMs);
  closers.push(() => exchanges.close());
  const budget = createBodyBudget(config.limits.pendingBodyBytesMax, () => metrics.bodyEnded());
  const parts: EntranceParts = { authenticate, exchanges, budget };

  const { admin, limits } = config;
  const adminListener =
    admin && (await listenForOperators(createAdminGate(core, parts).enter, admin, primary?.port("admin")));
  if (adminListener !== undefined) closers.push(() => adminListener.close());
  const gate = createPublicGate(core, parts);
  const sessions = createHttp2Sessions(gate.enter, {
    idleMs: limits.http2IdleMs,
    streamsMax: limits.http2StreamsMax,
  });
  const connections = createConnections(
    limits.connectionsPerAddressMax,
    createNetworkList(config.trustedProxies),
  );
  metrics.watch({
    writer,
    exchanges: () => exchanges.count(),
    sessions: () => sessions.count(),
    connections: () => connections.count(),
    pendingBodyBytes: () => budget.bytes(),
  });
  await openPorts(
    { gate, sessions, connections, observer: metrics },
    listeners,
    closers,
    tls,
    config,
    primary,
  );
  let drained: Promise<void> | undefined;
  return {
    port: listeners[0]?.port ?? 0,
    grpcPort: listeners[1]?.port,
    adminPort: adminListener?.port,
    reload: () => reloader.reload(),
    retire: () => core.lifecycle.drain(),
    snapshot: () => snapshotOf(core),
    drain: () =>
      (drained ??= drain(core.lifecycle, listeners, sessions, {
        delayMs: config.shutdownDelayMs,
        timeoutMs: config.shutdownTimeoutMs,
      }).then(() => closeAll(closers))),
  };
}

function startTracer(logger: Logger, config: IngressConfig): ReturnType<typeof openTracer> {
  return openTracer(config.tracing, {
    ...config,
    role: "ingress",
    onFailure: (reason) =>
      logger.warn({ reason }, "spans cannot be exported; events are accepted all the same"),
  });
}

async function openTls(
  disk: Disk,
  reloader: Reloader,
  metrics: Metrics,
  listeners: readonly Listener[],
  { tls }: IngressConfig,
): Promise<TlsMaterial | undefined> {
  if (tls === undefined) return undefined;
  let material: TlsMaterial | undefined;
  const { certificateFile, keyFile, clientAuthorityFile } = tls;
  await reloader.add({
    name: "TLS_CERT_FILE",
    paths: [certificateFile, keyFile, ...(clientAuthorityFile === undefined ? [] : [clientAuthorityFile])],
    load: async () => {
      const next = await readTlsMaterial(disk, tls);
      for (const listener of listeners) listener.secure(next);
      metrics.certificateExpires(next.expiresAt);
      material = next;
    },
  });
  return material;
}

async function snapshotOf({ metrics, lookout, writer }: Core): Promise<Snapshot> {
  return {
    metrics: await metrics.registry.getMetricsAsJSON(),
    status: await lookout.report(),
    stats: bufferStatsOf(writer),
  };
}

async function openSpool(
  disk: Disk,
  clock: Clock,
  logger: Logger,
  metrics: Metrics,
  { spool, allowVolatileSpool: allowVolatile }: IngressConfig,
): Promise<SpoolWriter> {
  const report = await checkFileSystem(disk, clock, spool.directory, { allowVolatile });
  const { name: fileSystem, verdict, message, syncSeconds } = report;
  if (verdict === "refuse") {
    throw new ConfigError(`BUFFER_DIR: ${message} BUFFER_ALLOW_VOLATILE=true accepts that.`);
  }
  logger[verdict === "warn" ? "warn" : "info"]({ fileSystem, syncSeconds }, message);
  return openWriter(disk, clock, spool, metrics.group);
}

async function openPorts(
  parts: ListenerParts,
  listeners: Listener[],
  closers: Closers,
  tls: TlsMaterial | undefined,
  { host, port: publicPort, grpcPort, limits }: IngressConfig,
  primary: Primary | undefined,
): Promise<void> {
  const ports = { public: publicPort, ...(grpcPort !== undefined && { grpc: grpcPort }) };
  for (const [name, port] of Object.entries(ports)) {
    const handed = primary?.port(name as PortName);
    const listener = await listen(parts, { ...limits, host, port, tls, handed });
    listeners.push(listener);
    closers.push(() => listener.close());
  }
}

async function closeAll(closers: Closers): Promise<void> {
  for (const close of closers.toReversed()) await close();
  closers.length = 0;
}
