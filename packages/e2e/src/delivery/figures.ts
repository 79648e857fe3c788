/**
 * What is measured and not tested: how long an event takes to become visible, how fast a backlog drains and in how
 * much memory, and what a live writer notices of the backlog of a dead one.
 */
import { encodeRecord } from "@event-collector/contract";
import { setTimeout as delay } from "node:timers/promises";
import { uniqueTopic, type Kafka } from "../kafka/index.js";
import { listeningPort, type Program, type Scope } from "../program.js";
import { issuedEvent } from "../torture/issued-event.js";
import { cpuSecondsOf, peakMebibytesOf } from "./consumption.js";
import { openFeed, openSpoolWriter, recordOf } from "./feed.js";
import { createRoute, type Route } from "./route.js";
import { createStock, type Stock } from "./stock.js";
import { numberedId, startTail, type Tail } from "./tail.js";

const PARTITIONS = 3;
const MIB = 1024 * 1024;
const APPEND_EVENTS = 1_000;

/** Time from storing to seeing, for one event at a time. */
export async function measureLatency(scope: Scope, kafka: Kafka, events: number): Promise<string> {
  const route = await openRoute(scope, kafka);
  const tail = await startTail(kafka.bootstrap, route.topic, { partitions: PARTITIONS });
  const stock = createStock();
  const forwarder = await route.start();
  await appendSlowly(route, stock, events);
  await until(() => tail.seen.size >= countAccepted(stock));
  const text = `latency at ${1000 / SLOW_MS} events/s: ${percentiles(stock, tail)}`;
  await end(route, forwarder, tail);
  return text;
}

/** A backlog of so many bytes: how fast it drains, the most memory that took, and whether each event came once. */
export async function measureBacklog(scope: Scope, kafka: Kafka, bytes: number): Promise<string> {
  const route = await openRoute(scope, kafka);
  const events = await fillSpool(route.spool, bytes);
  const tail = await startTail(kafka.bootstrap, route.topic, { partitions: PARTITIONS, numbered: events });
  const startedAt = performance.now();
  const forwarder = await route.start();
  const openedAt = performance.now();
  await until(() => tail.messages >= events);
  const seconds = (performance.now() - openedAt) / 1000;
  const memory = await peakMebibytesOf(forwarder);
  const cpuSeconds = await cpuSecondsOf(forwarder);
  await end(route, forwarder, tail);
  const lost = tail.copies.filter((copies) => copies === 0).length;
  const twice = tail.copies.filter((copies) => copies > 1).length;
  return [
    `backlog of ${Math.round(bytes / MIB)} MiB, ${events} events: open after ${Math.round(openedAt - startedAt)} ms,`,
    `seen by one consumer in ${seconds.toFixed(1)} s, ${Math.round(events / seconds)} events/s,`,
    `${Math.round(bytes / MIB / seconds)} MiB/s, ${Math.round(events / cpuSeconds)} events for a second of processor,`,
    `${memory} MiB of memory at most, ${lost} lost, ${twice} twice`,
  ].join(" ");
}

/**
 * The latency of a live writer while the backlog of a dead one drains. Each goes to a topic of its own, so that the
 * consumer that takes the time has nothing to do with the backlog.
 */
export async function measureLiveTail(scope: Scope, kafka: Kafka, bytes: number): Promise<string> {
  const base = uniqueTopic();
  const live = issuedEvent("valid.1").json;
  const route = await createRoute(scope, kafka, {
    environment: { KAFKA_TOPIC: `${base}.{event_type}`, KAFKA_CURSOR_TOPIC: `${base}.cursors` },
  });
  const topic = `${base}.${String(live["event_type"])}`;
  await kafka.createTopic(topic, { partitions: PARTITIONS });
  await kafka.createTopic(`${base}.${BACKLOG_TYPE}`, { partitions: PARTITIONS });
  const tail = await startTail(kafka.bootstrap, topic, { partitions: PARTITIONS });
  const events = await fillSpool(route.spool, bytes);
  const stock = createStock();
  const forwarder = await route.start();
  const port = await listeningPort(forwarder);
  let drained = false;
  const draining = untilForwarded(port, events).then(() => (drained = true));
  const feed = await openFeed(stock, { spool: route.spool, name: "live", segmentBytesMax: 64 * MIB });
  for (let number = 0; !drained; number += 1) {
    const id = `live-${number}`;
    await feed.appendJson(id, { ...live, event_id: id });
    await delay(SLOW_MS);
  }
  await draining;
  await feed.close();
  await until(() => tail.seen.size >= countAccepted(stock));
  const text = `latency of a live writer beside a backlog of ${Math.round(bytes / MIB)} MiB: ${percentiles(stock, tail)}`;
  await end(route, forwarder, tail);
  return text;
}

/** Resolves when the forwarder has forwarded so many events. */
async function untilForwarded(port: number, events: number): Promise<void> {
  for (;;) {
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    if (Number(/^forwarder_events_forwarded_total (\d+)/m.exec(text)?.[1]) >= events) return;
    await delay(METRICS_MS);
  }
}

async function openRoute(scope: Scope, kafka: Kafka): Promise<Route> {
  const route = await createRoute(scope, kafka);
  await route.createTopics({ partitions: PARTITIONS });
  return route;
}

async function end(route: Route, forwarder: Program, tail: Tail): Promise<void> {
  await route.drain(forwarder);
  await tail.close();
}

const SLOW_MS = 20;
const METRICS_MS = 500;
/** Gives the events of a backlog a topic of their own; a live event is never of this type. */
const BACKLOG_TYPE = "backlog";
/** Stands where each event of a backlog has its own id. */
const REPEATED_ID = "of-the-backlog";

async function appendSlowly(route: Route, stock: Stock, events: number): Promise<void> {
  const feed = await openFeed(stock, { spool: route.spool, name: "slow", segmentBytesMax: 64 * MIB });
  for (let count = 0; count < events; count += 1) {
    await feed.append(1);
    await delay(SLOW_MS);
  }
  await feed.close();
}

/** Events that differ in their numbers alone, by a writer that is then dead. Resolves with how many there are. */
async function fillSpool(spool: string, bytes: number): Promise<number> {
  const json = { ...issuedEvent("valid.1").json, event_id: REPEATED_ID };
  const record = recordOf(REPEATED_ID, json, new Date().toISOString());
  if (record.kind !== "event") throw new Error("the event that is to be repeated was rejected");
  const text = Buffer.from(record.value).toString("utf8");
  const writer = await openSpoolWriter(spool, 64 * MIB);
  let events = 0;
  for (let written = 0; written < bytes;) {
    const payloads = Array.from({ length: APPEND_EVENTS }, (_, index) =>
      encodeRecord({
        ...record,
        eventType: BACKLOG_TYPE,
        eventId: numberedId(events + index),
        value: Buffer.from(text.replace(REPEATED_ID, numberedId(events + index))),
        key: `learner-${index}`,
      }),
    );
    await writer.append(payloads);
    events += payloads.length;
    written += payloads.reduce((sum, { byteLength }) => sum + byteLength, 0);
  }
  await writer.close();
  return events;
}

function countAccepted(stock: Stock): number {
  return [...stock.items()].filter(({ verdict }) => verdict === "accepted").length;
}

function percentiles(stock: Stock, tail: Tail): string {
  const latencies: number[] = [];
  for (const { id, receivedAt } of stock.items()) {
    const seenAt = tail.seen.get(id);
    if (seenAt !== undefined) latencies.push(seenAt - Date.parse(receivedAt));
  }
  latencies.sort((a, b) => a - b);
  const at = (share: number): number => latencies[Math.floor((latencies.length - 1) * share)] ?? NaN;
  return `${latencies.length} events, p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, p99 ${at(0.99)} ms, most ${at(1)} ms`;
}

const UNTIL_MS = 20;
const UNTIL_MS_MAX = 1_800_000;

async function until(isSo: () => boolean): Promise<void> {
  const deadline = performance.now() + UNTIL_MS_MAX;
  while (!isSo()) {
    if (performance.now() > deadline) throw new Error("it never came to that");
    await delay(UNTIL_MS);
  }
}
