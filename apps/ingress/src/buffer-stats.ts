/** How full the spool is and what was written to it: the answer of `/buffer/stats`. */
import type { SpoolWriter } from "@event-collector/spool";

export interface BufferStats {
  readonly ready: boolean;
  /** Of the process; null where several answer together. */
  readonly instance: string | null;
  /** The segment that takes the next group, if one is open and there is but one process. */
  readonly segment: string | null;
  readonly segments: number;
  readonly spool_bytes: number;
  readonly free_bytes: number;
  readonly queue_bytes: number;
  readonly written: WrittenStats;
  /** Where there are several: what each wrote, by its number. */
  readonly workers?: readonly WorkerStats[];
}

export interface WrittenStats {
  readonly lines: number;
  readonly bytes: number;
  readonly groups: number;
  readonly failures: number;
}

export interface WorkerStats {
  readonly worker: number;
  readonly ready: boolean;
  readonly instance: string | null;
  readonly segment: string | null;
  readonly queue_bytes: number;
  readonly written: WrittenStats;
}

export function bufferStatsOf(writer: Pick<SpoolWriter, "stats" | "readiness">): BufferStats {
  const stats = writer.stats();
  return {
    ready: writer.readiness().ready,
    instance: stats.instance,
    segment: stats.segment ?? null,
    segments: stats.segments,
    spool_bytes: stats.spoolBytes,
    free_bytes: stats.freeBytes,
    queue_bytes: stats.queueBytes,
    written: { lines: stats.lines, bytes: stats.bytes, groups: stats.groups, failures: stats.failures },
  };
}
