/**
 * One spool that is tried again and again: an ingress is started on it, loaded, ended by a crash, and the books are
 * made over everything that was ever acknowledged on this spool. So each cycle also starts on what the crash of the
 * one before left behind.
 */
import { setTimeout as pause } from "node:timers/promises";
import { balanceSpool, faultsOf, type Books } from "./books.js";
import { launchCollector, reachCollector, type Collector } from "./collector.js";
import { createLedger, type Ledger } from "./ledger.js";
import { MIXED_LOAD, startLoad, type Load } from "./load.js";
import type { Program } from "../program.js";
import { failpointOf, momentName, type Moment } from "./moment.js";
import type { Random } from "./random.js";
import { parseSpool } from "./segment-parser.js";

export interface Trial {
  readonly spool: string;
  readonly ledger: Ledger;
  /** Cycles so far. */
  cycles: number;
  /** Of the books after the cycle before. */
  acknowledged: number;
  unacknowledged: number;
}

export interface CycleReport {
  /** The kind of moment. */
  readonly moment: string;
  /** The program died by itself, at the place it was to die at. */
  readonly diedAtPlace: boolean;
  /** Events of this cycle that clients know to be stored. */
  readonly acknowledged: number;
  /** Events of this cycle that are stored although no client knows of it. */
  readonly unacknowledged: number;
  readonly lost: number;
  readonly duplicates: number;
  /** What is wrong, for people. */
  readonly faults: readonly string[];
}

export interface CycleOptions {
  moment: Moment;
  /** More settings of the ingress, such as a library to preload. */
  environment?: Readonly<Record<string, string>>;
}

/** What happens between the moment and the look at the spool. */
export interface Crash {
  /** Called at the moment, with the program unless it died before it listened. It may have died at its place. */
  strike(program: Program | undefined): Promise<void>;
  /** Called when the program is gone. */
  afterwards(): Promise<void>;
}

/** Nothing but the death of the program. */
export const KILL: Crash = { strike: () => Promise.resolve(), afterwards: () => Promise.resolve() };

export function createTrial(spool: string): Trial {
  return {
    spool,
    ledger: createLedger(),
    cycles: 0,
    acknowledged: 0,
    unacknowledged: 0,
  };
}

/** Starts an ingress, loads it, lets it crash, and makes the books. */
export async function runCycle(
  trial: Trial,
  random: Random,
  crash: Crash,
  options: CycleOptions,
): Promise<CycleReport> {
  const { ledger } = trial;
  trial.cycles += 1;
  const collector = await startUnlessItDies(trial.spool, options);
  const load =
    collector && startLoad(ledger, random, { ...MIXED_LOAD, port: collector.port, name: `c${trial.cycles}` });
  if (collector !== undefined && load !== undefined) await reach(options.moment, collector, load);
  const diedAtPlace = collector?.program.running !== true;
  await crash.strike(collector?.program);
  await collector?.program.kill();
  await load?.stop();
  await crash.afterwards();
  return report(trial, options.moment, diedAtPlace, balanceSpool(ledger, await parseSpool(trial.spool)));
}

/** Undefined if it died at its place before the port was open. */
async function startUnlessItDies(spool: string, options: CycleOptions): Promise<Collector | undefined> {
  const environment = { ...options.environment, ...failpointOf(options.moment) };
  const program = launchCollector(undefined, { spool, environment });
  try {
    return await reachCollector(program);
  } catch (error) {
    const { signal } = await program.kill();
    if (options.moment.type === "place" && signal === "SIGKILL") return undefined;
    throw error;
  }
}

/** Under load every place is passed sooner or later, on a busy machine later. */
const PLACE_MS = 60_000;

async function reach(moment: Moment, { program }: Collector, load: Load): Promise<void> {
  if (moment.type === "place") {
    await waitAtMost(program.ended, PLACE_MS);
    return;
  }
  if (moment.type === "after an answer") {
    await Promise.race([load.next(({ answer }) => answer.type === "stored"), program.ended]);
  }
  await pause(moment.ms);
}

async function waitAtMost(event: Promise<unknown>, ms: number): Promise<void> {
  const abort = new AbortController();
  const late = pause(ms, undefined, { signal: abort.signal }).catch(() => undefined);
  await Promise.race([event, late]);
  abort.abort();
}

function report(trial: Trial, moment: Moment, diedAtPlace: boolean, books: Books): CycleReport {
  const result: CycleReport = {
    moment: momentName(moment),
    diedAtPlace,
    acknowledged: books.acknowledged - trial.acknowledged,
    unacknowledged: books.unacknowledged - trial.unacknowledged,
    lost: books.lost.length,
    duplicates: books.duplicates.length,
    faults: faultsOf(books),
  };
  trial.acknowledged = books.acknowledged;
  trial.unacknowledged = books.unacknowledged;
  return result;
}
