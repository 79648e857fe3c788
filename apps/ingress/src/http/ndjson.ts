/**
 * `POST /collect` with one event a line, stored group by group while the body arrives.
 *
 * A malformed line is rejected alone, as a bad event is. Whatever else goes wrong ends the request; then the answer
 * says how many lines from the beginning are settled, so that the sender can go on after them.
 *
 * **Invariant:** nothing is stored after a group that could not be: the settled lines are a beginning of the body.
 * **Invariant:** at most two groups are in memory: one that is being stored, and the next one that is read meanwhile.
 */
import type { Readable } from "node:stream";
import { BODY_DEPTH_MAX, readLines } from "@event-collector/contract";
import type { Ingest, IngestResult } from "../ingest.js";
import type { ServiceRefusal } from "../refusal.js";
import { UNCOUNTED } from "../server/body-budget.js";
import type { Exchange } from "../server/exchange.js";
import { BodyRefused, streamBody } from "./body-stream.js";
import type { StreamDecoders } from "./decompress.js";
import { groupLines } from "./line-groups.js";
import type { LineGroup } from "./line-groups.js";
import { createTally } from "./receipt.js";
import type { Tally } from "./receipt.js";

export interface NdjsonOptions {
  /** Lines of one group. */
  readonly eventsMax: number;
  /** Bytes of one group, and of one line. */
  readonly batchBytesMax: number;
  /** Bytes of one body, before and after decompression. */
  readonly bytesMax: number;
  readonly expansionMax: number;
  readonly rejectedMax: number;
  readonly decoders: StreamDecoders;
  /** Aborted when the service is about to end: no further group is begun. */
  readonly leaving: AbortSignal;
}

export interface NdjsonReading {
  readonly tally: Tally;
  /** Lines of the body whose events are settled. */
  readonly lines: number;
  /** Why the rest was not read, if it was not. */
  readonly refusal: ServiceRefusal | undefined;
}

/** Reasons that one answer tells. A body of a million bad lines must not make an answer as long. */
const ERRORS_MAX = 1_000;

interface Upload {
  readonly ingest: Ingest;
  readonly exchange: Exchange | undefined;
  readonly options: NdjsonOptions;
  readonly tally: Tally;
  lines: number;
}

export async function collectLines(
  ingest: Ingest,
  source: Readable,
  encoding: string | undefined,
  exchange: Exchange | undefined,
  options: NdjsonOptions,
): Promise<NdjsonReading> {
  const upload: Upload = { ingest, exchange, options, tally: createTally(ERRORS_MAX), lines: 0 };
  const chunks = streamBody(
    source,
    encoding,
    { ...options, expansionFreeBytes: options.batchBytesMax },
    options.decoders,
    exchange?.hold ?? UNCOUNTED,
  );
  const refusal = await storeGroups(upload, chunks);
  const { tally, lines } = upload;
  if (refusal !== undefined || tally.accepted + tally.rejected > 0) return { tally, lines, refusal };
  return { tally, lines, refusal: { code: "empty_batch", message: "the batch holds no event" } };
}

/** A group on its way to the disk, and where its lines end. */
interface Storing {
  readonly result: Promise<IngestResult>;
  readonly linesEnd: number;
}

/** Resolves with why it stopped before the end of the body, or undefined. */
async function storeGroups(
  upload: Upload,
  chunks: AsyncIterable<Buffer>,
): Promise<ServiceRefusal | undefined> {
  const { eventsMax: linesMax, batchBytesMax: bytesMax } = upload.options;
  let storing: Storing | undefined;
  let refusal: ServiceRefusal | undefined;
  try {
    for await (const group of groupLines(chunks, { linesMax, bytesMax })) {
      refusal = (await settle(upload, storing)) ?? (await mayGoOn(upload));
      storing = undefined;
      if (refusal === undefined) {
        storing = store(upload, group);
        if (group.isBeforeLongLine) refusal = lineTooLong(bytesMax);
      }
      if (refusal !== undefined) break;
    }
  } catch (error) {
    if (!(error instanceof BodyRefused)) throw error;
    ({ refusal } = error);
  }
  return (await settle(upload, storing)) ?? refusal;
}

/** Waits until the group is stored and counts it; resolves with why it was not, or undefined. */
async function settle(upload: Upload, storing: Storing | undefined): Promise<ServiceRefusal | undefined> {
  if (storing === undefined) return undefined;
  const result = await storing.result;
  upload.exchange?.hold.release();
  if (!result.ok) return result.refusal;
  upload.tally.add(result.receipt);
  upload.lines = storing.linesEnd;
  return undefined;
}

async function mayGoOn({ options, exchange, tally }: Upload): Promise<ServiceRefusal | undefined> {
  const { rejectedMax } = options;
  if (tally.rejected >= rejectedMax) {
    return {
      code: "invalid_batch",
      message: `${rejectedMax} lines of one body may be rejected, and ${tally.rejected} were`,
      limit: { limit: rejectedMax, unit: "events" },
    };
  }
  if (options.leaving.aborted && tally.accepted + tally.rejected > 0) {
    return { code: "draining", message: "send the remaining lines again; another instance will take them" };
  }
  return exchange?.permit();
}

function store({ ingest, exchange }: Upload, { bytes, linesEnd }: LineGroup): Storing | undefined {
  const reading = readLines(bytes, { eventsMax: Infinity, bodyDepthMax: BODY_DEPTH_MAX });
  // A group of blank lines.
  if (!reading.ok) return undefined;
  const result = ingest({
    events: reading.events,
    protocol: "rest",
    requestId: exchange?.id ?? "",
    trace: exchange?.trace,
    limits: exchange?.key?.eventLimits,
  });
  // It is awaited later; a failure until then must not look as if nobody cared.
  result.catch(() => undefined);
  return { result, linesEnd };
}

function lineTooLong(bytesMax: number): ServiceRefusal {
  return {
    code: "body_too_large",
    message: `a line must have at most ${bytesMax} bytes`,
    limit: { limit: bytesMax, unit: "bytes" },
  };
}
