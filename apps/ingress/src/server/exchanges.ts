/**
 * The exchanges that are under way.
 *
 * **Invariant:** an exchange that is not a stream is over by its deadline, since neither Node's HTTP/2 nor the
 * handlers end a request that drips in or an answer that nobody reads.
 */
import type { Clock } from "@event-collector/spool";
import { AgeList } from "./age-list.js";
import type { Aged } from "./age-list.js";
import type { Exchange } from "./exchange.js";

export interface Exchanges {
  /** Lists an exchange; from its deadline on `abort` is called with each look, until the exchange ends. */
  begin(exchange: Exchange, abort: () => void): OpenExchange;
  /** Gives it its whole time once more. */
  extend(open: OpenExchange): void;
  end(open: OpenExchange): void;
  count(): number;
  /** Stops watching deadlines. */
  close(): void;
}

export type OpenExchange = Aged<Watched>;

interface Watched {
  readonly exchange: Exchange;
  /** When its time began, by the monotonic clock. */
  since: number;
  readonly abort: () => void;
}

/** How far past its deadline an exchange may run: one look at the list. */
const CHECK_MS = 1_000;

export function createExchanges(clock: Pick<Clock, "monotonic">, timeoutMs: number): Exchanges {
  const open = new AgeList<Watched>();

  function abortOverdue(): void {
    const begun = clock.monotonic() - timeoutMs;
    let aged = open.oldest;
    // The list is in order of time: the first that has time left ends the look.
    while (aged !== undefined && aged.item.since <= begun) {
      const { item, after } = aged;
      if (!item.exchange.streaming) item.abort();
      aged = after;
    }
  }

  const timer = setInterval(abortOverdue, CHECK_MS);
  timer.unref();
  return {
    begin: (exchange, abort) => open.add({ exchange, since: exchange.startedAt, abort }),
    extend: (one) => {
      one.item.since = clock.monotonic();
      open.renew(one);
    },
    end: (one) => open.remove(one),
    count: () => open.size,
    close: () => clearInterval(timer),
  };
}
