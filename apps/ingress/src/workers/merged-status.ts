/** The status of all workers as one: the worst state, every problem once, sums of what each does by itself. */
import type { Problem, RateSeries, StatusReport, WriterReport } from "@event-collector/operations";
import type { WriterTotals } from "../metrics.js";

export interface StatusParts {
  /** At least one. */
  readonly reports: readonly StatusReport[];
  /** What was counted by all, those that have ended among them. */
  readonly totals: WriterTotals;
  readonly failedGroups: number;
  /** Workers that should serve. */
  readonly workers: number;
  readonly uptimeSeconds: number;
}

const STATES = ["healthy", "degraded", "failing"] as const;

export function mergeStatus({ reports, ...parts }: StatusParts): StatusReport {
  const [first] = reports;
  if (first === undefined) throw new Error("there is no report to merge");
  const missing = parts.workers - reports.length;
  const problems = [
    ...reports.flatMap((report) => report.problems),
    ...(missing > 0 ? [missingWorkers(missing, parts.workers)] : []),
  ];
  return {
    ...first,
    uptime_seconds: Math.round(parts.uptimeSeconds),
    state: worst([...reports.map(({ state }) => state), missing > 0 ? "degraded" : "healthy"]),
    problems: [...new Map(problems.map((problem) => [problem.what, problem])).values()],
    rates: addSeries(reports.map(({ rates }) => rates)),
    disk: {
      ...first.disk,
      spool_bytes: Math.max(...reports.map(({ disk }) => disk.spool_bytes)),
      free_bytes: Math.min(...reports.map(({ disk }) => disk.free_bytes)),
      segments: {
        ...first.disk.segments,
        total: Math.max(...reports.map(({ disk }) => disk.segments.total)),
      },
    },
    writer: mergeWriters(
      reports.flatMap(({ writer }) => writer ?? []),
      parts,
    ),
    rejections: parts.totals.reasons,
  };
}

function mergeWriters(
  writers: readonly WriterReport[],
  { totals, failedGroups }: Pick<StatusParts, "totals" | "failedGroups">,
): WriterReport {
  const sum = (read: (writer: WriterReport) => number): number =>
    writers.reduce((total, writer) => total + read(writer), 0);
  return {
    accepted: totals.accepted,
    rejected: totals.rejected,
    requests_in_flight: sum((writer) => writer.requests_in_flight),
    connections: sum((writer) => writer.connections),
    queue_bytes: sum((writer) => writer.queue_bytes),
    sync_seconds: totals.syncs === 0 ? null : totals.syncSeconds / totals.syncs,
    failed_groups: failedGroups,
  };
}

function missingWorkers(missing: number, workers: number): Problem {
  return {
    what: `${missing} of ${workers} workers ${missing === 1 ? "is" : "are"} being replaced.`,
    remedy: "The others serve meanwhile. The log says how it ended: look there if it happens again.",
  };
}

function worst(states: readonly StatusReport["state"][]): StatusReport["state"] {
  return STATES[Math.max(...states.map((state) => STATES.indexOf(state)))] ?? "failing";
}

/** Adds them up from their newest values backwards: a worker that was replaced has a shorter past. */
function addSeries(all: readonly RateSeries[]): RateSeries {
  const [first] = all;
  if (first === undefined) throw new Error("there are no series to add");
  return {
    ...first,
    series: first.series.map(({ label }) => ({
      label,
      values: addValues(all.map(({ series }) => series.find((one) => one.label === label)?.values ?? [])),
    })),
  };
}

function addValues(lists: readonly (readonly (number | null)[])[]): (number | null)[] {
  const length = Math.max(...lists.map((values) => values.length));
  return Array.from({ length }, (_, index) => {
    const known = lists.flatMap((values) => values.at(index - length) ?? []);
    return known.length === 0 ? null : known.reduce((sum, value) => sum + value, 0);
  });
}
