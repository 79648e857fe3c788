/**
 * The operations of REST as the description tells them: what is sent, what comes back, and which refusals can.
 *
 * **Invariant:** statuses of refusals stand nowhere here; they follow from the codes by contract's table.
 */
import type { FailureCode } from "@event-collector/contract";

/** The names of the schemas in the description. */
export type SchemaName =
  "Event" | "Batch" | "Receipt" | "EventError" | "Problem" | "Health" | "Readiness" | "BufferStats";

export interface Content {
  readonly mediaType: string;
  /** Undefined is text of no particular form. */
  readonly schema: SchemaName | undefined;
  readonly description?: string;
  readonly example: unknown;
}

export interface Answer {
  readonly status: number;
  readonly description: string;
  readonly content: Content;
}

export interface Operation {
  readonly id: string;
  readonly method: "get" | "post";
  readonly path: string;
  readonly tag: "Events" | "Operation" | "Description";
  readonly summary: string;
  readonly description: string;
  /** Whether it is answered without a key. */
  readonly open: boolean;
  readonly body?: readonly Content[];
  readonly answers: readonly Answer[];
  /** The refusals besides those of every operation. */
  readonly refusals: readonly FailureCode[];
}

/** What every operation can be refused for. */
export const COMMON_REFUSALS: readonly FailureCode[] = [
  "malformed_request",
  "origin_forbidden",
  "method_not_allowed",
  "request_timeout",
  "body_too_large",
  "headers_too_large",
  "rate_limited",
  "internal",
  "overloaded",
  "draining",
];

/** What an operation that wants a key can be refused for. */
export const KEY_REFUSALS: readonly FailureCode[] = ["unauthenticated", "permission_denied"];

/** Codes that are no answer of an operation, each with the reason. */
export const ELSEWHERE: Readonly<Partial<Record<FailureCode, string>>> = {
  not_found: "The answer at every path that is none of these.",
  canceled: "Only in logs and metrics: the caller has gone and reads no answer.",
};

const SPOOL_REFUSALS: readonly FailureCode[] = ["spool_full", "spool_unavailable", "not_ready"];

const EVENT_EXAMPLE = {
  learner_id: "learner123",
  course_id: "course456",
  lesson_id: "lesson789",
  event_type: "lesson_completed",
  event_data: { score: 95 },
  timestamp: "2024-01-15T10:30:00Z",
};

const RECEIPT_EXAMPLE = {
  success: true,
  batch_id: "batch_0197c1f4-5d2e-7c3b-9a46-8f0e1d2c3b4a",
  accepted: 1,
  rejected: 0,
  timestamp: "2024-01-15T10:30:01.042Z",
};

const REJECTION_EXAMPLE = {
  ...RECEIPT_EXAMPLE,
  success: false,
  accepted: 0,
  rejected: 1,
  errors: [
    {
      index: 0,
      code: "missing_field",
      message: "learner_id is required and must not be empty",
      pointer: "/events/0/learner_id",
    },
  ],
};

const collect: Operation = {
  id: "collect",
  method: "post",
  path: "/collect",
  tag: "Events",
  summary: "Collect a batch of events",
  description: [
    "Each event is judged alone: good ones are accepted beside bad ones, and `errors` names the bad ones. The answer is",
    "200 if at least one was accepted and 422 if none was.",
    "\n\nAn acceptance means that the event is on stable storage. An answer that does not say so says nothing about what",
    "is stored: send the same events again, with the same `event_id`s.",
    "\n\nThe body may be compressed: `Content-Encoding` names one of `gzip`, `deflate`, `br` and, where the service runs",
    "on a Node that has it, `zstd`. Limits count decoded bytes.",
  ].join(" "),
  open: false,
  body: [
    { mediaType: "application/json", schema: "Batch", example: { events: [EVENT_EXAMPLE] } },
    {
      mediaType: "application/x-ndjson",
      schema: undefined,
      description: [
        "One event a line, each as in `Event`, up to MAX_NDJSON_BYTES, stored while it arrives. A line that is not JSON",
        "is judged alone. `application/ndjson` and `application/jsonl` mean the same.",
      ].join(" "),
      example: `${JSON.stringify(EVENT_EXAMPLE)}\n`,
    },
    {
      mediaType: "text/plain",
      schema: undefined,
      description:
        "The same as `application/json`, for `navigator.sendBeacon`, which needs no preflight then.",
      example: JSON.stringify({ events: [EVENT_EXAMPLE] }),
    },
  ],
  answers: [
    {
      status: 200,
      description: "At least one event is stored.",
      content: { mediaType: "application/json", schema: "Receipt", example: RECEIPT_EXAMPLE },
    },
    {
      status: 422,
      description: "Every event was rejected.",
      content: { mediaType: "application/json", schema: "Receipt", example: REJECTION_EXAMPLE },
    },
  ],
  refusals: [
    "malformed_json",
    "malformed_compression",
    "body_too_deep",
    "invalid_batch",
    "empty_batch",
    "batch_too_large",
    "unsupported_media_type",
    "unsupported_encoding",
    ...SPOOL_REFUSALS,
  ],
};

const health: Operation = {
  id: "health",
  method: "get",
  path: "/health",
  tag: "Operation",
  summary: "Is it alive?",
  description: "Answers as long as the process can answer at all. For liveness probes.",
  open: true,
  answers: [
    {
      status: 200,
      description: "It is alive.",
      content: {
        mediaType: "application/json",
        schema: "Health",
        example: {
          status: "healthy",
          service: "event-collector",
          version: "1.0.0",
          timestamp: "2024-01-15T10:30:01.042Z",
          uptime_seconds: 86400.042,
        },
      },
    },
  ],
  refusals: [],
};

const ready: Operation = {
  id: "ready",
  method: "get",
  path: "/ready",
  tag: "Operation",
  summary: "Would events be accepted?",
  description: [
    "For load balancers and readiness probes. The broker plays no part in it: events are accepted while the broker is",
    "down.",
  ].join(" "),
  open: true,
  answers: [
    {
      status: 200,
      description: "Events would be accepted.",
      content: {
        mediaType: "application/json",
        schema: "Readiness",
        example: { ready: true, timestamp: "2024-01-15T10:30:01.042Z" },
      },
    },
  ],
  refusals: SPOOL_REFUSALS,
};

const metrics: Operation = {
  id: "metrics",
  method: "get",
  path: "/metrics",
  tag: "Operation",
  summary: "Metrics for Prometheus",
  description: "In the text format of Prometheus.",
  open: false,
  answers: [
    {
      status: 200,
      description: "The metrics.",
      content: {
        mediaType: "text/plain",
        schema: undefined,
        example: 'collector_events_accepted_total{protocol="rest"} 42\n',
      },
    },
  ],
  refusals: [],
};

const bufferStats: Operation = {
  id: "bufferStats",
  method: "get",
  path: "/buffer/stats",
  tag: "Operation",
  summary: "How full is the buffer?",
  description: "What was written since the start, by all workers, and what the spool directory holds.",
  open: false,
  answers: [
    {
      status: 200,
      description: "The figures.",
      content: {
        mediaType: "application/json",
        schema: "BufferStats",
        example: {
          ready: true,
          instance: "0197c1f45d2e7c3b9a468f0e1d2c3b4a",
          segment: "1705314600000-0197c1f45d2e7c3b9a468f0e1d2c3b4a-000001.ndjson",
          segments: 3,
          spool_bytes: 1048576,
          free_bytes: 21474836480,
          queue_bytes: 0,
          written: { lines: 4200, bytes: 983040, groups: 310, failures: 0 },
        },
      },
    },
  ],
  refusals: [],
};

const status: Operation = {
  id: "status",
  method: "get",
  path: "/status",
  tag: "Operation",
  summary: "How is it, and why?",
  description:
    "What the page at `/` shows: the state with its problems and what to do about them, events per second in the last minutes, the disk, and what was accepted and rejected since the start.",
  open: false,
  answers: [
    {
      status: 200,
      description: "The status; `state` is `healthy`, `degraded` or `failing`.",
      content: {
        mediaType: "application/json",
        schema: undefined,
        example: {
          service: "event-collector",
          role: "ingress",
          version: "1.0.0",
          time: "2024-01-15T10:30:00.000Z",
          uptime_seconds: 3600,
          state: "healthy",
          problems: [],
          rates: {
            interval_seconds: 5,
            samples: 60,
            series: [
              { label: "Accepted", values: [1200.4, 1187] },
              { label: "Rejected", values: [0, 0.2] },
            ],
          },
          disk: {
            spool_bytes: 1048576,
            delivered_bytes: null,
            limit_bytes: 10737418240,
            free_bytes: 21474836480,
            free_bytes_min: 268435456,
            seconds_to_full: null,
            segments: { total: 3, pending: null, overdue: null },
          },
          writer: {
            accepted: 4200,
            rejected: 1,
            requests_in_flight: 2,
            connections: 12,
            queue_bytes: 0,
            sync_seconds: 0.0004,
            failed_groups: 0,
          },
          rejections: [{ reason: "unknown_event_type", count: 1 }],
        },
      },
    },
  ],
  refusals: [],
};

const description: Operation = {
  id: "description",
  method: "get",
  path: "/openapi.json",
  tag: "Description",
  summary: "This description",
  description: "In OpenAPI 3.1, with the limits of this very service.",
  open: true,
  answers: [
    {
      status: 200,
      description: "The description.",
      content: { mediaType: "application/json", schema: undefined, example: { openapi: "3.1.0" } },
    },
  ],
  refusals: [],
};

const page: Operation = {
  id: "docs",
  method: "get",
  path: "/docs",
  tag: "Description",
  summary: "This description as a page",
  description: "One page without scripts; it loads nothing else.",
  open: true,
  answers: [
    {
      status: 200,
      description: "The page.",
      content: { mediaType: "text/html", schema: undefined, example: "<!doctype html>…" },
    },
  ],
  refusals: [],
};

export const OPERATIONS: readonly Operation[] = [
  collect,
  health,
  ready,
  metrics,
  bufferStats,
  status,
  description,
  page,
];
