/**
 * What an operator sees of the ingress: the report behind the status page, kept up to date whether or not anybody
 * looks, so that the page shows the minutes before it was opened.
 */
import { createRates } from "@event-collector/operations";
import type { Problem, StatusReport } from "@event-collector/operations";
import type { Clock, SpoolErrorCode, SpoolWriter } from "@event-collector/spool";
import type { HealthReport } from "./health.js";
import type { Lifecycle } from "./lifecycle.js";
import type { Metrics } from "./metrics.js";
import type { IngressConfig } from "./settings.js";

export interface Lookout {
  report(): Promise<StatusReport>;
  close(): void;
}

export interface LookoutSources {
  readonly writer: Pick<SpoolWriter, "stats" | "readiness">;
  readonly metrics: Pick<Metrics, "totals" | "load">;
  readonly lifecycle: Pick<Lifecycle, "phase">;
  readonly health: () => HealthReport;
}

/** A look every five seconds for five minutes. */
const LOOK_MS = 5_000;
const LOOKS = 60;

export function createLookout(clock: Clock, sources: LookoutSources, config: IngressConfig): Lookout {
  const { writer, metrics, health } = sources;
  const { spoolBytesMax, freeBytesMin } = config.spool;
  const look = async (): Promise<readonly number[]> => {
    const { accepted, rejected } = await metrics.totals();
    return [accepted, rejected, writer.stats().failures];
  };
  const rates = createRates(clock, look, { intervalMs: LOOK_MS, samples: LOOKS, counts: 3 });

  async function report(): Promise<StatusReport> {
    const totals = await metrics.totals();
    const stats = writer.stats();
    const { service, version, timestamp, uptimeSeconds } = health();
    const [accepted = [], rejected = [], failures = []] = rates.series();
    const trouble = troubleOf(sources);
    const hasFailed = failures.some((rate) => rate !== null && rate > 0);
    return {
      service,
      role: "ingress",
      version,
      time: timestamp,
      uptime_seconds: Math.round(uptimeSeconds),
      state: trouble !== undefined ? "failing" : hasFailed ? "degraded" : "healthy",
      problems: [...(trouble === undefined ? [] : [trouble]), ...(hasFailed ? [FAILED_WRITES] : [])],
      rates: {
        interval_seconds: LOOK_MS / 1000,
        samples: LOOKS,
        series: [
          { label: "Accepted", values: accepted },
          { label: "Rejected", values: rejected },
        ],
      },
      disk: {
        spool_bytes: stats.spoolBytes,
        delivered_bytes: null,
        limit_bytes: spoolBytesMax,
        free_bytes: stats.freeBytes,
        free_bytes_min: freeBytesMin,
        // What is delivered goes when room is needed, and only the forwarder knows how much that is.
        seconds_to_full: null,
        segments: { total: stats.segments, pending: null, overdue: null },
      },
      writer: {
        accepted: totals.accepted,
        rejected: totals.rejected,
        requests_in_flight: metrics.load().requests,
        connections: metrics.load().connections,
        queue_bytes: stats.queueBytes,
        sync_seconds: totals.syncs === 0 ? null : totals.syncSeconds / totals.syncs,
        failed_groups: stats.failures,
      },
      rejections: totals.reasons,
    };
  }

  return { report, close: () => rates.close() };
}

const FAILED_WRITES: Problem = {
  what: "Writes to the spool failed in the last minutes.",
  remedy: "Their senders were told to try again. The log names the error: look at the disk.",
};

const FULL: Problem = {
  what: "The spool is full.",
  remedy:
    "Senders are told to try again. The forwarder makes room as soon as it delivers: see its status, or give the spool more room.",
};

const SLOW: Problem = {
  what: "The disk does not keep up.",
  remedy: "Senders are told to try again. If it stays so, look at the disk, or spread the load.",
};

const BROKEN: Problem = {
  what: "The disk cannot be written.",
  remedy: "It is tried again by itself. The log names the error: look at the disk and its rights.",
};

const TROUBLES: Readonly<Partial<Record<SpoolErrorCode, Problem>>> = {
  spool_full: FULL,
  disk_full: { ...FULL, what: "The file system is full." },
  stalled: SLOW,
  queue_full: SLOW,
};

function troubleOf({ writer, lifecycle }: LookoutSources): Problem | undefined {
  if (lifecycle.phase() !== "serving") {
    return {
      what: "It was told to stop.",
      remedy: "Requests under way are answered; new ones belong to another instance.",
    };
  }
  const readiness = writer.readiness();
  return readiness.ready ? undefined : (TROUBLES[readiness.code] ?? BROKEN);
}
