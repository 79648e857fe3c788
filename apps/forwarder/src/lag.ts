/**
 * How far delivery is behind, seen from outside the loop: the loop itself may hang on the broker for hours, and that
 * is when the figure counts.
 */
import { openReader } from "@event-collector/spool";
import type {
  Backlog,
  Clock,
  Disk,
  Instance,
  Positions,
  ReaderOptions,
  SpoolReader,
} from "@event-collector/spool";
import { EventRun } from "./event-run.js";
import type { Freight } from "./event-run.js";
import type { Observer } from "./observer.js";
import type { Progress } from "./progress.js";

export interface Lag {
  /** Bytes that are not confirmed. */
  readonly bytes: number;
  readonly segments: number;
  /** Of all segments. */
  readonly bytesTotal: number;
  readonly segmentsTotal: number;
  /** Age of the oldest line that is not confirmed; 0 if all are. */
  readonly oldestAgeMs: number;
}

export interface LagMeter {
  readonly observer: Pick<Observer, "windowBegun" | "windowEnded">;
  measure(reader: Pick<SpoolReader, "positions">): Promise<Lag>;
}

/** Measures what stands behind the positions. */
export type Scout = (positions: Positions) => Promise<Backlog>;

/** A look at the spool as it is now, with a reader of its own that reads no line. */
export function createScout(disk: Disk, clock: Clock, options: ReaderOptions): Scout {
  return async (positions) => {
    const reader = openReader(disk, clock, options, positions);
    try {
      await reader.read({ linesMax: 0, bytesMax: 0 });
      return await reader.backlog();
    } finally {
      await reader.close();
    }
  };
}

export function createLag(clock: Clock, scout: Scout, progress: Pick<Progress, "positions">): LagMeter {
  let underWay: readonly Freight[] = [];
  return {
    observer: {
      windowBegun: (entries) => {
        underWay = entries;
      },
      windowEnded: () => {
        underWay = [];
      },
    },
    measure: async (reader) => {
      // With nothing under way the reader's positions are as good, and stand behind seals, which hold no lines.
      const isIdle = underWay.length === 0;
      const backlog = await scout(isIdle ? reader.positions() : progress.positions());
      const oldestAt = Math.min(backlog.oldestModifiedAt ?? Infinity, oldestReceivedAt(underWay));
      return {
        bytes: backlog.bytes,
        segments: backlog.segments,
        bytesTotal: backlog.bytesTotal,
        segmentsTotal: backlog.segmentsTotal,
        oldestAgeMs: Number.isFinite(oldestAt) ? Math.max(0, clock.now() - oldestAt) : 0,
      };
    },
  };
}

function oldestReceivedAt(entries: readonly Freight[]): number {
  let oldest = Infinity;
  const seen = new Set<Instance>();
  for (const each of entries) {
    // Lines of an instance stand in the order in which they were received, but for the time of a request.
    const { instance } = each instanceof EventRun ? each : each.item;
    if (seen.has(instance)) continue;
    const receivedAt = each instanceof EventRun ? each.receivedAt(0) : each.outgoing?.receivedAt;
    if (receivedAt === undefined) continue;
    seen.add(instance);
    oldest = Math.min(oldest, Date.parse(receivedAt));
  }
  return oldest;
}
