/**
 * One request and its answer on the way through the port, whatever its protocol, and the list of those under way.
 *
 * **Invariant:** an exchange that is not a stream is over by its deadline, since neither Node's HTTP/2 nor the
 * handlers end a request that drips in or an answer that nobody reads.
 */
import type { Clock } from "@event-collector/spool";
import type { TraceContext } from "./trace-context.js";

export type Protocol = "rest" | "connect" | "grpc" | "grpc-web";

export interface Exchange {
  /** Names the request in answers and logs. */
  readonly id: string;
  readonly protocol: Protocol;
  /** The path if it is one of ours, else "other": safe as a metric's label. */
  readonly route: string;
  /** True for a call that stays open as long as both sides like. */
  readonly streaming: boolean;
  readonly trace: TraceContext | undefined;
  /** Milliseconds of the monotonic clock. */
  readonly startedAt: number;
  /** How it ended: an HTTP status or the name of a Connect code. Set by whoever answers. */
  code: string | undefined;
}

export interface Exchanges {
  /** Lists an exchange; `abort` is called once if its deadline passes. */
  begin(exchange: Exchange, abort: () => void): void;
  end(exchange: Exchange): void;
  count(): number;
  /** Resolves when none is under way. */
  idle(): Promise<void>;
  /** Stops watching deadlines. */
  close(): void;
}

/** How far past its deadline an exchange may run: one look at the list. */
const CHECK_MS = 1_000;

export function createExchanges(clock: Clock, timeoutMs: number): Exchanges {
  const open = new Map<Exchange, () => void>();
  let waiting: (() => void)[] = [];

  function abortOverdue(): void {
    const begun = clock.monotonic() - timeoutMs;
    for (const [exchange, abort] of open) {
      // The list is in order of time: the first that has time left ends the look.
      if (exchange.startedAt > begun) return;
      if (!exchange.streaming) abort();
    }
  }

  const timer = setInterval(abortOverdue, CHECK_MS);
  timer.unref();
  return {
    begin: (exchange, abort) => {
      open.set(exchange, abort);
    },
    end: (exchange) => {
      open.delete(exchange);
      if (open.size > 0) return;
      for (const resolve of waiting) resolve();
      waiting = [];
    },
    count: () => open.size,
    idle: () => (open.size === 0 ? Promise.resolve() : new Promise((resolve) => void waiting.push(resolve))),
    close: () => clearInterval(timer),
  };
}
