/**
 * The long run: hundreds of kills of forwarders on a busy spool, and the audit of the topics after every few.
 *
 *     npm run delivery -- --forwarder-kills 500 --at-least-once-kills 100
 *     npm run delivery -- --figures 2048
 *     npm run delivery -- --outage-minutes 60
 *
 * It can be interrupted at any time; the next run goes on from the count in the state folder. It exits with 1 if in
 * exactly-once mode anything was lost or came twice, if in at-least-once mode anything was lost, or if the kills in
 * that mode made no duplicate: then they could not have found any in the other.
 */
import { mkdir } from "node:fs/promises";
import { loadavg } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { startKafka, type Kafka } from "../kafka/index.js";
import type { Scope } from "../program.js";
import { readTally, writeTally, type Tally } from "../tally.js";
import { createRandom, type Random } from "../torture/random.js";
import { measureBacklog, measureLatency, measureLiveTail } from "./figures.js";
import { chooseMoment } from "./moment.js";
import { runOutage } from "./outage.js";
import { openRound, type Death } from "./round.js";
import { count, summaryOf, tallyOf, type DeliveryTally } from "./tally.js";

/** A topic grows, and so does the time to read it: a new spool after so many kills. */
const KILLS_PER_ROUND = 25;

const MIB = 1024 * 1024;
const LATENCY_EVENTS = 1_000;
/** Beside more the live writer would only wait longer for the end. */
const LIVE_TAIL_BYTES_MAX = 512 * MIB;
/** In each second of an outage. */
const OUTAGE_EVENTS = 20;

/** So many failed rounds of a mode end the run. */
const FAILURES_MAX = 10;

const MODES = ["exactly-once", "at-least-once"] as const;
type Mode = (typeof MODES)[number];

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      "forwarder-kills": { type: "string", default: "500" },
      "at-least-once-kills": { type: "string", default: "100" },
      // Latency, catching up and memory are measured instead, with a backlog of so many MiB.
      figures: { type: "string" },
      // Instead, the broker is away for so long.
      "outage-minutes": { type: "string" },
      seed: { type: "string", default: String(Date.now() % 2 ** 31) },
      state: { type: "string", default: ".data/delivery" },
    },
  });
  if (values.figures !== undefined) {
    await printFigures(Number(values.figures) * MIB);
    return;
  }
  if (values["outage-minutes"] !== undefined) {
    await printOutage(Number(values["outage-minutes"]));
    return;
  }
  const state = resolve(values.state);
  await mkdir(state, { recursive: true });
  const path = join(state, "tally.json");
  const tally = await readTally<DeliveryTally>(path);
  const wanted: Record<Mode, number> = {
    "exactly-once": Number(values["forwarder-kills"]),
    "at-least-once": Number(values["at-least-once-kills"]),
  };
  console.log(`seed ${values.seed}, state in ${state}`);
  await withScope(async (scope) => {
    const kafka = await startKafka(scope);
    console.log(`${kafka.kind} at ${kafka.bootstrap}`);
    for (const mode of MODES) {
      const one = tallyOf(tally, mode);
      const random = createRandom(Number(values.seed) + one.kills);
      while (one.kills < wanted[mode]) {
        await runRound(kafka, random, mode, one, Math.min(KILLS_PER_ROUND, wanted[mode] - one.kills)).catch(
          (error: unknown) => fail(one, error),
        );
        writeTally(path, tally);
        console.log(
          `${new Date().toISOString()} ${mode}: ${one.kills} kills, ${one.events} events, ${one.lost} lost, ${one.duplicates} duplicates`,
        );
      }
    }
  });
  console.log(summaryOf(tally));
  process.exitCode = isSound(tally) ? 0 : 1;
}

async function printFigures(backlogBytes: number): Promise<void> {
  await withScope(async (scope) => {
    const kafka = await startKafka(scope, { heapMebibytes: 512 });
    console.log(
      `load of this machine ${loadavg()
        .map((load) => load.toFixed(1))
        .join(", ")}`,
    );
    console.log(await measureLatency(scope, kafka, LATENCY_EVENTS));
    console.log(await measureBacklog(scope, kafka, backlogBytes));
    console.log(await measureLiveTail(scope, kafka, Math.min(backlogBytes, LIVE_TAIL_BYTES_MAX)));
  });
}

async function printOutage(minutes: number): Promise<void> {
  await withScope(async (scope) => {
    const kafka = await startKafka(scope);
    const { faults, text } = await runOutage(scope, kafka, { minutes, eventsPerSecond: OUTAGE_EVENTS });
    console.log(text);
    for (const fault of faults) console.log(fault);
    process.exitCode = faults.length === 0 ? 0 : 1;
  });
}

async function runRound(
  kafka: Kafka,
  random: Random,
  mode: Mode,
  one: DeliveryTally,
  kills: number,
): Promise<void> {
  await withScope(async (scope) => {
    const startedAt = performance.now();
    const round = await openRound(scope, kafka, random, { environment: { KAFKA_DELIVERY: mode } });
    const deaths: Death[] = [];
    while (deaths.length < kills) deaths.push(await round.kill(chooseMoment(random)));
    count(one, deaths, await round.finish(), (performance.now() - startedAt) / 1000);
  });
}

/** A round without an audit proves nothing: its kills do not count, and the run fails. */
function fail(one: DeliveryTally, error: unknown): void {
  one.failures.push(String(error));
  console.log(String(error));
  if (one.failures.length >= FAILURES_MAX) throw error;
}

function isSound(tally: Tally<DeliveryTally>): boolean {
  const exact = tallyOf(tally, "exactly-once");
  const control = tallyOf(tally, "at-least-once");
  if (exact.failures.length + control.failures.length > 0) return false;
  if (exact.lost + exact.duplicates + exact.otherwise + control.lost > 0) return false;
  return control.kills === 0 || control.duplicates > 0;
}

/** Takes away, in reverse order, what was started. */
async function withScope(use: (scope: Scope) => Promise<void>): Promise<void> {
  const actions: (() => unknown)[] = [];
  try {
    await use({ teardown: (action) => actions.unshift(action), comment: (line) => console.log(line) });
  } finally {
    for (const action of actions) await action();
  }
}

await main();
