/** The count of a long run of kills, kept in a file so that it can be interrupted and taken up again. */
import { readFile, rename, writeFile } from "node:fs/promises";
import { faultsOf, type Audit } from "./audit.js";
import type { Death } from "./round.js";

export interface DeliveryTally {
  rounds: number;
  kills: number;
  events: number;
  lost: number;
  duplicates: number;
  /** The most events in a row that came again. */
  repeatMax: number;
  /** Altered, invented or out of order. */
  otherwise: number;
  seconds: number;
  /** How often each kind of moment came, and how often the forwarder died by itself at that place. */
  moments: Record<string, { kills: number; died: number }>;
  /** The first things that were wrong. */
  faults: string[];
  /** Why rounds ended without an audit. */
  failures: string[];
}

export type Tally = Record<string, DeliveryTally>;

const FAULTS_MAX = 20;

export async function readTally(path: string): Promise<Tally> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Tally;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return {};
    throw error;
  }
}

export async function writeTally(path: string, tally: Tally): Promise<void> {
  await writeFile(`${path}.next`, `${JSON.stringify(tally, undefined, 2)}\n`);
  await rename(`${path}.next`, path);
}

export function tallyOf(tally: Tally, name: string): DeliveryTally {
  return (tally[name] ??= {
    rounds: 0,
    kills: 0,
    events: 0,
    lost: 0,
    duplicates: 0,
    repeatMax: 0,
    otherwise: 0,
    seconds: 0,
    moments: {},
    faults: [],
    failures: [],
  });
}

/** Enters one round: its kills count only together with the audit that ended it. */
export function count(one: DeliveryTally, deaths: readonly Death[], audit: Audit, seconds: number): void {
  one.rounds += 1;
  one.kills += deaths.length;
  one.events += audit.stored;
  one.lost += audit.lost.length;
  one.duplicates += audit.duplicates.length;
  one.repeatMax = Math.max(one.repeatMax, ...audit.repeats);
  one.otherwise += audit.altered.length + audit.invented.length + audit.disordered.length;
  one.seconds += seconds;
  for (const death of deaths) {
    const moment = (one.moments[death.moment] ??= { kills: 0, died: 0 });
    moment.kills += 1;
    moment.died += death.atPlace ? 1 : 0;
  }
  for (const fault of faultsOf(audit)) if (one.faults.length < FAULTS_MAX) one.faults.push(fault);
}

/** For people. */
export function summaryOf(tally: Tally): string {
  return Object.entries(tally)
    .map(([name, one]) =>
      [
        `${name}: ${one.kills} kills in ${one.rounds} rounds, ${one.events} events, ${one.lost} lost,`,
        `${one.duplicates} duplicates, at most ${one.repeatMax} in a row, ${one.otherwise} otherwise wrong,`,
        `${(one.seconds / Math.max(one.kills, 1)).toFixed(2)} s each`,
        ...Object.entries(one.moments)
          .toSorted(([a], [b]) => a.localeCompare(b))
          .map(([moment, { kills, died }]) => `\n  ${moment}: ${kills}, died there ${died}`),
      ].join(" "),
    )
    .join("\n");
}
