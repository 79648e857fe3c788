/**
 * A broker that is away for as long as one likes, under a forwarder that nobody touches: what was stored before and
 * meanwhile must arrive once, without help, after the broker is back.
 *
 * The broker is killed while a transaction is open, so that it comes back to one that it must abort.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Kafka } from "../kafka/index.js";
import type { Scope } from "../program.js";
import { faultsOf } from "./audit.js";
import { cpuSecondsOf, peakMebibytesOf } from "./consumption.js";
import { openFeed, type Feed } from "./feed.js";
import { createRoute, type Route } from "./route.js";
import { createStock, type Stock } from "./stock.js";

export interface OutageOptions {
  minutes: number;
  /** Stored in each second of the outage. */
  eventsPerSecond: number;
}

export interface OutageReport {
  /** What is wrong with the topics at the end; nothing if each event arrived once. */
  readonly faults: readonly string[];
  /** For people. */
  readonly text: string;
}

const EVENTS_BEFORE = 1_000;
/** Enough that the kill meets windows under way. */
const EVENTS_AT_KILL = 20_000;
const SECOND_MS = 1_000;
const RECOVERY_MS_MAX = 600_000;

export async function runOutage(scope: Scope, kafka: Kafka, options: OutageOptions): Promise<OutageReport> {
  const route = await createRoute(scope, kafka);
  await route.createTopics();
  const stock = createStock();
  const feed = await openFeed(stock, { spool: route.spool, name: "outage", segmentBytesMax: 1024 * 1024 });
  const forwarder = await route.start();
  await feed.append(EVENTS_BEFORE);
  await route.arrived(stock);
  await feed.append(EVENTS_AT_KILL);
  await kafka.kill();
  const before = {
    stored: stock.size,
    cpuSeconds: await cpuSecondsOf(forwarder),
    startedAt: performance.now(),
  };
  await feedFor(feed, options);
  const outageSeconds = (performance.now() - before.startedAt) / 1000;
  const cpuSeconds = (await cpuSecondsOf(forwarder)) - before.cpuSeconds;
  if (!forwarder.running) throw forwarder.error("the forwarder did not outlast the outage");
  const backlog = stock.size;
  await kafka.start();
  const recoverySeconds = await recover(route, stock, feed);
  const memory = await peakMebibytesOf(forwarder);
  await feed.close();
  const { code, signal } = await route.drain(forwarder);
  if (code !== 0) throw forwarder.error(`the forwarder ended with ${code ?? signal}`);
  const audit = await route.audit(stock);
  const text = [
    `the broker was away for ${(outageSeconds / 60).toFixed(1)} min; ${before.stored} events stored before,`,
    `${backlog - before.stored} meanwhile, ${stock.size - backlog} after; all there ${recoverySeconds.toFixed(1)} s`,
    `after it was back; ${audit.lost.length} lost, ${audit.duplicates.length} duplicates;`,
    `the forwarder used ${cpuSeconds.toFixed(1)} s of processor time meanwhile and ${memory} MiB at most`,
  ].join(" ");
  return { faults: faultsOf(audit), text };
}

async function feedFor(feed: Feed, { minutes, eventsPerSecond }: OutageOptions): Promise<void> {
  const until = performance.now() + minutes * 60 * SECOND_MS;
  while (performance.now() < until) {
    await feed.append(eventsPerSecond);
    await delay(SECOND_MS);
  }
}

/** Resolves with the seconds until all was there. New events come too: an end is not what sets it going again. */
async function recover(route: Route, stock: Stock, feed: Feed): Promise<number> {
  const startedAt = performance.now();
  await feed.append(EVENTS_BEFORE);
  await route.arrived(stock, RECOVERY_MS_MAX);
  return (performance.now() - startedAt) / 1000;
}
