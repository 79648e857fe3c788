/** `POST /collect`: a body of events in, an outcome for each out. */
import { BODY_DEPTH_MAX, readBatch } from "@event-collector/contract";
import type { BatchLimits, FailureCode } from "@event-collector/contract";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import type { Ingest } from "../ingest.js";
import { UNCOUNTED } from "../server/body-budget.js";
import { mediaTypeOf } from "../server/incoming.js";
import type { PlainHead } from "../server/plain-head.js";
import { PlainRequest } from "../server/plain-request.js";
import type { NdjsonConfig } from "../settings.js";
import type { Turnstile } from "../turnstile.js";
import { answerWhole } from "./answer.js";
import type { RestContext, RestHandler, Refuse } from "./app.js";
import { readBody } from "./body.js";
import { createStreamDecoders, decompress, ENCODINGS } from "./decompress.js";
import { collectLines } from "./ndjson.js";
import { answerTo } from "./receipt.js";
import type { TallyAnswer } from "./receipt.js";

export interface CollectOptions {
  /** Events of one body of JSON, lines of one group of NDJSON. */
  readonly eventsMax: number;
  /** Bytes of one body of JSON, before and after decompression, or of one line of NDJSON. */
  readonly bytesMax: number;
  /** Of a body of NDJSON. */
  readonly ndjson: NdjsonConfig;
  /** Bodies that are decompressed at once, as a whole. */
  readonly decompress: Turnstile;
  /** Aborted when the service is about to end. */
  readonly leaving: AbortSignal;
}

/** `navigator.sendBeacon` can send JSON from another origin only if it calls it text. */
const BATCH_TYPES: ReadonlySet<string> = new Set(["application/json", "text/plain"]);

const LINE_TYPES: ReadonlySet<string> = new Set([
  "application/x-ndjson",
  "application/ndjson",
  "application/jsonl",
]);

const MEDIA_TYPES = "application/json, application/x-ndjson, text/plain";

/** Bytes that a body of this type may have. */
export function bodyBytesMax(
  contentType: string | undefined,
  options: Pick<CollectOptions, "bytesMax" | "ndjson">,
): number {
  return LINE_TYPES.has(mediaTypeOf(contentType)) ? options.ndjson.bytesMax : options.bytesMax;
}

/** Batches are read as a whole, and so without a stream; lines are not. */
export function isPlainBatch({ headers }: PlainHead): boolean {
  return BATCH_TYPES.has(mediaTypeOf(headers["content-type"]));
}

export function createCollectHandler(ingest: Ingest, refuse: Refuse, options: CollectOptions): RestHandler {
  const collectBatch = createBatchCollector(ingest, refuse, options);
  const collectNdjson = createNdjsonCollector(ingest, refuse, options);
  return (context) => {
    const type = mediaTypeOf(headerOf(context, "content-type"));
    if (BATCH_TYPES.has(type)) return collectBatch(context);
    if (LINE_TYPES.has(type)) return collectNdjson(context);
    return refuse(
      context,
      { code: "unsupported_media_type", message: `the types understood are ${MEDIA_TYPES}` },
      { accept: MEDIA_TYPES },
    );
  };
}

function createBatchCollector(
  ingest: Ingest,
  refuse: Refuse,
  { eventsMax, bytesMax, ...options }: CollectOptions,
): RestHandler {
  const limits: BatchLimits = { eventsMax, bodyDepthMax: BODY_DEPTH_MAX };
  return async (context) => {
    const exchange = context.env?.exchange;
    const body = await readBody(sourceOf(context), bytesMax, exchange?.hold ?? UNCOUNTED);
    if (!body.ok) return refuse(context, body.refusal);
    const encoding = headerOf(context, "content-encoding");
    const decoded =
      encoding === undefined
        ? body
        : await options.decompress(() => decompress(body.bytes, encoding, bytesMax));
    if (!decoded.ok) return refuse(context, decoded.refusal, acceptedEncodings(decoded.refusal));
    const batch = readBatch(decoded.bytes, limits);
    if (!batch.ok) return refuse(context, batch.refusal);
    const result = await ingest({
      events: batch.events,
      protocol: "rest",
      requestId: exchange?.id ?? "",
      trace: exchange?.trace,
      limits: exchange?.key?.eventLimits,
    });
    if (!result.ok) return refuse(context, result.refusal);
    return answer(context, answerTo(result.receipt));
  };
}

function createNdjsonCollector(ingest: Ingest, refuse: Refuse, options: CollectOptions): RestHandler {
  const limits = {
    eventsMax: options.eventsMax,
    batchBytesMax: options.bytesMax,
    ...options.ndjson,
    decoders: createStreamDecoders(),
    leaving: options.leaving,
  };
  return async (context) => {
    const encoding = headerOf(context, "content-encoding");
    const exchange = context.env?.exchange;
    const reading = await collectLines(ingest, streamOf(context), encoding, exchange, limits);
    const { refusal, lines, tally } = reading;
    if (refusal === undefined) return answer(context, tally.answer());
    const { accepted, rejected } = tally;
    const settled: Record<string, number> = accepted + rejected > 0 ? { accepted, rejected, lines } : {};
    return refuse(context, refusal, acceptedEncodings(refusal), settled);
  };
}

/** The stream of the server itself where there is one: a web stream around it costs a third of the throughput. */
function streamOf(context: RestContext): Readable {
  const source = sourceOf(context);
  if (source instanceof PlainRequest) throw new Error("a plain request has no stream");
  return source;
}

function sourceOf(context: RestContext): Readable | PlainRequest {
  const incoming = context.env?.incoming;
  if (incoming !== undefined) return incoming;
  const { body } = context.req.raw;
  return body === null ? Readable.from([]) : Readable.fromWeb(body as ReadableStream);
}

function acceptedEncodings({ code }: { readonly code: FailureCode }): Record<string, string> {
  return code === "unsupported_encoding" ? { "accept-encoding": ENCODINGS } : {};
}

type SingleHeader = "content-type" | "content-encoding";

function headerOf(context: RestContext, name: SingleHeader): string | undefined {
  const incoming = context.env?.incoming;
  return incoming === undefined ? context.req.header(name) : incoming.headers[name];
}

const ANSWER_TYPE: Record<string, string> = { "content-type": "application/json" };

function answer(context: RestContext, { status, body }: TallyAnswer): Response {
  const { exchange, outgoing } = context.env ?? {};
  if (exchange === undefined || outgoing === undefined) return context.body(body, status, ANSWER_TYPE);
  answerWhole(outgoing, status, exchange.headers, ANSWER_TYPE, body);
  return RESPONSE_ALREADY_SENT;
}
