/** `POST /collect`: a body of events in, an outcome for each out. */
import { BODY_DEPTH_MAX, readBatch, readLines } from "@event-collector/contract";
import type { BatchLimits, BatchReading, Refusal } from "@event-collector/contract";
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import type { Ingest, Outcome, Receipt } from "../ingest.js";
import type { RestContext, RestHandler, Refuse } from "./app.js";
import { readBody } from "./body.js";
import { decompress, ENCODINGS } from "./decompress.js";

export interface CollectOptions {
  /** Events of one body. */
  readonly eventsMax: number;
  /** Bytes of one body, before and after decompression. */
  readonly bytesMax: number;
}

type BodyReader = (body: Uint8Array, limits: BatchLimits) => BatchReading;

/** `navigator.sendBeacon` can send JSON from another origin only if it calls it text. */
const READERS: ReadonlyMap<string, BodyReader> = new Map([
  ["application/json", readBatch],
  ["text/plain", readBatch],
  ["application/x-ndjson", readLines],
  ["application/ndjson", readLines],
  ["application/jsonl", readLines],
]);

const MEDIA_TYPES = "application/json, application/x-ndjson, text/plain";

export function createCollectHandler(ingest: Ingest, refuse: Refuse, options: CollectOptions): RestHandler {
  const limits: BatchLimits = { eventsMax: options.eventsMax, bodyDepthMax: BODY_DEPTH_MAX };
  return async (context) => {
    const reader = READERS.get(mediaTypeOf(context));
    if (reader === undefined) {
      const refusal: Refusal = {
        code: "unsupported_media_type",
        message: `the types understood are ${MEDIA_TYPES}`,
      };
      return refuse(context, refusal, { accept: MEDIA_TYPES });
    }
    const body = await readBody(sourceOf(context), options.bytesMax);
    if (!body.ok) return refuse(context, body.refusal);
    const decoded = await decompress(body.bytes, context.req.header("content-encoding"), options.bytesMax);
    if (!decoded.ok) return refuse(context, decoded.refusal, acceptedEncodings(decoded.refusal));
    const batch = reader(decoded.bytes, limits);
    if (!batch.ok) return refuse(context, batch.refusal);
    const exchange = context.env?.exchange;
    const result = await ingest({
      events: batch.events,
      protocol: "rest",
      requestId: exchange?.id ?? "",
      trace: exchange?.trace,
    });
    return result.ok ? answer(context, result.receipt) : refuse(context, result.refusal);
  };
}

/** The essence of the media type: parameters such as `charset` do not matter, since JSON is UTF-8. */
function mediaTypeOf(context: RestContext): string {
  const header = context.req.header("content-type") ?? "";
  const semicolon = header.indexOf(";");
  return (semicolon < 0 ? header : header.slice(0, semicolon)).trim().toLowerCase();
}

/** The stream of the server itself where there is one: a web stream around it costs a third of the throughput. */
function sourceOf(context: RestContext): Readable {
  const incoming = context.env?.incoming;
  if (incoming !== undefined) return incoming;
  const { body } = context.req.raw;
  return body === null ? Readable.from([]) : Readable.fromWeb(body as ReadableStream);
}

function acceptedEncodings(refusal: Refusal): Record<string, string> {
  return refusal.code === "unsupported_encoding" ? { "accept-encoding": ENCODINGS } : {};
}

function answer(context: RestContext, receipt: Receipt): Response {
  const errors = receipt.outcomes.flatMap(errorsOf);
  const body = JSON.stringify({
    success: receipt.rejected === 0,
    batch_id: receipt.batchId,
    accepted: receipt.accepted,
    rejected: receipt.rejected,
    timestamp: receipt.receivedAt,
    ...(errors.length > 0 && { errors }),
  });
  return context.body(body, receipt.accepted > 0 ? 200 : 422, { "content-type": "application/json" });
}

interface EventError {
  index: number;
  event_id?: string;
  code: string;
  message: string;
  /** From the root of the body. */
  pointer: string;
}

/** One entry for each reason. Lines of NDJSON are pointed at as if they stood in a batch. */
function errorsOf(outcome: Outcome, index: number): EventError[] {
  if (outcome.accepted) return [];
  return outcome.violations.map(({ code, message, pointer }) => ({
    index,
    ...(outcome.eventId !== undefined && { event_id: outcome.eventId }),
    code,
    message,
    pointer: `/events/${index}${pointer}`,
  }));
}
