/** The buffer as all workers see it: one spool, and what each of them wrote to it. */
import type { BufferStats, WrittenStats } from "../buffer-stats.js";

/** By the numbers of the workers; at least one. */
export function mergeStats(all: ReadonlyMap<number, BufferStats>): BufferStats {
  const stats = [...all.values()];
  const sum = (read: (one: BufferStats) => number): number =>
    stats.reduce((total, one) => total + read(one), 0);
  const written = (read: (one: WrittenStats) => number): number => sum((one) => read(one.written));
  return {
    ready: stats.every(({ ready }) => ready),
    instance: null,
    segment: null,
    segments: Math.max(...stats.map(({ segments }) => segments)),
    spool_bytes: Math.max(...stats.map((one) => one.spool_bytes)),
    free_bytes: Math.min(...stats.map((one) => one.free_bytes)),
    queue_bytes: sum((one) => one.queue_bytes),
    written: {
      lines: written(({ lines }) => lines),
      bytes: written(({ bytes }) => bytes),
      groups: written(({ groups }) => groups),
      failures: written(({ failures }) => failures),
    },
    workers: [...all]
      .toSorted(([a], [b]) => a - b)
      .map(([worker, one]) => ({
        worker,
        ready: one.ready,
        instance: one.instance,
        segment: one.segment,
        queue_bytes: one.queue_bytes,
        written: one.written,
      })),
  };
}
