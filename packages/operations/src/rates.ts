/**
 * Events per second over the last minutes, from counts that only grow: looked at in a fixed interval, whether or not
 * anybody asks, so that a page shows the minutes before it was opened.
 */

export interface Rates {
  /** One series for each count, the oldest value first; null where a look failed. */
  series(): (number | null)[][];
  close(): void;
}

export interface RatesOptions {
  readonly intervalMs: number;
  /** Values that are kept. */
  readonly samples: number;
  /** How many counts `look` tells. */
  readonly counts: number;
}

export interface MonotonicClock {
  /** Milliseconds that only grow. */
  monotonic(): number;
}

interface Look {
  readonly at: number;
  readonly counts: readonly number[];
}

/** `look` resolves with the counts as they are now, or with undefined if they are not known. */
export function createRates(
  clock: MonotonicClock,
  look: () => Promise<readonly number[] | undefined>,
  { intervalMs, samples, counts }: RatesOptions,
): Rates {
  const series = Array.from({ length: counts }, (): (number | null)[] => []);
  let last: Look | undefined;
  let isLooking = false;

  async function take(): Promise<void> {
    const found = await look().catch(() => undefined);
    const now = found === undefined ? undefined : { at: clock.monotonic(), counts: found };
    series.forEach((values, index) => {
      values.push(rateBetween(last, now, index));
      if (values.length > samples) values.shift();
    });
    last = now;
  }

  async function takeAlone(): Promise<void> {
    // A disk that hangs must not be asked again and again.
    if (isLooking) return;
    isLooking = true;
    await take();
    isLooking = false;
  }

  void takeAlone();
  const timer = setInterval(() => void takeAlone(), intervalMs);
  timer.unref();
  return { series: () => series.map((values) => [...values]), close: () => clearInterval(timer) };
}

function rateBetween(before: Look | undefined, now: Look | undefined, index: number): number | null {
  const [from, to] = [before?.counts[index], now?.counts[index]];
  if (from === undefined || to === undefined || before === undefined || now === undefined) return null;
  const seconds = (now.at - before.at) / 1000;
  return seconds > 0 ? Math.max(0, (to - from) / seconds) : null;
}
