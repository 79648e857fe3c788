/**
 * The exchanges that are under way.
 *
 * **Invariant:** an exchange that is not a stream is over by its deadline, since neither Node's HTTP/2 nor the
 * handlers end a request that drips in or an answer that nobody reads.
 */
import type { Clock } from "@event-collector/spool";
import type { Exchange } from "./exchange.js";

export interface Exchanges {
  /** Lists an exchange; from its deadline on `abort` is called with each look, until the exchange ends. */
  begin(exchange: Exchange, abort: () => void): void;
  /** Gives it its whole time once more. */
  extend(exchange: Exchange): void;
  end(exchange: Exchange): void;
  count(): number;
  /** Stops watching deadlines. */
  close(): void;
}

interface Open {
  readonly since: number;
  readonly abort: () => void;
}

/** How far past its deadline an exchange may run: one look at the list. */
const CHECK_MS = 1_000;

export function createExchanges(clock: Pick<Clock, "monotonic">, timeoutMs: number): Exchanges {
  const open = new Map<Exchange, Open>();

  function abortOverdue(): void {
    const begun = clock.monotonic() - timeoutMs;
    for (const [exchange, { since, abort }] of open) {
      // The list is in order of time: the first that has time left ends the look.
      if (since > begun) return;
      if (!exchange.streaming) abort();
    }
  }

  const timer = setInterval(abortOverdue, CHECK_MS);
  timer.unref();
  return {
    begin: (exchange, abort) => {
      open.set(exchange, { since: exchange.startedAt, abort });
    },
    extend: (exchange) => {
      const one = open.get(exchange);
      if (one === undefined) return;
      open.delete(exchange);
      open.set(exchange, { since: clock.monotonic(), abort: one.abort });
    },
    end: (exchange) => {
      open.delete(exchange);
    },
    count: () => open.size,
    close: () => clearInterval(timer),
  };
}
