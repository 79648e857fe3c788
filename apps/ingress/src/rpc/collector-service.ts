/** EventCollectorService: the use case as the wire contract says it. */
import type { ConnectRouter, HandlerContext, ServiceImpl } from "@connectrpc/connect";
import { EventCollectorService, sourceFromMessage } from "@event-collector/contract";
import type { Event, SourceEvent } from "@event-collector/contract";
import type { Clock } from "@event-collector/spool";
import type { HealthReport } from "../health.js";
import type { Ingest, Receipt } from "../ingest.js";
import type { ReadinessCheck } from "../readiness.js";
import { UNCOUNTED } from "../server/body-budget.js";
import { answerOf, collectEvent } from "./collector-answer.js";
import type { Answer } from "./collector-answer.js";
import { refusalError } from "./connect-error.js";
import { exchangeOf } from "./router.js";
import { answerStream } from "./stream-answers.js";
import type { GroupLimits } from "./stream-groups.js";

export interface CollectorOptions {
  /** How streams are cut into groups. */
  readonly groups: GroupLimits;
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
    collectEvent: async (event, context) =>
      collectEvent(await ingestAll(ingest, [sourceFromMessage(event)], context)),
    collectEvents: async ({ events }, context) =>
      answerOf(await ingestAll(ingest, events.map(sourceFromMessage), context)),
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
  events: readonly SourceEvent[],
  context: HandlerContext,
): Promise<Receipt> {
  const exchange = exchangeOf(context);
  const result = await ingest({
    events,
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
  const parts = {
    store: (sources: readonly SourceEvent[]) => ingestAll(ingest, sources, context),
    permit: () => exchange?.permit() ?? Promise.resolve(undefined),
    hold: exchange?.hold ?? UNCOUNTED,
    leaving: options.leaving,
  };
  const answers = answerStream(events, sourceFromMessage, parts, options.groups);
  for await (const { receipt, firstIndex } of answers) {
    yield { ...answerOf(receipt), firstIndex };
  }
}
