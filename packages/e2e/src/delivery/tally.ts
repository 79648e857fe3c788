/** What a long run of kills counts for each way of delivery. */
import { countMoment, keepFaults, momentLines, type Moments, type Tally } from "../tally.js";
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
  moments: Moments;
  /** The first things that were wrong. */
  faults: string[];
  /** Why rounds ended without an audit. */
  failures: string[];
}

export function tallyOf(tally: Tally<DeliveryTally>, name: string): DeliveryTally {
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
  for (const death of deaths) countMoment(one.moments, death.moment, death.atPlace);
  keepFaults(one.faults, faultsOf(audit));
}

/** For people. */
export function summaryOf(tally: Tally<DeliveryTally>): string {
  return Object.entries(tally)
    .map(([name, one]) =>
      [
        `${name}: ${one.kills} kills in ${one.rounds} rounds, ${one.events} events, ${one.lost} lost,`,
        `${one.duplicates} duplicates, at most ${one.repeatMax} in a row, ${one.otherwise} otherwise wrong,`,
        `${(one.seconds / Math.max(one.kills, 1)).toFixed(2)} s each`,
      ].join(" "),
    )
    .concat(momentLines(Object.values(tally).map((one) => one.moments)))
    .join("\n");
}
