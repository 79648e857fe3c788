/**
 * The page on capacity, deploy/CAPACITY.md, from the figures of one pair.
 *
 * Invariant: every number of the page is a figure below, or computed from them.
 */
import {
  ceilingsOf,
  fleetFor,
  simulateDay,
  type BrokerFigures,
  type Fleet,
  type PairFigures,
} from "./capacity.js";
import { table } from "./markdown.js";

const PEAK = 1_000_000;
const HOUR = 3_600;
const MIB = 1024 * 1024;
const GB = 1_000_000_000;
const MB = 1_000_000;

const PAIR: PairFigures = {
  sentBytes: 445,
  storedBytes: 668,
  publishedBytes: 600,
  ingressPerCore: 58_000,
  forwarderPerCore: 130_000,
  utilization: 0.6,
  diskBytesPerSecond: GB,
  networkBytesPerSecond: 1.25 * GB,
  // A claim of 100 GiB, less 5 %.
  spoolBytesMax: 102_005_473_280,
};

const BROKER: BrokerFigures = {
  compression: 0.5,
  replicas: 3,
  partitionBytesPerSecond: 10 * MB,
  consumerEventsPerSecond: 20_000,
  headroom: 2,
};

/** FORWARDER_WINDOW_BYTES: the default, and what this fleet wants. */
const WINDOW_BYTES = 8 * MIB;
const LARGE_WINDOW_BYTES = 16 * MIB;
/** Of brokers near and far, in milliseconds. */
const COMMITS_MS = [5, 20, 50, 100];
const WINDOW_SIZES = [WINDOW_BYTES, LARGE_WINDOW_BYTES];
const SINGLES_PER_CORE = 4_100;
/** Resident, under single events over 64 connections. */
const PRIMARY_MIB = 84;
const WORKER_MIB = 118;

/** Outages that begin before noon, when the load is at its peak. */
const OUTAGES_HOURS = [0.25, 1, 2, 4];

export function renderCapacity(): string {
  const fleet = fleetFor(PEAK, PAIR, BROKER);
  return [
    "# Capacity: a million events a second",
    "",
    "By calculation and a simulation, made by `npm run reference` from the figures of one pair; nobody has run a fleet of this size.",
    "",
    "## Figures",
    "",
    ...table(["figure", "value", "how it is known"], figureRows()),
    "## The fleet",
    "",
    "Half more than the peak needs, since one zone of three may be away.",
    "",
    ...table(["what", "how many", "why"], fleetRows(fleet)),
    "## What breaks first, in one pair",
    "",
    `Events per second at which each part of a pair is at its end; ${count(fleet.perPairEvents)} are planned for, and ${count((fleet.perPairEvents * 3) / 2)} while a zone is away.`,
    "",
    ...table(
      ["what", "events/s"],
      ceilingsOf(PAIR).map(({ what, events }) => [what, count(events)]),
    ),
    ...orderOfFailure(fleet),
    "## What a slow commit costs",
    "",
    "A forwarder sends a window, then waits until it is committed (`forwarder_commit_duration_seconds`); the next one is read meanwhile. " +
      `So many events a second it delivers at most, of the ${count(fleet.perPairEvents)} that are planned for:`,
    "",
    ...table(
      ["a commit takes", ...WINDOW_SIZES.map((bytes) => `\`FORWARDER_WINDOW_BYTES=${bytes}\``)],
      COMMITS_MS.map((ms) => [`${ms} ms`, ...WINDOW_SIZES.map((bytes) => count(paceOf(bytes, ms)))]),
    ),
    `With \`FORWARDER_WINDOW_BYTES=${LARGE_WINDOW_BYTES}\` goes \`FORWARDER_WINDOW_LINES=50000\`.`,
    "",
    "## A broker that is away before noon",
    "",
    "Simulated, a second a step, over a day whose load is a tenth of the peak at night and all of it at noon. All pairs, and then with a zone away as well.",
    "",
    ...table(
      ["away", "pairs", "backlog of a pair", "oldest event", "drained after", "refused"],
      outageRows(fleet),
    ),
    "A refused event is one that its sender keeps and sends again; an event that was accepted waits in the spool. Twice the claim holds twice the backlog: at the peak, a gigabyte of it lasts " +
      `${(GB / (fleet.perPairEvents * PAIR.storedBytes)).toFixed(0)} s.`,
    "",
  ].join("\n");
}

function figureRows(): string[][] {
  return [
    [
      "bytes of an event: sent, stored",
      `${PAIR.sentBytes}, ${PAIR.storedBytes}`,
      "measured; see Sizing in [OPERATING.md](OPERATING.md)",
    ],
    [
      "bytes of a message, before compression",
      String(PAIR.publishedBytes),
      "estimated: the event, its id, its time, one header",
    ],
    [
      "ingress, batches of 100, a core",
      `${count(PAIR.ingressPerCore)} events/s`,
      "measured on two busy cores",
    ],
    ["ingress, single events, a core", `${count(SINGLES_PER_CORE)} events/s`, "measured there, too"],
    [
      "memory of an ingress with `n` INGRESS_WORKERS",
      `${PRIMARY_MIB} + ${WORKER_MIB} × n MiB`,
      "measured there, single events over 64 connections; bodies and queue come on top, once",
    ],
    [
      "forwarder, exactly once, a core",
      `${count(PAIR.forwarderPerCore)} events/s`,
      "measured there, against librdkafka's mock cluster",
    ],
    [
      "events of a window",
      count(eventsOf(WINDOW_BYTES)),
      "`FORWARDER_WINDOW_BYTES` divided by the bytes of a stored event",
    ],
    ["share of a core that is planned for", percent(PAIR.utilization), "chosen"],
    ["disk of a pair", `${count(PAIR.diskBytesPerSecond / MB)} MB/s`, "assumed: local NVMe"],
    ["network of a pair", `${(PAIR.networkBytesPerSecond * 8) / GB} Gbit/s`, "assumed"],
    ["lz4 of messages", percent(BROKER.compression), "assumed"],
    [
      "a partition",
      `${BROKER.partitionBytesPerSecond / MB} MB/s`,
      "assumed: what operators of Kafka plan with",
    ],
    [
      "a consumer",
      `${count(BROKER.consumerEventsPerSecond)} events/s`,
      "assumed: yours will differ, and decides",
    ],
    [
      "all brokers",
      `${BROKER.headroom} times the peak`,
      "assumed: so that a backlog can be drained at the peak",
    ],
  ];
}

function fleetRows({ pairs, partitions, perPairEvents }: Fleet): string[][] {
  const published = PEAK * PAIR.publishedBytes * BROKER.compression;
  const perHour = PEAK * PAIR.storedBytes * HOUR;
  return [
    [
      "pairs of ingress and forwarder",
      String(pairs),
      `${count(PAIR.ingressPerCore)} × ${percent(PAIR.utilization)} each, with two zones of three`,
    ],
    ["events/s of a pair", count(perPairEvents), `${count(PEAK)} / ${pairs}`],
    [
      "cores",
      count(PEAK / PAIR.ingressPerCore + PEAK / PAIR.forwarderPerCore),
      `busy at the peak; ${pairs * 2} to be scheduled`,
    ],
    [
      "written to spools",
      `${count((PEAK * PAIR.storedBytes) / MB)} MB/s`,
      `${count((perPairEvents * PAIR.storedBytes) / MB)} MB/s each`,
    ],
    [
      "spool for an hour without brokers",
      `${count(perHour / GB)} GB`,
      `${count(perHour / GB / pairs)} GB each`,
    ],
    [
      "spool for a whole day's retention",
      `${count((PEAK * PAIR.storedBytes * 24 * HOUR) / GB / 1000)} TB at the peak`,
      "not needed: delivered segments go early for a backlog",
    ],
    [
      "network in",
      `${gigabits(PEAK * PAIR.sentBytes)} Gbit/s`,
      `${gigabits(perPairEvents * PAIR.sentBytes)} each`,
    ],
    ["network to brokers", `${gigabits(published)} Gbit/s`, "compressed"],
    ["brokers write", `${count((published * BROKER.replicas) / MB)} MB/s`, `${BROKER.replicas} replicas`],
    [
      "topic for a week",
      `${count((published * BROKER.replicas * 7 * 24 * HOUR) / GB / 1000)} TB at the peak`,
      "this is the disk that costs money",
    ],
    [
      "partitions",
      String(partitions),
      "twice what bytes and consumers need, since more cannot be added without moving learners",
    ],
    ["consumers", count(PEAK / BROKER.consumerEventsPerSecond), "at least"],
  ];
}

/** What no table of one pair shows. */
function orderOfFailure({ pairs, partitions, perPairEvents }: Fleet): string[] {
  const singles = Math.ceil(PEAK / (SINGLES_PER_CORE * PAIR.utilization));
  const markersOf = (windowBytes: number): number =>
    (pairs * perPairEvents * (partitions + 1)) / eventsOf(windowBytes);
  return [
    "In the fleet, as load grows:",
    "",
    `1. **Senders that do not batch.** One event a request takes ${singles} pairs instead of ${pairs}. Everything else is far from its end by then.`,
    `2. **Consumers**, and the partitions they share: the forwarders write ${count(PAIR.forwarderPerCore)} events/s each, a consumer may do a part of that.`,
    `3. **Transaction markers.** Each window writes one into every partition that it touched. With full windows of ${WINDOW_BYTES / MIB} MiB, ${pairs} pairs × ${count(perPairEvents / eventsOf(WINDOW_BYTES))} windows/s × ${partitions + 1} are ${count(markersOf(WINDOW_BYTES))} small records a second; with ${LARGE_WINDOW_BYTES / MIB} MiB they are ${count(markersOf(LARGE_WINDOW_BYTES))}. More partitions make it worse, fewer and larger pairs better.`,
    "4. **The thread of an ingress.** More pairs; they share nothing, so nothing else changes. `INGRESS_WORKERS` uses more cores for one spool, as far as its forwarder goes: " +
      `${Math.floor(PAIR.forwarderPerCore / SINGLES_PER_CORE)} workers of single events, ${Math.floor(PAIR.forwarderPerCore / PAIR.ingressPerCore)} of batches.`,
    "5. **Disks and networks** of pairs last; those of the brokers are three times as busy.",
    "",
  ];
}

/** What a window holds. */
function eventsOf(windowBytes: number): number {
  return Math.floor(windowBytes / PAIR.storedBytes);
}

/** Events per second that a forwarder sends when each window is followed by such a commit. */
function paceOf(windowBytes: number, commitMs: number): number {
  const events = eventsOf(windowBytes);
  return events / (events / PAIR.forwarderPerCore + commitMs / 1000);
}

function outageRows(fleet: Fleet): string[][] {
  return [fleet.pairs, (fleet.pairs * 2) / 3].flatMap((pairs) =>
    OUTAGES_HOURS.map((hours) => {
      const outageSeconds = hours * HOUR;
      const scenario = { peak: PEAK, pairs, outageAt: 12 * HOUR - outageSeconds, outageSeconds };
      const day = simulateDay(PAIR, BROKER, scenario);
      const refused = day.refused < 1 ? "none" : `${count(day.refused / 1_000_000)} million`;
      return [
        minutes(outageSeconds),
        String(pairs),
        `${count(day.backlogBytes / GB)} GB`,
        minutes(day.lagSeconds),
        day.drainSeconds === null ? "not that day" : minutes(day.drainSeconds),
        refused,
      ];
    }),
  );
}

function count(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

function percent(share: number): string {
  return `${share * 100} %`;
}

function gigabits(bytes: number): string {
  return ((bytes * 8) / GB).toFixed(1);
}

function minutes(seconds: number): string {
  return `${count(seconds / 60)} min`;
}
