/**
 * What an operator sees of the forwarder: the report behind the status page, kept up to date whether or not anybody
 * looks, so that the page shows the minutes before it was opened.
 */
import { createFillTime, createRates, formatDuration } from "@event-collector/operations";
import type { DiskReport, LagReport, Problem, StatusReport } from "@event-collector/operations";
import type { Clock, Disk, Inventory } from "@event-collector/spool";
import type { Lag } from "./lag.js";
import type { ForwarderConfig } from "./settings.js";
import type { Status } from "./status.js";
import type { Stocktaking } from "./stocktaking.js";
import type { Tally } from "./tally.js";

export interface Lookout {
  report(): Promise<StatusReport>;
  close(): void;
}

export interface LookoutSources {
  readonly status: Pick<Status, "readiness" | "trouble" | "overdue">;
  readonly tally: Tally;
  readonly stocktaking: Stocktaking;
  readonly lag: () => Promise<Lag>;
}

/** A look every five seconds for five minutes. */
const LOOK_MS = 5_000;
const LOOKS = 60;
/** Delivery takes well under a second; behind by so much, somebody should know. */
const AGE_MAX_MS = 60_000;
/** Time to act. */
const FULL_SECONDS_MIN = 3_600;

export function createLookout(
  disk: Disk,
  clock: Clock,
  segments: string,
  sources: LookoutSources,
  config: ForwarderConfig,
): Lookout {
  const { spoolBytesMax, freeBytesMin } = config.spool;
  const startedAt = clock.monotonic();
  const fill = createFillTime();
  /** At the last look. A difference that passes is a window on its way through. */
  let differenceBefore = 0;
  const rates = createRates(clock, look, { intervalMs: LOOK_MS, samples: LOOKS, counts: 2 });

  async function look(): Promise<readonly number[] | undefined> {
    const { inventory, books } = await sources.stocktaking.take();
    differenceBefore = books?.difference ?? 0;
    const { freeBytes } = await disk.space(segments);
    fill.note({
      at: clock.monotonic(),
      bytes: inventory.pendingBytes,
      room: Math.min(spoolBytesMax, freeBytes - freeBytesMin + inventory.bytes) - inventory.pendingBytes,
    });
    const { events, deadLetters } = sources.tally.totals();
    return [inventory.appendedLines, events + deadLetters];
  }

  async function report(): Promise<StatusReport> {
    const [stock, lag, space] = await Promise.all([
      sources.stocktaking.take(),
      sources.lag(),
      disk.space(segments),
    ]);
    const { inventory, books } = stock;
    const secondsToFull = fill.seconds();
    const isOff = books !== undefined && books.difference !== 0 && books.difference === differenceBefore;
    const problems = problemsOf(sources.status, lag, secondsToFull, isOff ? books.difference : 0);
    const [stored = [], delivered = []] = rates.series();
    return {
      service: config.serviceName,
      role: "forwarder",
      version: config.version,
      time: new Date(clock.now()).toISOString(),
      uptime_seconds: Math.round((clock.monotonic() - startedAt) / 1000),
      state: sources.status.readiness().ready ? (problems.length === 0 ? "healthy" : "degraded") : "failing",
      problems,
      rates: {
        interval_seconds: LOOK_MS / 1000,
        samples: LOOKS,
        series: [
          { label: "Stored", values: stored },
          { label: "Delivered", values: delivered },
        ],
      },
      disk: {
        ...shareOf(inventory),
        limit_bytes: spoolBytesMax,
        free_bytes: space.freeBytes,
        free_bytes_min: freeBytesMin,
        seconds_to_full: secondsToFull,
        segments: segmentsOf(inventory, sources.status.overdue()),
      },
      delivery: config.kafka.delivery,
      lag: lagOf(inventory, lag),
      books: books ?? null,
      dead_letters: sources.tally.deadLetters(),
    };
  }

  return { report, close: () => rates.close() };
}

function shareOf(inventory: Inventory): Pick<DiskReport, "spool_bytes" | "delivered_bytes"> {
  return { spool_bytes: inventory.bytes, delivered_bytes: inventory.bytes - inventory.pendingBytes };
}

function lagOf(inventory: Inventory, lag: Lag): LagReport {
  return {
    records: inventory.pendingLines,
    bytes: inventory.pendingBytes,
    oldest_age_seconds: lag.oldestAgeMs / 1000,
  };
}

function segmentsOf(inventory: Inventory, overdue: number): DiskReport["segments"] {
  return { total: inventory.segments, pending: inventory.pendingSegments, overdue };
}

function problemsOf(
  status: Pick<Status, "trouble" | "overdue">,
  lag: Lag,
  secondsToFull: number | null,
  difference: number,
): Problem[] {
  const problems: Problem[] = [];
  const trouble = status.trouble();
  if (trouble !== undefined) problems.push(trouble);
  if (secondsToFull !== null && secondsToFull < FULL_SECONDS_MIN) {
    problems.push({
      what: `The room for events ends in ${formatDuration(secondsToFull)}, if it goes on like this.`,
      remedy: "Bring delivery back, or give the spool more room: BUFFER_MAX_BYTES, a larger disk.",
    });
  }
  const overdue = status.overdue();
  if (overdue > 0) {
    problems.push({
      what: `${overdue} ${overdue === 1 ? "segment is" : "segments are"} past the retention and not delivered.`,
      remedy: "Nothing is deleted before it is delivered. Find out why delivery does not get on.",
    });
  }
  if (trouble === undefined && lag.oldestAgeMs > AGE_MAX_MS) {
    problems.push({
      what: `The oldest event that waits came ${formatDuration(lag.oldestAgeMs / 1000)} ago.`,
      remedy: "After an outage this falls by itself. If it grows, the broker or this machine is too slow.",
    });
  }
  if (difference !== 0) {
    problems.push({
      what: `The books are off by ${difference}.`,
      remedy: "Damage in the spool explains it where dead letters say so; their bytes are in quarantine.",
    });
  }
  return problems;
}
