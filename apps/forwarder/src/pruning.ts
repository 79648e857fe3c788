/**
 * When delivered segments are deleted: regularly, right after this forwarder has proved to the broker that the spool
 * is still its own, so that a fenced one deletes nothing.
 *
 * While the broker is away nothing can be proved, and room may be needed all the more: then it prunes unproved after
 * a while. That is safe by itself, for only what was confirmed is deleted.
 */
import { prune } from "@event-collector/spool";
import type {
  Clock,
  Disk,
  Instance,
  Positions,
  PruneOptions,
  PruneReport,
  SpoolLayout,
} from "@event-collector/spool";

export interface PruningOptions {
  readonly prune: PruneOptions;
  readonly intervalMs: number;
  readonly positions: () => Positions;
  readonly onReport: (report: PruneReport) => void;
  readonly onFailure: (error: unknown) => void;
}

export interface Pruning {
  /** True, once in each interval, if it is time to prove ownership and then to start. */
  due(): boolean;
  /** Prunes in the background. */
  start(): void;
  /** Instances without segments, whose positions may be forgotten. */
  gone(): readonly Instance[];
  close(): Promise<void>;
}

/** Without a proof for so many intervals, the broker is away. */
const UNPROVED_INTERVALS = 4;

export function createPruning(
  disk: Disk,
  clock: Clock,
  layout: SpoolLayout,
  options: PruningOptions,
): Pruning {
  let askedAt = clock.monotonic();
  let startedAt = clock.monotonic();
  let running: Promise<void> | undefined;
  /** Where the instances stood that were found without segments. */
  let gone: Positions = new Map();

  async function run(): Promise<void> {
    try {
      const positions = new Map(options.positions());
      const report = await prune(disk, clock, layout, positions, options.prune);
      gone = new Map([...positions].filter(([instance]) => report.gone.includes(instance)));
      options.onReport(report);
    } catch (error) {
      options.onFailure(error);
    }
    running = undefined;
  }

  function start(): void {
    startedAt = clock.monotonic();
    running ??= run();
  }

  const timer = setInterval(() => {
    if (clock.monotonic() - startedAt >= UNPROVED_INTERVALS * options.intervalMs) start();
  }, options.intervalMs);
  timer.unref();

  function due(): boolean {
    const now = clock.monotonic();
    if (running !== undefined || now - askedAt < options.intervalMs) return false;
    askedAt = now;
    return true;
  }

  /** One that moved meanwhile had segments again. */
  function stillGone(): readonly Instance[] {
    const positions = options.positions();
    return [...gone].flatMap(([instance, position]) =>
      positions.get(instance) === position ? [instance] : [],
    );
  }

  async function close(): Promise<void> {
    clearInterval(timer);
    await running;
  }

  return { due, start, gone: stillGone, close };
}
