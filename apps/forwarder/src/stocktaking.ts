/**
 * The books of a spool: what came in, against what was delivered and what still waits.
 *
 * The two sides come from different places. What came in, and what waits, are counted by the numbers that lines carry
 * in the files; what was delivered is the broker's own ledger, or, where it keeps none, what it confirmed to this
 * process. So a line that was passed over without a trace would show as a difference.
 *
 * **Invariant:** both sides are as of one moment: cursor and ledger are read together, and then the files.
 */
import type { Books } from "@event-collector/operations";
import type { Clock, Inventory, Positions } from "@event-collector/spool";

export interface Stock {
  readonly inventory: Inventory;
  /** Undefined until it is known what was delivered before. */
  readonly books: Books | undefined;
}

export interface StocktakingSources {
  readonly inventory: (positions: Positions) => Promise<Inventory>;
  readonly positions: () => Positions;
  /** Undefined until it is known. `since`: from when on it counts. */
  readonly delivered: () => Delivered | undefined;
}

export interface Delivered {
  readonly events: number;
  readonly deadLetters: number;
  readonly since: Books["since"];
}

export interface Stocktaking {
  /** Takes stock, or gives the one of a moment ago. Rejects if the spool cannot be read. */
  take(): Promise<Stock>;
}

/** Whoever asks again within that time gets the same answer. Milliseconds. */
const FRESH_MS = 1_000;

export function createStocktaking(
  clock: Pick<Clock, "monotonic">,
  { inventory, positions, delivered }: StocktakingSources,
): Stocktaking {
  let running: Promise<Stock> | undefined;
  let last: { readonly at: number; readonly stock: Stock } | undefined;
  /** What came in before the first look, and what was delivered at the last one. */
  let before: number | undefined;
  let deliveredLast = 0;

  function close(known: Delivered, found: Inventory): Books {
    const through = known.events + known.deadLetters;
    // The ledger began anew: another cluster, or its topic is gone.
    if (before === undefined || through < deliveredLast) {
      before = through + found.pendingLines - found.appendedLines;
    }
    deliveredLast = through;
    const accepted = before + found.appendedLines;
    return {
      accepted,
      published: known.events,
      dead_lettered: known.deadLetters,
      spooled: found.pendingLines,
      difference: accepted - through - found.pendingLines,
      since: known.since,
    };
  }

  async function count(): Promise<Stock> {
    const [cursor, known] = [positions(), delivered()];
    const found = await inventory(cursor);
    return { inventory: found, books: known && close(known, found) };
  }

  async function takeAnew(): Promise<Stock> {
    try {
      const stock = await count();
      last = { at: clock.monotonic(), stock };
      return stock;
    } finally {
      running = undefined;
    }
  }

  return {
    take: () => {
      if (last !== undefined && clock.monotonic() - last.at < FRESH_MS) return Promise.resolve(last.stock);
      return (running ??= takeAnew());
    },
  };
}
