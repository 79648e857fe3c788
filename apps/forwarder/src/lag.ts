/**
 * How far delivery is behind: what the spool holds that was not read yet, and the window that was read and is not
 * confirmed. With the broker away for hours the second may be all there is, and its age is what counts.
 */
import type { Clock, SpoolReader } from "@event-collector/spool";
import type { Entry } from "./entry.js";
import type { Observer } from "./observer.js";

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
  measure(reader: Pick<SpoolReader, "backlog">): Promise<Lag>;
}

export function createLag(clock: Clock): LagMeter {
  let underWay: readonly Entry[] = [];
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
      const backlog = await reader.backlog();
      const bytes = underWay.reduce((sum, { item }) => sum + item.next.offset - item.position.offset, 0);
      const segments = new Set(underWay.map(({ item }) => item.position.segment)).size;
      const oldestAt = Math.min(backlog.oldestModifiedAt ?? Infinity, oldestReceivedAt(underWay));
      return {
        bytes: backlog.bytes + bytes,
        segments: Math.max(backlog.segments, segments),
        bytesTotal: backlog.bytesTotal,
        segmentsTotal: backlog.segmentsTotal,
        oldestAgeMs: Number.isFinite(oldestAt) ? Math.max(0, clock.now() - oldestAt) : 0,
      };
    },
  };
}

function oldestReceivedAt(entries: readonly Entry[]): number {
  let oldest = Infinity;
  for (const { outgoing } of entries) {
    if (outgoing?.receivedAt !== undefined) oldest = Math.min(oldest, Date.parse(outgoing.receivedAt));
  }
  return oldest;
}
