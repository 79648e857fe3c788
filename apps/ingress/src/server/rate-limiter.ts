/**
 * Token buckets, one for each sender, as GCRA keeps them (ITU-T I.371): a bucket is a single number, the time at
 * which it will be full again, so a sender costs an entry of a map and no timer.
 *
 * It is our own because a limiter of fixed windows lets a sender have two windows' worth around their border, and
 * because the tables of the libraries grow with the number of senders.
 *
 * **Invariant:** at most `sendersMax` buckets are kept. One that is full again may be forgotten without a trace;
 * under pressure the one that was not used for the longest goes, which gives its sender at most one burst more.
 */
import type { Clock } from "@event-collector/spool";
import type { Rate } from "../settings.js";

export interface RateVerdict {
  readonly allowed: boolean;
  /** Requests that would be allowed at once after this one. */
  readonly remaining: number;
  /** Until the bucket is full again, or until one request is allowed, if this one is not. Milliseconds. */
  readonly waitMs: number;
}

export interface RateLimiter {
  /** Takes a token out of the sender's bucket, if there is one. */
  take(sender: string, rate: Rate): RateVerdict;
  /** Takes tokens that were given elsewhere, whether or not there are so many: a bucket may owe some. */
  charge(sender: string, rate: Rate, tokens: number): void;
  /** Buckets that are kept. */
  count(): number;
}

export function createRateLimiter(clock: Pick<Clock, "monotonic">, sendersMax: number): RateLimiter {
  /** When each bucket is full again; the least recently used sender first. */
  const fullAt = new Map<string, number>();

  function remember(sender: string, time: number): void {
    fullAt.delete(sender);
    fullAt.set(sender, time);
    if (fullAt.size <= sendersMax) return;
    const [oldest = ""] = fullAt.keys();
    fullAt.delete(oldest);
  }

  return {
    take: (sender, { perSecond, burst }) => {
      const now = clock.monotonic();
      const tokenMs = 1000 / perSecond;
      const bucketMs = burst * tokenMs;
      const full = Math.max(fullAt.get(sender) ?? now, now) + tokenMs;
      // Rounding must not cost the last token of a burst.
      const earlyMs = full - now - bucketMs;
      if (earlyMs > tokenMs * 1e-6) return { allowed: false, remaining: 0, waitMs: earlyMs };
      remember(sender, full);
      const remaining = Math.max(0, Math.floor((bucketMs - (full - now)) / tokenMs + 1e-6));
      return { allowed: true, remaining, waitMs: full - now };
    },
    charge: (sender, { perSecond }, tokens) => {
      const now = clock.monotonic();
      remember(sender, Math.max(fullAt.get(sender) ?? now, now) + (tokens * 1000) / perSecond);
    },
    count: () => fullAt.size,
  };
}
