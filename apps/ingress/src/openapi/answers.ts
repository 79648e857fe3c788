/** The bodies that REST answers with, as schemas: what the description of the API shows and its tests hold answers to. */
import { FAILURES, isEventFailureCode } from "@event-collector/contract";
import type { EventFailureCode, FailureCode } from "@event-collector/contract";
import * as v from "valibot";
import type { RequestLimit } from "../refusal.js";

/** What one event can be refused for. */
export const EVENT_CODES: readonly EventFailureCode[] = Object.keys(FAILURES).filter(isEventFailureCode);

/** What a whole request can be refused for: of the codes of an event only one, when no event could be read. */
export const REQUEST_CODES: readonly FailureCode[] = (Object.keys(FAILURES) as FailureCode[]).filter(
  (code) => code === "malformed_json" || !isEventFailureCode(code),
);

/** What each code means, in the extension that readers of descriptions know. */
function meanings(codes: readonly FailureCode[]): Record<string, string> {
  return Object.fromEntries(codes.map((code) => [code, `${FAILURES[code].title} (${FAILURES[code].http}).`]));
}

function text(description: string, ...examples: string[]) {
  return v.pipe(v.string(), v.metadata({ description, ...(examples.length > 0 && { examples }) }));
}

function moment(description: string) {
  return v.pipe(
    v.string(),
    v.metadata({ description, format: "date-time", examples: ["2024-01-15T10:30:01.042Z"] }),
  );
}

function count(description: string) {
  return v.pipe(v.number(), v.integer(), v.minValue(0), v.metadata({ description }));
}

function flag(description: string) {
  return v.pipe(v.boolean(), v.metadata({ description }));
}

export const eventError: v.GenericSchema = v.pipe(
  v.object({
    index: count("The position of the event in its batch, counted from 0."),
    event_id: v.exactOptional(text("The event's id, if it came with a readable one.")),
    code: v.pipe(
      v.picklist(EVENT_CODES),
      v.metadata({
        description: "The reason, stable and made for machines. More may be added.",
        "x-enumDescriptions": meanings(EVENT_CODES),
      }),
    ),
    message: text("The reason for people."),
    pointer: text("Where in the body, as an RFC 6901 JSON pointer.", "/events/0/learner_id"),
  }),
  v.metadata({ description: "One reason why one event was refused." }),
);

export const receipt: v.GenericSchema = v.pipe(
  v.object({
    success: flag("True if no event was rejected."),
    batch_id: text("Names this request in logs and in the dead-letter topic.", "batch_0197c1f4"),
    accepted: count("How many events are on stable storage."),
    rejected: count("How many events were refused. They go to the dead-letter topic with their reasons."),
    timestamp: moment("When the batch was received; it is published as `received_at`."),
    errors: v.exactOptional(
      v.pipe(
        v.array(eventError),
        v.metadata({ description: "Why events were refused. One event can have several entries." }),
      ),
    ),
    errors_omitted: v.exactOptional(
      count("How many further reasons there are, where a body of NDJSON has more than an answer tells."),
    ),
  }),
  v.metadata({
    description:
      "What became of a batch. `accepted` and `rejected` add up to the number of events that were sent.",
  }),
);

const UNITS: readonly RequestLimit["unit"][] = [
  "events",
  "bytes",
  "levels",
  "requests",
  "requests per second",
];

export const problem: v.GenericSchema = v.pipe(
  v.object({
    type: text("Names the kind of problem.", "urn:event-collector:problem:malformed_json"),
    title: text("The kind of problem, for people."),
    status: v.pipe(v.number(), v.integer(), v.metadata({ description: "The status of the answer." })),
    detail: text("What it was this time, for people."),
    code: v.pipe(
      v.picklist(REQUEST_CODES),
      v.metadata({
        description: "The kind of problem, stable and made for machines. More may be added.",
        "x-enumDescriptions": meanings(REQUEST_CODES),
      }),
    ),
    retryable: flag("True if the same request may succeed later. Send it again after `Retry-After` seconds."),
    request_id: text("Names this request in logs; the same as `X-Request-Id`."),
    limit: v.exactOptional(count("The limit that was exceeded, if it was one.")),
    unit: v.exactOptional(v.pipe(v.picklist(UNITS), v.metadata({ description: "What is counted." }))),
    accepted: v.exactOptional(count("Of a body of NDJSON: events that are on stable storage all the same.")),
    rejected: v.exactOptional(count("Of a body of NDJSON: events that were refused before it ended.")),
    lines: v.exactOptional(
      count("Of a body of NDJSON: lines from its beginning that are settled. Go on after them."),
    ),
  }),
  v.metadata({
    description: [
      "Why the request as a whole was refused (RFC 9457). No event of it counts as accepted, except of a body of NDJSON",
      "that was refused on its way: then `accepted`, `rejected` and `lines` tell what is settled.",
    ].join(" "),
  }),
);

export const health: v.GenericSchema = v.pipe(
  v.object({
    status: v.pipe(
      v.picklist(["healthy", "degraded"]),
      v.metadata({ description: "`degraded` while the service is alive but not ready." }),
    ),
    service: text("The configured name of the service.", "event-collector"),
    version: text("The configured version of the service.", "1.0.0"),
    timestamp: moment("Now."),
    uptime_seconds: v.pipe(
      v.number(),
      v.minValue(0),
      v.metadata({ description: "How long the process has run." }),
    ),
  }),
  v.metadata({ description: "How the process is." }),
);

export const readiness: v.GenericSchema = v.pipe(
  v.object({ ready: v.pipe(v.literal(true)), timestamp: moment("Now.") }),
  v.metadata({ description: "Events would be accepted at this moment." }),
);

function orNull(description: string) {
  return v.pipe(v.nullable(v.string()), v.metadata({ description }));
}

const written = v.object({
  lines: count("Events, accepted and rejected, since the start of the process."),
  bytes: count("Their bytes."),
  groups: count("Syncs that made them durable."),
  failures: count("Writes and syncs that failed."),
});

const ofWriter = {
  ready: flag("Whether events would be accepted."),
  instance: orNull(
    "This run of this process; segments carry it in their names. null where there are workers.",
  ),
  segment: orNull("The file that is written at present, by a process that is alone."),
  queue_bytes: count("Bytes that wait for the disk."),
  written,
};

export const bufferStats: v.GenericSchema = v.pipe(
  v.object({
    ...ofWriter,
    segments: count("Files in the spool."),
    spool_bytes: count("Bytes in the spool, delivered ones that are still kept included."),
    free_bytes: count("Bytes free on the file system."),
    workers: v.optional(
      v.pipe(
        v.array(v.object({ worker: count("Its number, from 1 on."), ...ofWriter })),
        v.metadata({ description: "What each of several workers (INGRESS_WORKERS) wrote." }),
      ),
    ),
  }),
  v.metadata({ description: "How full the buffer is." }),
);
