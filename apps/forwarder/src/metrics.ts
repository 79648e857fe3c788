/**
 * What the forwarder tells Prometheus. Runtime metrics keep the names that every Node dashboard knows (`process_…`,
 * `nodejs_…`, among them the event loop's delay); all others begin with `forwarder_`.
 *
 * **Invariant:** no label takes its values from a sender: ids, keys and types of events are never labels.
 */
import type { BrokerFailure } from "@event-collector/kafka";
import type { Books } from "@event-collector/operations";
import type { PruneReport } from "@event-collector/spool";
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from "prom-client";
import { EventRun, itemsOfFreight } from "./event-run.js";
import type { Freight } from "./event-run.js";
import type { Lag } from "./lag.js";
import type { BrokerMeter } from "./metered-broker.js";
import type { Observer } from "./observer.js";

export interface Metrics {
  readonly observer: Observer;
  readonly broker: BrokerMeter;
  /** Everything in the text format of Prometheus, with the state of the sources as it is now. */
  render(): Promise<string>;
  /** The media type of that. */
  readonly contentType: string;
  /** A call to the broker waits for an answer longer than one timeout. */
  stalled(failure: BrokerFailure): void;
  reachable(up: boolean): void;
  pruned(report: PruneReport): void;
  /** The local cursor could not be written. */
  cursorFailed(): void;
  /** Damaged bytes, or a dead letter, could not be kept in quarantine. */
  quarantineFailed(): void;
  /** The watcher has a problem; the rescan goes on. */
  watchFailed(): void;
  /** Reads the state of these parts whenever somebody asks for the metrics. */
  watch(sources: MetricSources): void;
}

export interface MetricSources {
  readonly lag: () => Promise<Lag>;
  /** Bytes by which this backlog may grow until the ingress refuses events. */
  readonly room?: (lag: Lag) => Promise<number>;
  /** Undefined until the broker has told what was delivered before. */
  readonly books: () => Promise<Books | undefined>;
}

export interface MetricsOptions {
  readonly serviceName: string;
  readonly version: string;
  readonly delivery: string;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** From below a commit at a near broker to a broker that is nearly away. */
const DURATION_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** From the live tail to the end of a long outage. */
const LATENCY_BUCKETS = [
  0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600, 21_600, 86_400,
];
const LINES_BUCKETS = [1, 2, 5, 10, 50, 100, 500, 1000, 5000, 10_000, 20_000, 50_000];
/** Latency is observed for so many events of a window, evenly spread: all of them would cost more than sending. */
const LATENCY_SAMPLES = 100;

export function createMetrics(options: MetricsOptions): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  addBuildInfo(registry, options);
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers: [registry] });
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers: [registry] });
  const up = gauge("forwarder_broker_up", "1 while a broker answers.");
  const stalls = counter(
    "forwarder_stalls_total",
    "Calls to the broker that had no answer within their timeout.",
  );
  const cursorFailures = counter(
    "forwarder_cursor_write_failures_total",
    "Failed writes of the local cursor.",
  );
  const quarantineFailures = counter(
    "forwarder_quarantine_failures_total",
    "Bytes that could not be kept aside.",
  );
  const watchErrors = counter("forwarder_watch_errors_total", "Problems of the watcher; the rescan goes on.");
  let refresh = (): Promise<void> => Promise.resolve();
  return {
    observer: createObserver(registry, options.now),
    broker: createBrokerMeter(registry),
    render: async () => {
      await refresh();
      return registry.metrics();
    },
    contentType: registry.contentType,
    stalled: () => stalls.inc(),
    reachable: (isUp) => up.set(isUp ? 1 : 0),
    pruned: createPruneObserver(registry),
    cursorFailed: () => cursorFailures.inc(),
    quarantineFailed: () => quarantineFailures.inc(),
    watchFailed: () => watchErrors.inc(),
    watch: (sources) => {
      refresh = addSources(registry, sources);
    },
  };
}

function addBuildInfo(registry: Registry, { serviceName, version, delivery }: MetricsOptions): void {
  const info = new Gauge({
    name: "forwarder_build_info",
    help: "Always 1; the labels say what runs.",
    labelNames: ["service", "version", "node", "delivery"],
    registers: [registry],
  });
  info.set({ service: serviceName, version, node: process.versions.node, delivery }, 1);
}

function createObserver(registry: Registry, now: () => number): Observer {
  const registers = [registry];
  const forwarded = new Counter({
    name: "forwarder_events_forwarded_total",
    help: "Accepted events that the broker confirmed.",
    registers,
  });
  const deadLetters = new Counter({
    name: "forwarder_dead_letters_total",
    help: "Records that the broker confirmed in the dead-letter topic.",
    labelNames: ["stage", "reason"],
    registers,
  });
  const skipped = new Counter({
    name: "forwarder_torn_tails_total",
    help: "Unfinished last lines, never acknowledged, that were passed over and kept aside.",
    registers,
  });
  const latency = new Histogram({
    name: "forwarder_end_to_end_latency_seconds",
    help: "From the receipt of an event to the broker's confirmation; of large windows a sample.",
    buckets: LATENCY_BUCKETS,
    registers,
  });
  const failures = new Counter({
    name: "forwarder_delivery_failures_total",
    help: "Attempts that failed, by class of the failure.",
    labelNames: ["class"],
    registers,
  });
  const retries = new Counter({
    name: "forwarder_retries_total",
    help: "Deliveries that are tried again after a failure that may pass.",
    registers,
  });
  const fenced = new Counter({
    name: "forwarder_fenced_total",
    help: "Times that the broker gave this spool to another producer, or gave up on a transaction.",
    registers,
  });
  const counters = { forwarded, deadLetters, skipped };
  return {
    delivered: (entries) => {
      countEntries(entries, counters);
      for (const receivedAt of sampleReceivedAt(entries))
        latency.observe(Math.max(0, now() - Date.parse(receivedAt)) / 1000);
    },
    failed: (failure) => {
      failures.inc({ class: failure.class });
      if (failure.class !== "record") retries.inc();
      if (failure.class === "fenced") fenced.inc();
    },
    ...createWindowObserver(registry),
  };
}

/** When these were received, of so many of them at most, evenly spread. */
function* sampleReceivedAt(entries: readonly Freight[]): Generator<string, void, undefined> {
  const step = Math.max(1, Math.floor(itemsOfFreight(entries) / LATENCY_SAMPLES));
  let skip = 0;
  for (const each of entries) {
    const count = each instanceof EventRun ? each.count : 1;
    for (; skip < count; skip += step) {
      const receivedAt = each instanceof EventRun ? each.receivedAt(skip) : each.outgoing?.receivedAt;
      if (receivedAt !== undefined) yield receivedAt;
    }
    skip -= count;
  }
}

function countEntries(
  entries: readonly Freight[],
  {
    forwarded,
    deadLetters,
    skipped,
  }: { forwarded: Counter; deadLetters: Counter<"stage" | "reason">; skipped: Counter },
): void {
  let events = 0;
  for (const each of entries) {
    if (each instanceof EventRun) events += each.count;
    else if (each.outgoing === undefined) skipped.inc();
    else if (each.outgoing.stage === "event") events += 1;
    else {
      const { stage, reason } = each.outgoing.cause ?? { stage: "publish", reason: "unknown" };
      deadLetters.inc({ stage, reason });
    }
  }
  forwarded.inc(events);
}

function createBrokerMeter(registry: Registry): BrokerMeter {
  const registers = [registry];
  const commits = new Histogram({
    name: "forwarder_commit_duration_seconds",
    help: "From the first call to commit a transaction to the broker's confirmation.",
    buckets: DURATION_BUCKETS,
    registers,
  });
  const queue = new Gauge({
    name: "forwarder_producer_queue_messages",
    help: "Messages that the client library holds and the broker has not confirmed.",
    registers,
  });
  return { committed: (seconds) => commits.observe(seconds), queued: (messages) => queue.set(messages) };
}

type WindowObserver = Omit<Observer, "delivered" | "failed">;

function createWindowObserver(registry: Registry): WindowObserver {
  const registers = [registry];
  const windowLines = new Histogram({
    name: "forwarder_window_lines",
    help: "Lines of one window.",
    buckets: LINES_BUCKETS,
    registers,
  });
  const windowSeconds = new Histogram({
    name: "forwarder_window_duration_seconds",
    help: "From the first message of a window to the broker's confirmation of all, retries included.",
    buckets: DURATION_BUCKETS,
    registers,
  });
  const inFlight = new Gauge({
    name: "forwarder_window_in_flight_lines",
    help: "Lines of the window under way; 0 while nothing is open.",
    registers,
  });
  const counter = (name: string, help: string): Counter => new Counter({ name, help, registers });
  const isolations = counter(
    "forwarder_isolations_total",
    "Batches halved to find a record the broker refuses.",
  );
  const held = counter(
    "forwarder_held_total",
    "Times that a dead letter could go nowhere and the cursor waited.",
  );
  const opened = counter("forwarder_producer_opens_total", "Producers opened; more than 1: opened anew.");
  const unreadable = counter("forwarder_read_failures_total", "Reads of the spool that failed.");
  return {
    windowBegun: (entries) => inFlight.set(itemsOfFreight(entries)),
    windowEnded: () => inFlight.set(0),
    windowDone: (entries, seconds) => {
      windowLines.observe(itemsOfFreight(entries));
      windowSeconds.observe(seconds);
    },
    isolating: () => isolations.inc(),
    held: () => held.inc(),
    opened: () => opened.inc(),
    unreadable: () => unreadable.inc(),
  };
}

function createPruneObserver(registry: Registry): (report: PruneReport) => void {
  const registers = [registry];
  const segments = new Counter({
    name: "forwarder_pruned_segments_total",
    help: "Delivered segments that were deleted, by reason: their age, or to make room.",
    labelNames: ["reason"],
    registers,
  });
  const bytes = new Counter({ name: "forwarder_pruned_bytes_total", help: "Bytes of them.", registers });
  const overdue = new Gauge({
    name: "forwarder_overdue_segments",
    help: "Segments older than the retention that are not delivered, and are kept. Alarm if above 0.",
    registers,
  });
  const kept = new Gauge({
    name: "forwarder_marked_segments",
    help: "Delivered segments that a mark in quarantine keeps.",
    registers,
  });
  return (report) => {
    for (const { reason } of report.pruned) segments.inc({ reason });
    bytes.inc(report.pruned.reduce((sum, segment) => sum + segment.bytes, 0));
    overdue.set(report.overdue.length);
    kept.set(report.kept.length);
  };
}

/** Returns what brings the gauges up to date. */
function addSources(
  registry: Registry,
  { lag, room: readRoom, books: readBooks }: MetricSources,
): () => Promise<void> {
  const registers = [registry];
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers });
  const bytes = gauge("forwarder_backlog_bytes", "Bytes in the spool that are not confirmed by the broker.");
  const room = gauge(
    "forwarder_backlog_room_bytes",
    "Bytes the backlog may grow by until events are refused.",
  );
  const size = gauge("forwarder_spool_bytes", "Bytes of all segments.");
  const age = gauge(
    "forwarder_oldest_unforwarded_age_seconds",
    "Age of the oldest line that is not confirmed; 0 if there is none. The figure to alarm on.",
  );
  const segments = new Gauge({
    name: "forwarder_segments",
    help: "Segments in the spool, by state.",
    labelNames: ["state"],
    registers,
  });
  const books = new Gauge({
    name: "forwarder_books_records",
    help: "The books: accepted = published + dead_lettered + spooled + difference. A difference is an alarm.",
    labelNames: ["account"],
    registers,
  });
  return async () => {
    const found = await lag();
    bytes.set(found.bytes);
    size.set(found.bytesTotal);
    if (readRoom !== undefined) room.set(await readRoom(found));
    segments.set({ state: "pending" }, found.segments);
    segments.set({ state: "delivered" }, found.segmentsTotal - found.segments);
    age.set(found.oldestAgeMs / 1000);
    const { since: _, ...accounts } = (await readBooks().catch(() => undefined)) ?? { since: "start" };
    for (const [account, records] of Object.entries(accounts)) books.set({ account }, records);
  };
}
