/**
 * The worker's side of rates that hold for the service as a whole: what it gives to senders is told to the others a
 * moment later, and what they gave is charged here.
 *
 * In the long run a sender gets its rate, whichever workers serve it. At once it may get, from each worker, what the
 * others have not heard of yet; that is owed, and paid before it gets more.
 */
import type { Meter, RateExchange, Take } from "../server/rates.js";

export interface TakeExchange extends RateExchange {
  /** Others took this. */
  hear(takes: readonly Take[]): void;
}

/** Short against the second that rates are about, and long against what a message costs. */
const TELL_AFTER_MS = 20;

export function createTakeExchange(tell: (takes: readonly Take[]) => void): TakeExchange {
  const listeners: ((takes: readonly Take[]) => void)[] = [];
  let untold = new Map<string, { readonly meter: Meter; count: number }>();

  function tellAll(): void {
    const takes = [...untold.values()];
    untold = new Map();
    tell(takes);
  }

  return {
    took: (meter) => {
      if (untold.size === 0) setTimeout(tellAll, TELL_AFTER_MS).unref();
      const name = `${meter.policy} ${meter.sender}`;
      const known = untold.get(name);
      if (known === undefined) untold.set(name, { meter, count: 1 });
      else known.count += 1;
    },
    listen: (charge) => void listeners.push(charge),
    hear: (takes) => {
      for (const charge of listeners) charge(takes);
    },
  };
}
