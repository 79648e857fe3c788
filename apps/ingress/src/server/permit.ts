/**
 * May the next group of a body without end be stored? Asked by handlers before each group.
 *
 * **Invariant:** a key that was taken away or is over stores nothing more, however long its stream has been open.
 */
import type { Scope } from "@event-collector/keys";
import type { Authenticator } from "../auth.js";
import type { Exchange } from "./exchange.js";
import type { Exchanges, OpenExchange } from "./exchanges.js";
import type { Rates, Reading } from "./rates.js";

export interface PermitParts {
  readonly authenticate: Authenticator;
  readonly rates: Rates;
  readonly exchanges: Exchanges;
  /** Aborted when the service is about to end: nobody is slowed down any more. */
  readonly leaving: AbortSignal;
}

export function createPermit(
  { authenticate, rates, exchanges, leaving }: PermitParts,
  exchange: Exchange,
  open: OpenExchange,
  readings: readonly Reading[],
  scope: Scope | undefined,
): Exchange["permit"] {
  // The request itself has paid for its first group.
  let isFirst = true;
  return async () => {
    if (!isFirst && readings.length > 0) {
      await rates.pace(
        readings.map(({ meter }) => meter),
        leaving,
      );
    }
    isFirst = false;
    exchanges.extend(open);
    if (exchange.key === undefined) return undefined;
    const verdict = authenticate.judgeAgain(exchange.key, scope);
    return verdict.allowed ? undefined : verdict.refusal;
  };
}
