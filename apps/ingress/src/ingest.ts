/**
 * The use case: a batch of events comes in, an outcome for each goes out.
 *
 * **Invariant:** nothing is called accepted before its line is on stable storage: all records of a batch, the
 * accepted and the rejected ones, are one append, and the answer waits for it.
 * **Invariant:** what happens here depends on the events alone; no protocol is known, only its name is passed on.
 */
import { admitBatch, spellId } from "@event-collector/contract";
import type {
  BatchAdmission,
  EventFailureCode,
  EventLimits,
  FailureCode,
  Refusal,
  SourceEvent,
  Violation,
} from "@event-collector/contract";
import { SpoolError } from "@event-collector/spool";
import { traceIdOf } from "@event-collector/operations";
import type { Clock, SpoolErrorCode, SpoolWriter } from "@event-collector/spool";
import type { Logger } from "pino";
import { createIdSeries } from "./ids.js";

export interface Batch {
  readonly events: readonly SourceEvent[];
  /** "rest", "connect", "grpc" or "grpc-web": for the record and the metrics. */
  readonly protocol: string;
  /** Names the request in the log. */
  readonly requestId: string;
  /** Those of the sender's key, if it may send less than others. */
  readonly limits?: EventLimits | undefined;
  readonly trace?: { readonly traceparent: string; readonly tracestate: string | undefined } | undefined;
}

export type Outcome =
  | { readonly accepted: true; readonly eventId: string }
  | {
      readonly accepted: false;
      /** The id it came with, if that could be read. */
      readonly eventId: string | undefined;
      readonly violations: readonly Violation[];
    };

export interface Receipt {
  /** `batch_` and a UUIDv7. */
  readonly batchId: string;
  /** RFC 3339 in UTC, with milliseconds. */
  readonly receivedAt: string;
  readonly accepted: number;
  readonly rejected: number;
  /** In the order of the events. */
  readonly outcomes: readonly Outcome[];
}

/** Either every event has an outcome and its record is stored, or the batch as a whole was refused. */
export type IngestResult =
  { readonly ok: true; readonly receipt: Receipt } | { readonly ok: false; readonly refusal: Refusal };

export type Ingest = (batch: Batch) => Promise<IngestResult>;

export interface IngestOptions {
  /** Events of one batch. */
  readonly eventsMax: number;
  readonly limits: EventLimits;
}

/** Hears what became of events. */
export interface IngestObserver {
  accepted(protocol: string, events: number): void;
  rejected(protocol: string, reason: EventFailureCode): void;
  /** A batch as a whole was refused. */
  refused(protocol: string, reason: FailureCode): void;
}

export function createIngest(
  writer: Pick<SpoolWriter, "append">,
  clock: Clock,
  logger: Logger,
  observer: IngestObserver,
  options: IngestOptions,
): Ingest {
  const refuse = (protocol: string, refusal: Refusal): IngestResult => {
    observer.refused(protocol, refusal.code);
    return { ok: false, refusal };
  };
  // Apart from what comes before it: while the disk is waited for, the events themselves need not be kept.
  const store = async (
    receipt: StoredBatch,
    protocol: string,
    requestId: string,
    trace: Batch["trace"],
  ): Promise<IngestResult> => {
    try {
      await writer.append(receipt.admission.records);
    } catch (error) {
      if (!(error instanceof SpoolError)) throw error;
      logger.warn(
        { error, requestId, traceId: traceIdOf(trace), events: receipt.admission.events },
        "append refused; the sender was told to try again",
      );
      return refuse(protocol, refusalOf(error.code));
    }
    observe(observer, protocol, receipt);
    return { ok: true, receipt };
  };
  const spellTime = createTimeSpeller();
  return ({ events, protocol, requestId, trace, limits }) => {
    const refusal = refuseSize(events.length, options.eventsMax);
    if (refusal !== undefined) return Promise.resolve(refuse(protocol, refusal));
    const receivedAt = spellTime(clock.now());
    const ids = createIdSeries();
    const batchId = `batch_${spellId(ids, ids.next())}`;
    const admission = admitBatch(events, limits ?? options.limits, { ids, receivedAt, protocol, trace });
    return store(new StoredBatch(batchId, receivedAt, admission), protocol, requestId, trace);
  };
}

/** RFC 3339 in UTC, with milliseconds. At full load many batches come in one millisecond. */
function createTimeSpeller(): (time: number) => string {
  let spelled = Number.NaN;
  let text = "";
  return (time) => {
    if (time !== spelled) {
      text = new Date(time).toISOString();
      spelled = time;
    }
    return text;
  };
}

function refuseSize(events: number, eventsMax: number): Refusal | undefined {
  if (events === 0) return { code: "empty_batch", message: "the batch holds no event" };
  if (events > eventsMax) {
    return { code: "batch_too_large", message: `the batch must hold at most ${eventsMax} events` };
  }
  return undefined;
}

/** Outcomes are made when they are asked for: few ask where every event was accepted. */
class StoredBatch implements Receipt {
  readonly batchId: string;
  readonly receivedAt: string;
  readonly admission: BatchAdmission;

  constructor(batchId: string, receivedAt: string, admission: BatchAdmission) {
    this.batchId = batchId;
    this.receivedAt = receivedAt;
    this.admission = admission;
  }

  get accepted(): number {
    return this.admission.events - this.rejected;
  }

  get rejected(): number {
    return this.admission.rejected.size;
  }

  get outcomes(): readonly Outcome[] {
    const { admission } = this;
    return Array.from({ length: admission.events }, (_, index) => {
      const rejected = admission.rejected.get(index);
      return rejected === undefined
        ? { accepted: true, eventId: admission.eventIdAt(index) }
        : { accepted: false, ...rejected };
    });
  }
}

function observe(observer: IngestObserver, protocol: string, { accepted, admission }: StoredBatch): void {
  for (const { violations } of admission.rejected.values()) {
    observer.rejected(protocol, violations[0]?.code ?? "invalid_type");
  }
  if (accepted > 0) observer.accepted(protocol, accepted);
}

const SPOOL_FAILURES: Readonly<Record<SpoolErrorCode, FailureCode>> = {
  spool_full: "spool_full",
  disk_full: "spool_full",
  write_failed: "spool_unavailable",
  sync_failed: "spool_unavailable",
  segment_lost: "spool_unavailable",
  stalled: "spool_unavailable",
  queue_full: "overloaded",
  // Lines are encoded here and their length follows from the limits of a request: a line that does not fit is a
  // mistake of this program.
  line_too_long: "internal",
  invalid_payload: "internal",
  closed: "draining",
  directory_unusable: "spool_unavailable",
  state_unwritable: "spool_unavailable",
};

/**
 * What a sender is told of a spool that refuses: why, and nothing of paths and system calls. After a timeout or a
 * failed sync the bytes may be on the disk all the same, so it is never said that nothing was stored.
 */
export function refusalOf(code: SpoolErrorCode): Refusal {
  return {
    code: SPOOL_FAILURES[code],
    message: "the events may or may not be stored; send them again later with the same event_id",
  };
}
