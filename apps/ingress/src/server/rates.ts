/**
 * How often a sender may ask, by address and by key, and how that is said: `RateLimit-Policy` and `RateLimit`
 * (draft-ietf-httpapi-ratelimit-headers) on every answer, 429 with `Retry-After` on a refusal.
 *
 * A stream is slowed down rather than refused: each of its groups after the first waits for a token of its own.
 */
import { setTimeout as wait } from "node:timers/promises";
import { KEYS_MAX } from "@event-collector/keys";
import type { ApiKey } from "@event-collector/keys";
import type { Clock } from "@event-collector/spool";
import type { ServiceRefusal } from "../refusal.js";
import type { Rate, RatesConfig } from "../settings.js";
import { createRateLimiter } from "./rate-limiter.js";
import type { RateLimiter, RateVerdict } from "./rate-limiter.js";

/** One bucket that a request takes from. */
export interface Meter {
  /** The name of the policy in the headers. */
  readonly policy: "address" | "key";
  readonly sender: string;
  readonly rate: Rate;
}

export interface Reading {
  readonly meter: Meter;
  readonly verdict: RateVerdict;
}

/** How often something was taken from a bucket. */
export interface Take {
  readonly meter: Meter;
  readonly count: number;
}

/**
 * What processes that share the rates of senders tell each other. Each keeps buckets of its own and learns afterwards
 * what the others gave: no request waits for that, and what was given twice meanwhile is owed.
 */
export interface RateExchange {
  /** Something was taken here. */
  took(meter: Meter): void;
  /** Hears what was taken elsewhere. */
  listen(charge: (takes: readonly Take[]) => void): void;
}

export interface Rates {
  /** False: no address is limited, so none need be known. */
  readonly limitsAddresses: boolean;
  /** What limits this address, if anything does. */
  ofAddress(sender: string): Meter | undefined;
  ofKey(key: ApiKey): Meter | undefined;
  take(meter: Meter): Reading;
  /** Takes from each, waiting until it has; ends early, with nothing taken, when `end` is aborted. */
  pace(meters: readonly Meter[], end: AbortSignal): Promise<void>;
}

export function createRates(
  clock: Pick<Clock, "monotonic">,
  config: RatesConfig,
  exchange?: RateExchange,
): Rates {
  const limiters: Readonly<Record<Meter["policy"], RateLimiter>> = {
    address: createRateLimiter(clock, config.addressesMax),
    key: createRateLimiter(clock, KEYS_MAX + 1),
  };
  exchange?.listen((takes) => {
    for (const { meter, count } of takes) limiters[meter.policy].charge(meter.sender, meter.rate, count);
  });
  const take = (meter: Meter): Reading => {
    const verdict = limiters[meter.policy].take(meter.sender, meter.rate);
    if (verdict.allowed) exchange?.took(meter);
    return { meter, verdict };
  };
  const meterOf = (policy: Meter["policy"], sender: string, rate: Rate | undefined): Meter | undefined =>
    rate && { policy, sender, rate };
  return {
    limitsAddresses: config.address !== undefined,
    ofAddress: (sender) => meterOf("address", sender, config.address),
    ofKey: (key) => meterOf("key", key.name, key.rate ?? config.key),
    take,
    pace: async (meters, end) => {
      for (const meter of meters) {
        let { verdict } = take(meter);
        while (!verdict.allowed && !end.aborted) {
          await wait(Math.ceil(verdict.waitMs), undefined, { signal: end }).catch(() => undefined);
          ({ verdict } = take(meter));
        }
      }
    },
  };
}

/** The fields that tell a client where it stands; both are lists with an item for each policy. */
export function rateHeaders(readings: readonly Reading[]): Record<string, string> {
  if (readings.length === 0) return {};
  const policies = readings.map(({ meter: { policy, rate } }) => {
    const windowSeconds = Math.ceil(rate.burst / rate.perSecond);
    return `"${policy}";q=${rate.burst};w=${windowSeconds}`;
  });
  const states = readings.map(
    ({ meter, verdict }) => `"${meter.policy}";r=${verdict.remaining};t=${secondsOf(verdict)}`,
  );
  return { "ratelimit-policy": policies.join(", "), ratelimit: states.join(", ") };
}

export function rateRefusal({ meter: { policy, rate }, verdict }: Reading): ServiceRefusal {
  const { perSecond, burst } = rate;
  return {
    code: "rate_limited",
    message: `this ${policy} may send ${perSecond} requests a second, and ${burst} at once`,
    retryAfterSeconds: Math.max(1, secondsOf(verdict)),
    limit: { limit: perSecond, unit: "requests per second" },
  };
}

/** Seconds, up to a rounding error of the clock: a whole second must not be called two. */
function secondsOf({ waitMs }: RateVerdict): number {
  return Math.ceil(waitMs / 1000 - 1e-6);
}
