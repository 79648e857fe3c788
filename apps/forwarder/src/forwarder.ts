/**
 * The forwarder as a whole: its parts, put together and taken apart.
 *
 * **Invariant:** what is started is stopped in the reverse order, the cursor file last of what moves it.
 */
import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { messageOptions } from "@event-collector/kafka";
import { openTracer } from "@event-collector/operations";
import type { Tracer } from "@event-collector/operations";
import {
  createInventory,
  openCursorFile,
  openReader,
  readSpoolIdentity,
  spoolLayout,
} from "@event-collector/spool";
import type { Clock, CursorFile, Disk, Positions, SpoolLayout } from "@event-collector/spool";
import type { Logger } from "pino";
import type { Broker, BrokerObserver } from "./broker.js";
import { createCountingDelivery } from "./counting-delivery.js";
import { createCursorKeeper } from "./cursor-file.js";
import type { Delivery, Owner } from "./delivery.js";
import type { EntryOptions } from "./entry.js";
import { forward } from "./forward.js";
import type { ForwardSignals } from "./forward.js";
import type { Desk } from "./isolate.js";
import { createJournal } from "./journal.js";
import { createLag, createScout } from "./lag.js";
import type { Lag, LagMeter } from "./lag.js";
import type { Journal } from "./journal.js";
import { createLookout } from "./lookout.js";
import type { Lookout } from "./lookout.js";
import { meterBroker } from "./metered-broker.js";
import { createMetrics } from "./metrics.js";
import type { Metrics } from "./metrics.js";
import { LockedError, takeLock } from "./lock.js";
import type { Lock } from "./lock.js";
import type { Observer } from "./observer.js";
import { createProgress } from "./progress.js";
import type { Progress } from "./progress.js";
import { createPruning } from "./pruning.js";
import type { Pruning } from "./pruning.js";
import { createQuarantine } from "./quarantine.js";
import { startServer } from "./server.js";
import type { ForwarderConfig } from "./settings.js";
import { createStatus } from "./status.js";
import type { Status } from "./status.js";
import { createStocktaking } from "./stocktaking.js";
import type { Delivered } from "./stocktaking.js";
import { createTally } from "./tally.js";
import type { Tally } from "./tally.js";
import { createTopics } from "./topics.js";
import { TransactionalDelivery } from "./transactional-delivery.js";
import { createWake } from "./wake.js";
import { createWindowSize } from "./window-size.js";
import { createWindowSpans } from "./window-spans.js";

export interface Forwarder {
  /** Of health checks and metrics. */
  readonly port: number;
  /** Resolves when it has ended after `drain`; rejects if it cannot go on. */
  readonly ended: Promise<void>;
  /** Delivers what is in the spool for as long as the configuration allows, then ends. */
  drain(): void;
}

/** Opens the broker's side; the observer hears of it. */
export type BrokerOpener = (observer: BrokerObserver) => Broker;

/** A writer that touched nothing for so many of its own intervals is gone. */
const SILENT_INTERVALS = 5;
/** A line that does not verify at the end of a live segment may be a write that this process sees half of. */
const DAMAGE_GRACE_MS = 2_000;
/** How long the list of segments is trusted while there is a backlog. */
const LISTING_MS = 1_000;
/** The local cursor is a shadow of the broker's, so a second behind is early enough. */
const SHADOW_LAG_MS = 1_000;
/** A forwarder writes its name within a second of its registration, if its broker is not overloaded. */
const CLAIM_WAIT_MS = 5_000;
/** Part of the limits that pruning keeps free. */
const HEADROOM = 0.1;

interface Watchers {
  readonly metrics: Metrics;
  readonly journal: Journal;
  readonly status: Status;
  readonly tally: Tally;
  /** Undefined: nobody collects spans. */
  readonly tracer: Tracer | undefined;
}

export async function startForwarder(
  disk: Disk,
  clock: Clock,
  logger: Logger,
  openBroker: BrokerOpener,
  config: ForwarderConfig,
): Promise<Forwarder> {
  const layout = spoolLayout(config.spool.directory);
  const spool = await readSpoolIdentity(disk, layout);
  await disk.makeDirectory(layout.segments);
  const cursorFile = await openCursorFile(disk, layout);
  const start = await readStart(cursorFile, logger);
  const lock =
    config.kafka.delivery === "at-least-once" ? await lockSpool(disk, layout, spool, logger) : undefined;
  const watchers = await createWatchers(clock, logger, config);
  const broker = meterBroker(openBroker(brokerObserver(watchers)), clock, watchers.metrics.broker);
  const delivery = createDelivery(broker, clock, watchers, spool, config);
  const keeper = createCursorKeeper(cursorFile, {
    positions: () => progress.positions(),
    lagMs: delivery.atomic ? SHADOW_LAG_MS : 0,
    onFailure: (error) => {
      watchers.metrics.cursorFailed();
      watchers.journal.cursorFailed(error);
    },
  });
  const progress = createProgress(start, () => keeper.moved());
  const reader = openReader(disk, clock, readerOptions(config), start);
  const size = createWindowSize(clock, config.window);
  const pruning = createPruningOf(disk, clock, layout, progress, watchers, config);
  const lag = createLag(clock, createScout(disk, clock, readerOptions(config)), progress);
  const desk = createDesk(disk, clock, layout, { delivery, progress, watchers, lag, config });
  const wake = createWake({
    directory: layout.segments,
    rescanMs: config.spool.rescanMs,
    watch: config.spool.watch,
    onError: (error) => {
      watchers.metrics.watchFailed();
      watchers.journal.watchFailed(error);
    },
  });
  const parts = { delivery, progress, watchers, lag: () => lag.measure(reader) };
  const lookout = createLookoutOf(disk, clock, layout, parts, config);
  const server = await startServer(
    { ...watchers.status, ...lookout, metrics: watchers.metrics, now: () => clock.now() },
    { ...config },
  );
  const { signals, drain } = createSignals(watchers.status, config.drainMs);

  async function run(): Promise<void> {
    try {
      await forward({ reader, desk, wake, pruning, size }, signals);
    } finally {
      await wake.close();
      await pruning.close();
      await keeper.close();
      await reader.close();
      lookout.close();
      await server.close();
      await lock?.release();
      await watchers.tracer?.close();
    }
  }
  return { port: server.port, ended: run(), drain };
}

/** Undefined where there can be no lock: on some network file systems. */
async function lockSpool(
  disk: Disk,
  layout: SpoolLayout,
  spool: string,
  logger: Logger,
): Promise<Lock | undefined> {
  try {
    return await takeLock(disk, layout, spool);
  } catch (error) {
    if (error instanceof LockedError) throw error;
    logger.warn({ error }, "the spool cannot be locked; see that no other forwarder runs on it");
    return undefined;
  }
}

async function readStart(file: CursorFile, logger: Logger): Promise<Positions> {
  const reading = await file.read();
  if (reading.state === "present") return reading.positions;
  if (reading.state === "damaged") logger.error({ reason: reading.message }, "the local cursor is lost");
  return new Map();
}

async function createWatchers(clock: Clock, logger: Logger, config: ForwarderConfig): Promise<Watchers> {
  const { serviceName, version, kafka, tracing } = config;
  return {
    tally: createTally(clock),
    tracer: await openTracer(tracing, {
      serviceName,
      version,
      role: "forwarder",
      onFailure: (reason) =>
        logger.warn({ reason }, "spans cannot be exported; events are delivered all the same"),
    }),
    metrics: createMetrics({ serviceName, version, delivery: kafka.delivery, now: () => clock.now() }),
    journal: createJournal(logger),
    status: createStatus(),
  };
}

function brokerObserver({ metrics, journal, status }: Watchers): BrokerObserver {
  return {
    ...journal.broker,
    reachable: (up) => {
      metrics.reachable(up);
      status.reachable(up);
    },
  };
}

function createDelivery(
  broker: Broker,
  clock: Clock,
  { metrics, journal, status }: Watchers,
  spool: string,
  { kafka }: ForwarderConfig,
): Delivery {
  const atomic = kafka.delivery === "exactly-once";
  const topics = createTopics(broker, {
    create: kafka.createTopics,
    partitions: kafka.topicPartitions,
    cursorTopic: atomic ? kafka.cursorTopic : undefined,
  });
  // A topic made from a template is looked for when its first event comes.
  const fixed = [kafka.topic, kafka.deadLetterTopic].filter((topic) => !topic.includes("{"));
  if (!atomic) return createCountingDelivery(broker, topics, fixed);
  return new TransactionalDelivery(broker, topics, {
    spool,
    owner: ownerNow(clock),
    cursorTopic: kafka.cursorTopic,
    topics: fixed,
    claimWaitMs: CLAIM_WAIT_MS,
    onStall: (failure) => {
      metrics.stalled(failure);
      journal.stalled(failure);
      status.stalled(failure);
    },
  });
}

function ownerNow(clock: Clock): Owner {
  const startedAt = new Date(clock.now()).toISOString();
  return { run: randomUUID(), host: hostname(), process: process.pid, startedAt };
}

function readerOptions({ spool }: ForwarderConfig): Parameters<typeof openReader>[2] {
  return {
    directory: spool.directory,
    lineBytesMax: spool.lineBytesMax,
    damageGraceMs: DAMAGE_GRACE_MS,
    writerSilenceMs: SILENT_INTERVALS * spool.segmentAgeMs,
    rescanMs: LISTING_MS,
  };
}

function createPruningOf(
  disk: Disk,
  clock: Clock,
  layout: SpoolLayout,
  progress: Progress,
  { metrics, journal, status }: Watchers,
  { spool }: ForwarderConfig,
): Pruning {
  return createPruning(disk, clock, layout, {
    prune: {
      retentionMs: spool.retentionMs,
      writerSilenceMs: SILENT_INTERVALS * spool.segmentAgeMs,
      spoolBytesMax: spool.spoolBytesMax,
      freeBytesMin: spool.freeBytesMin,
      headroom: HEADROOM,
    },
    intervalMs: spool.pruneIntervalMs,
    positions: () => progress.positions(),
    onReport: (report) => {
      metrics.pruned(report);
      journal.pruned(report);
      status.pruned(report);
    },
    onFailure: (error) => journal.pruneFailed(error),
  });
}

/** The report for operators, and the metrics that need the same figures. */
function createLookoutOf(
  disk: Disk,
  clock: Clock,
  layout: SpoolLayout,
  parts: { delivery: Delivery; progress: Progress; watchers: Watchers; lag: () => Promise<Lag> },
  config: ForwarderConfig,
): Lookout {
  const { delivery, progress, watchers, lag } = parts;
  const { metrics, status, tally } = watchers;
  const delivered = (): Delivered | undefined => {
    // Before that a ledger that was not read yet looks like an empty one.
    if (!status.wasOpened()) return undefined;
    const totals = delivery.totals();
    return totals === undefined
      ? { ...tally.totals(), since: "start" as const }
      : { ...totals, since: "spool" as const };
  };
  const { lineBytesMax } = config.spool;
  const stocktaking = createStocktaking(clock, {
    inventory: createInventory(disk, { directory: layout.segments, lineBytesMax }),
    positions: () => progress.positions(),
    delivered,
  });
  const { spoolBytesMax, freeBytesMin } = config.spool;
  const room = async ({ bytes, bytesTotal }: Lag): Promise<number> => {
    const { freeBytes } = await disk.space(layout.segments);
    return Math.min(spoolBytesMax, freeBytes - freeBytesMin + bytesTotal) - bytes;
  };
  metrics.watch({ lag, room, books: async () => (await stocktaking.take()).books });
  return createLookout(disk, clock, layout.segments, { status, tally, stocktaking, lag }, config);
}

function createDesk(
  disk: Disk,
  clock: Clock,
  layout: SpoolLayout,
  parts: {
    delivery: Delivery;
    progress: Progress;
    watchers: Watchers;
    lag: LagMeter;
    config: ForwarderConfig;
  },
): Desk {
  const { delivery, progress, watchers, lag, config } = parts;
  const { metrics, journal, status, tally, tracer } = watchers;
  const spans = tracer && createWindowSpans(tracer, config.kafka);
  const quarantine = createQuarantine(disk, layout, (error) => {
    metrics.quarantineFailed();
    journal.quarantineFailed(error);
  });
  return {
    delivery,
    progress,
    quarantine,
    clock,
    observer: observeTogether([
      metrics.observer,
      journal.observer,
      status.observer,
      tally.observer,
      lag.observer,
      ...(spans === undefined ? [] : [spans]),
    ]),
    entryOptions: entryOptionsOf(config),
    random: Math.random,
  };
}

function entryOptionsOf({ kafka }: ForwarderConfig): EntryOptions {
  return {
    message: messageOptions(kafka),
    eventTopic: kafka.topic,
    deadLetterTopic: kafka.deadLetterTopic,
    messageBytesMax: kafka.messageBytesMax,
  };
}

function observeTogether(observers: readonly Partial<Observer>[]): Observer {
  return {
    windowBegun: (entries) => observers.forEach((each) => each.windowBegun?.(entries)),
    delivered: (entries) => observers.forEach((each) => each.delivered?.(entries)),
    windowEnded: () => observers.forEach((each) => each.windowEnded?.()),
    windowDone: (entries, seconds) => observers.forEach((each) => each.windowDone?.(entries, seconds)),
    failed: (failure, attempts) => observers.forEach((each) => each.failed?.(failure, attempts)),
    isolating: (records) => observers.forEach((each) => each.isolating?.(records)),
    held: (failure) => observers.forEach((each) => each.held?.(failure)),
    opened: () => observers.forEach((each) => each.opened?.()),
    unreadable: (error) => observers.forEach((each) => each.unreadable?.(error)),
  };
}

/** Draining turns into a stop when its time is up. */
function createSignals(status: Status, drainMs: number): { signals: ForwardSignals; drain: () => void } {
  const draining = new AbortController();
  const stopping = new AbortController();
  const drain = (): void => {
    if (draining.signal.aborted) return;
    status.draining();
    draining.abort();
    setTimeout(() => stopping.abort(), drainMs).unref();
  };
  return { signals: { drain: draining.signal, stop: stopping.signal }, drain };
}
