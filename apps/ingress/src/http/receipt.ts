/** What REST says of the events of a request: how many were accepted, and why each other one was not. */
import type { Outcome, Receipt } from "../ingest.js";

interface EventError {
  index: number;
  event_id?: string;
  code: string;
  message: string;
  /** From the root of the body. */
  pointer: string;
}

export interface Tally {
  readonly accepted: number;
  readonly rejected: number;
  add(receipt: Receipt): void;
  answer(): TallyAnswer;
}

/** The status and the body of an answer. */
export interface TallyAnswer {
  readonly status: 200 | 422;
  readonly body: string;
}

/** The answer to a batch, with every reason. */
export function answerTo(receipt: Receipt): TallyAnswer {
  if (receipt.rejected === 0) return { status: 200, body: bodyOfAccepted(receipt) };
  const tally = createTally(Infinity);
  tally.add(receipt);
  return tally.answer();
}

/** What JSON.stringify makes of it: nothing in it needs an escape, since all of it is made here. */
function bodyOfAccepted({ batchId, accepted, receivedAt }: Receipt): string {
  return `{"success":true,"batch_id":"${batchId}","accepted":${accepted},"rejected":0,"timestamp":"${receivedAt}"}`;
}

/** `errorsMax` bounds the reasons that are told; what is left out is counted. */
export function createTally(errorsMax: number): Tally {
  let first: Receipt | undefined;
  let accepted = 0;
  let rejected = 0;
  const errors: EventError[] = [];
  let omitted = 0;
  return {
    get accepted() {
      return accepted;
    },
    get rejected() {
      return rejected;
    },
    add: (receipt) => {
      first ??= receipt;
      const offset = accepted + rejected;
      for (const [index, outcome] of receipt.outcomes.entries()) {
        for (const error of errorsOf(outcome, offset + index)) {
          if (errors.length < errorsMax) errors.push(error);
          else omitted += 1;
        }
      }
      accepted += receipt.accepted;
      rejected += receipt.rejected;
    },
    answer: () => ({
      status: accepted > 0 ? 200 : 422,
      body: JSON.stringify({
        success: rejected === 0,
        batch_id: first?.batchId,
        accepted,
        rejected,
        timestamp: first?.receivedAt,
        ...(errors.length > 0 && { errors }),
        ...(omitted > 0 && { errors_omitted: omitted }),
      }),
    }),
  };
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
