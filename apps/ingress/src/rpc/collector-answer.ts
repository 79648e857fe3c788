/** What became of events, in the words of the wire contract. */
import type { Outcome, Receipt } from "../ingest.js";
import { rejectionError } from "./connect-error.js";

export interface EventAnswer {
  success: boolean;
  eventId: string;
  batchId: string;
  timestamp: string;
  message: string;
}

/** Throws a ConnectError if the event was rejected: the call has failed then. */
export function collectEvent({ outcomes, batchId, receivedAt }: Receipt): EventAnswer {
  const [outcome] = outcomes;
  if (outcome === undefined) throw new Error("a receipt for one event has no outcome");
  if (!outcome.accepted) throw rejectionError(outcome.violations);
  return {
    success: true,
    eventId: outcome.eventId,
    batchId,
    timestamp: receivedAt,
    message: "The event is stored.",
  };
}

export interface Answer {
  success: boolean;
  batchId: string;
  accepted: number;
  rejected: number;
  timestamp: string;
  errors: EventErrorInit[];
}

export interface EventErrorInit {
  index: number;
  eventId?: string;
  code: string;
  message: string;
  pointer: string;
}

export function answerOf(receipt: Receipt): Answer {
  return {
    success: receipt.rejected === 0,
    batchId: receipt.batchId,
    accepted: receipt.accepted,
    rejected: receipt.rejected,
    timestamp: receipt.receivedAt,
    errors: receipt.outcomes.flatMap(errorsOf),
  };
}

/** One entry for each reason. */
function errorsOf(outcome: Outcome, index: number): EventErrorInit[] {
  if (outcome.accepted) return [];
  return outcome.violations.map(({ code, message, pointer }) => ({
    index,
    ...(outcome.eventId !== undefined && { eventId: outcome.eventId }),
    code,
    message,
    pointer,
  }));
}
