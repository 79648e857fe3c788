/**
 * How long to wait before trying again: growing, capped, and never the same for two forwarders.
 */
import { setTimeout as sleep } from "node:timers/promises";

/** The first wait. A leader election takes about as long. Milliseconds. */
const DELAY_MS_FIRST = 100;
/** The longest wait: how late the end of an outage is noticed. Milliseconds. */
const DELAY_MS_MAX = 10_000;

/** The wait before the attempt that follows `attempts` failed ones; `random` is between 0 and 1. */
export function backoffMs(attempts: number, random: number): number {
  const whole = Math.min(DELAY_MS_FIRST * 2 ** Math.min(attempts - 1, 30), DELAY_MS_MAX);
  return whole / 2 + (whole / 2) * random;
}

/** Resolves after the time, or at once when `stop` is aborted. */
export async function pause(ms: number, stop: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal: stop }).catch(() => undefined);
}
