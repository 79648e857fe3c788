/** What this process delivered, counted for the page that an operator looks at; the newest dead letters by name. */
import type { DeadLetterNote, DeadLetters } from "@event-collector/operations";
import type { Clock } from "@event-collector/spool";
import type { Entry } from "./entry.js";
import { EventRun } from "./event-run.js";
import type { Observer } from "./observer.js";

export interface Tally {
  readonly observer: Pick<Observer, "delivered">;
  /** Since the start of this process. */
  totals(): { readonly events: number; readonly deadLetters: number };
  deadLetters(): DeadLetters;
}

/** More than anybody reads on a page; the topic has them all. */
const LAST_MAX = 10;

export function createTally(clock: Pick<Clock, "now">): Tally {
  const reasons = new Map<string, number>();
  let events = 0;
  let deadLetters = 0;
  let last: DeadLetterNote[] = [];

  function note({ item, outgoing }: Entry, time: string): void {
    deadLetters += 1;
    const reason = outgoing?.cause?.reason ?? "unknown";
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    const { segment, offset } = item.position;
    last.unshift({ time, reason, stage: outgoing?.cause?.stage ?? "publish", segment, offset });
    last = last.slice(0, LAST_MAX);
  }

  return {
    observer: {
      delivered: (entries) => {
        const time = new Date(clock.now()).toISOString();
        for (const each of entries) {
          if (each instanceof EventRun) events += each.count;
          else if (each.outgoing?.stage === "event") events += 1;
          else if (each.outgoing !== undefined) note(each, time);
        }
      },
    },
    totals: () => ({ events, deadLetters }),
    deadLetters: () => ({
      reasons: [...reasons]
        .map(([reason, count]) => ({ reason, count }))
        .toSorted((a, b) => b.count - a.count),
      last,
    }),
  };
}
