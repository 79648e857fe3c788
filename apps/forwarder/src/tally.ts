/** What this process delivered, counted for the page that an operator looks at; the newest dead letters by name. */
import type { DeadLetterNote, DeadLetters } from "@event-collector/operations";
import type { Clock } from "@event-collector/spool";
import type { Entry } from "./entry.js";
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
    const reason = outgoing?.cause?.reason ?? "unknown";
    reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
    const { segment, offset } = item.position;
    last.unshift({ time, reason, stage: outgoing?.cause?.stage ?? "publish", segment, offset });
    last = last.slice(0, LAST_MAX);
  }

  return {
    observer: {
      delivered: (entries) => {
        const dead = entries.filter(({ outgoing }) => outgoing !== undefined && outgoing.stage !== "event");
        for (const { outgoing } of entries) if (outgoing?.stage === "event") events += 1;
        deadLetters += dead.length;
        const time = dead.length > 0 ? new Date(clock.now()).toISOString() : "";
        for (const entry of dead) note(entry, time);
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
