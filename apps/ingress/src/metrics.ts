/**
 * What the ingress tells Prometheus. Runtime metrics keep the names that every Node dashboard knows (`process_…`,
 * `nodejs_…`, among them the event loop's delay); all others begin with `collector_`.
 *
 * **Invariant:** no label takes its values from a sender: ids, keys, paths and types of events are never labels. The
 * names of keys are the operator's.
 */
import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { MetricObjectWithValues, MetricValue } from "prom-client";
import type { GroupObserver, SpoolWriter } from "@event-collector/spool";
import type { ReasonCount } from "@event-collector/operations";
import type { IngestObserver } from "./ingest.js";
import type { ReloadObserver } from "./reload.js";
import type { Exchange } from "./server/exchange.js";
import type { ListenerObserver } from "./server/listener.js";
import { TalliedCounter } from "./tallied-counter.js";
import { TalliedHistogram } from "./tallied-histogram.js";

/** What was counted since the start of the process. */
export interface WriterTotals {
  readonly accepted: number;
  readonly rejected: number;
  /** Why, the most frequent first. */
  readonly reasons: readonly ReasonCount[];
  readonly syncs: number;
  readonly syncSeconds: number;
}

export interface Load {
  readonly requests: number;
  readonly connections: number;
}

export interface Metrics extends ReloadObserver, ListenerObserver {
  readonly registry: Registry;
  readonly ingest: IngestObserver;
  readonly group: GroupObserver;
  /** An exchange is over; `code` is an HTTP status for REST and the name of a Connect code otherwise. */
  exchange(exchange: Exchange, code: string, seconds: number): void;
  /** When the certificate of the port ends, milliseconds since the Unix epoch. */
  certificateExpires(at: number): void;
  /** A body was ended because more was arriving than can be held. */
  bodyEnded(): void;
  /** A worker ended by itself, and another takes its place. */
  workerLost(): void;
  totals(): Promise<WriterTotals>;
  /** What is under way now; nothing before `watch`. */
  load(): Load;
  /** Reads the state of these parts whenever somebody asks for the metrics. */
  watch(sources: MetricSources): void;
}

export interface MetricSources {
  readonly writer: Pick<SpoolWriter, "stats" | "readiness">;
  readonly exchanges: () => number;
  readonly sessions: () => number;
  readonly connections: () => number;
  readonly pendingBodyBytes: () => number;
}

const ACCEPTED = "collector_events_accepted_total";
const REJECTED = "collector_events_rejected_total";
const SYNC_SECONDS = "collector_spool_sync_duration_seconds";

/** From below the fastest sync to above the longest timeout. */
const DURATION_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];
const SYNC_BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5, 10];
const GROUP_BUCKETS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

export function createMetrics(options: { readonly serviceName: string; readonly version: string }): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  addBuildInfo(registry, options);
  let load = (): Load => ({ requests: 0, connections: 0 });
  return {
    registry,
    ingest: createIngestObserver(registry),
    group: createGroupObserver(registry),
    totals: async () => totalsOf(await registry.getMetricsAsJSON()),
    load: () => load(),
    exchange: createExchangeObserver(registry),
    ...createReloadObserver(registry),
    ...createPortObserver(registry),
    workerLost: createLossCounter(registry),
    watch: (sources) => {
      load = () => ({ requests: sources.exchanges(), connections: sources.connections() });
      addSources(registry, sources);
    },
  };
}

/** What was counted, of metrics as data: those of one process, or of several that were put together. */
export function totalsOf(metrics: readonly MetricObjectWithValues<MetricValue<string>>[]): WriterTotals {
  const valuesOf = (name: string): readonly MetricValue<string>[] =>
    metrics.find((metric) => metric.name === name)?.values ?? [];
  const reasons = sumByReason(valuesOf(REJECTED));
  const partOf = (suffix: string): number =>
    valuesOf(SYNC_SECONDS).find(
      (value) => "metricName" in value && value.metricName === SYNC_SECONDS + suffix,
    )?.value ?? 0;
  return {
    accepted: valuesOf(ACCEPTED).reduce((sum, { value }) => sum + value, 0),
    rejected: reasons.reduce((sum, { count }) => sum + count, 0),
    reasons,
    syncs: partOf("_count"),
    syncSeconds: partOf("_sum"),
  };
}

function sumByReason(values: readonly MetricValue<string>[]): ReasonCount[] {
  const sums = new Map<string, number>();
  for (const { value, labels } of values) {
    const reason = String(labels["reason"]);
    sums.set(reason, (sums.get(reason) ?? 0) + value);
  }
  return [...sums].map(([reason, count]) => ({ reason, count })).toSorted((a, b) => b.count - a.count);
}

function addBuildInfo(registry: Registry, options: { serviceName: string; version: string }): void {
  const info = new Gauge({
    name: "collector_build_info",
    help: "Always 1; the labels say what runs.",
    labelNames: ["service", "version", "node"],
    aggregator: "first",
    registers: [registry],
  });
  info.set({ service: options.serviceName, version: options.version, node: process.versions.node }, 1);
}

function createIngestObserver(registry: Registry): IngestObserver {
  const accepted = new TalliedCounter(registry, {
    name: ACCEPTED,
    help: "Events that are on stable storage.",
    labelNames: ["protocol"],
  });
  const rejected = new TalliedCounter(registry, {
    name: REJECTED,
    help: "Events refused by validation and stored for the dead-letter topic, by their first reason.",
    labelNames: ["protocol", "reason"],
  });
  const refused = new TalliedCounter(registry, {
    name: "collector_batches_refused_total",
    help: "Batches that were refused as a whole, by reason; their senders know whether to try again.",
    labelNames: ["protocol", "reason"],
  });
  return {
    accepted: (protocol, events) => accepted.add(events, protocol),
    rejected: (protocol, reason) => rejected.add(1, protocol, reason),
    refused: (protocol, reason) => refused.add(1, protocol, reason),
  };
}

function createGroupObserver(registry: Registry): GroupObserver {
  const lines = new TalliedHistogram(registry, {
    name: "collector_spool_group_lines",
    help: "Lines that one sync made durable.",
    buckets: GROUP_BUCKETS,
  });
  const seconds = new TalliedHistogram(registry, {
    name: SYNC_SECONDS,
    help: "How long fdatasync took.",
    buckets: SYNC_BUCKETS,
  });
  const bytes = new Counter({
    name: "collector_spool_written_bytes_total",
    help: "Bytes that were made durable.",
    registers: [registry],
  });
  return (group) => {
    lines.observe(group.lines);
    seconds.observe(group.syncSeconds);
    bytes.inc(group.bytes);
  };
}

function createExchangeObserver(registry: Registry): Metrics["exchange"] {
  const duration = new TalliedHistogram(registry, {
    name: "collector_request_duration_seconds",
    help: "From the header of a request to the end of its answer; streams are counted when they end.",
    labelNames: ["protocol", "route", "code"],
    buckets: DURATION_BUCKETS,
  });
  const uses = new TalliedCounter(registry, {
    name: "collector_key_requests_total",
    help: "Requests that were let in with each key, by its name: an old key that is used no more can go.",
    labelNames: ["key"],
  });
  return ({ protocol, route, key }, code, seconds) => {
    duration.observe(seconds, protocol, route, code);
    if (key !== undefined) uses.add(1, key.name);
  };
}

function createReloadObserver(registry: Registry): ReloadObserver & Pick<Metrics, "certificateExpires"> {
  const failed = new Gauge({
    name: "collector_reload_failed",
    help: "1 while a file of keys or certificates is broken and what it replaced stays in force.",
    labelNames: ["file"],
    aggregator: "max",
    registers: [registry],
  });
  const expiry = new Gauge({
    name: "collector_tls_certificate_expiry_timestamp_seconds",
    help: "When the certificate of the port ends; 0 without TLS.",
    aggregator: "min",
    registers: [registry],
  });
  return {
    reloaded: (file, isOk) => failed.set({ file }, isOk ? 0 : 1),
    certificateExpires: (at) => expiry.set(at / 1000),
  };
}

function createPortObserver(registry: Registry): ListenerObserver & Pick<Metrics, "bodyEnded"> {
  const refused = new Counter({
    name: "collector_connections_refused_total",
    help: "Connections that were not taken: the port or their address had too many, or TLS failed.",
    labelNames: ["reason"],
    registers: [registry],
  });
  const ended = new Counter({
    name: "collector_bodies_ended_total",
    help: "Bodies that were ended because more was arriving than can be held.",
    registers: [registry],
  });
  return { connectionRefused: (reason) => refused.inc({ reason }), bodyEnded: () => ended.inc() };
}

function createLossCounter(registry: Registry): Metrics["workerLost"] {
  const lost = new Counter({
    name: "collector_workers_lost_total",
    help: "Workers that ended by themselves and were replaced.",
    registers: [registry],
  });
  return () => lost.inc();
}

/** How gauges of several workers are one: what all of them look at is not added up. */
type Aggregator = "sum" | "min" | "max";

function addSources(registry: Registry, sources: MetricSources): void {
  const { writer, exchanges, sessions } = sources;
  const gauge = (name: string, help: string, read: () => number, aggregator: Aggregator = "sum"): void => {
    const one: Gauge = new Gauge({
      name,
      help,
      aggregator,
      registers: [registry],
      collect: () => one.set(read()),
    });
  };
  gauge(
    "collector_workers",
    "Processes that serve; INGRESS_WORKERS unless some are being replaced.",
    () => 1,
  );
  gauge("collector_requests_in_flight", "Requests and streams under way.", exchanges);
  gauge("collector_connections", "Open connections.", sources.connections);
  gauge("collector_pending_body_bytes", "Bytes that arrived, not stored yet.", sources.pendingBodyBytes);
  gauge("collector_http2_sessions", "Open HTTP/2 connections.", sessions);
  const isReady = (): number => (writer.readiness().ready ? 1 : 0);
  gauge("collector_spool_ready", "1 if the spool takes events.", isReady, "min");
  gauge("collector_spool_bytes", "Bytes of all segments.", () => writer.stats().spoolBytes, "max");
  gauge("collector_spool_segments", "Segments on the disk.", () => writer.stats().segments, "max");
  gauge(
    "collector_spool_free_bytes",
    "Free bytes of the file system.",
    () => writer.stats().freeBytes,
    "min",
  );
  gauge("collector_spool_queue_bytes", "Bytes that wait for the disk.", () => writer.stats().queueBytes);
  // The writer counts failures; a counter of our own follows it.
  let seen = 0;
  const failures: Counter = new Counter({
    name: "collector_spool_failed_groups_total",
    help: "Groups that could not be made durable; their senders were told to try again.",
    registers: [registry],
    collect: () => {
      const now = writer.stats().failures;
      failures.inc(now - seen);
      seen = now;
    },
  });
}
