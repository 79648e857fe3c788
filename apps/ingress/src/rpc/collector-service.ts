/** EventCollectorService: the use case as the wire contract says it. */
import type { ConnectRouter, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { EventCollectorService, sourceFromMessage } from "@event-collector/contract";
import type { Event } from "@event-collector/contract";
import type { Clock } from "@event-collector/spool";
import type { HealthReport } from "../health.js";
import type { Ingest, Receipt } from "../ingest.js";
import type { ReadinessCheck } from "../readiness.js";
import { answerOf, collectEvent } from "./collector-answer.js";
import type { Answer } from "./collector-answer.js";
import { refusalError } from "./connect-error.js";
import { exchangeOf } from "./router.js";
import { groupEvents } from "./stream-groups.js";

export interface CollectorOptions {
  /** Events of one group of a stream. */
  readonly streamEventsMax: number;
  /** How long an incomplete group waits, milliseconds. */
  readonly streamLingerMs: number;
  /** Ends streams: what has come so far is answered, then the caller is told to go elsewhere. */
  readonly leaving: AbortSignal;
}

export interface CollectorParts {
  readonly ingest: Ingest;
  readonly health: () => HealthReport;
  readonly readiness: ReadinessCheck;
  readonly clock: Clock;
}

type Implementation = ServiceImpl<typeof EventCollectorService>;

export function collectorService(
  parts: CollectorParts,
  options: CollectorOptions,
): (router: ConnectRouter) => void {
  const { ingest } = parts;
  const implementation: Implementation = {
    collectEvent: async (event, context) => collectEvent(await ingestAll(ingest, [event], context)),
    collectEvents: async ({ events }, context) => answerOf(await ingestAll(ingest, events, context)),
    streamEvents: (events, context) => streamEvents(ingest, events, context, options),
    healthCheck: () => parts.health(),
    readinessCheck: () => {
      const state = parts.readiness();
      const timestamp = new Date(parts.clock.now()).toISOString();
      if (state.ready) return { ready: true, timestamp };
      return { ready: false, timestamp, code: state.refusal.code, message: state.refusal.message };
    },
  };
  return (router) => router.service(EventCollectorService, implementation);
}

/** What became of the events, or a refusal as an error. */
async function ingestAll(
  ingest: Ingest,
  events: readonly Event[],
  context: HandlerContext,
): Promise<Receipt> {
  const exchange = exchangeOf(context);
  const result = await ingest({
    events: events.map(sourceFromMessage),
    protocol: context.protocolName,
    requestId: exchange?.id ?? "",
    trace: exchange?.trace,
    limits: exchange?.key?.eventLimits,
  });
  if (!result.ok) throw refusalError(result.refusal);
  return result.receipt;
}

async function* streamEvents(
  ingest: Ingest,
  events: AsyncIterable<Event>,
  context: HandlerContext,
  options: CollectorOptions,
): AsyncGenerator<Answer & { firstIndex: bigint }> {
  const exchange = exchangeOf(context);
  let firstIndex = 0n;
  const limits = { sizeMax: options.streamEventsMax, lingerMs: options.streamLingerMs };
  for await (const group of groupEvents(events, limits, options.leaving)) {
    const refusal = await exchange?.permit();
    if (refusal !== undefined) throw refusalError(refusal);
    const receipt = await ingestAll(ingest, group, context);
    exchange?.hold.release();
    yield { ...answerOf(receipt), firstIndex };
    firstIndex += BigInt(group.length);
  }
  if (options.leaving.aborted) {
    throw refusalError({ code: "draining", message: "open the stream again; what was answered is stored" });
  }
}
