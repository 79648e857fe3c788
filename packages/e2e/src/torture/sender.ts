/** A client that sends events and reads answers, whatever the protocol. */
import type { IssuedEvent } from "./issued-event.js";

/** What a client knows after it has sent events. */
export type Answer =
  /** All are stored: accepted, but for those at these positions, which are stored as rejected. */
  | { readonly type: "stored"; readonly rejected: ReadonlySet<number> }
  /** None was taken. */
  | {
      readonly type: "refused";
      /** HTTP status, or name of the code of an RPC. */
      readonly status: string;
      /** When to come back, if the answer said so. */
      readonly retryAfterSeconds: number | undefined;
    }
  /** No answer, or one that says nothing: the events may be stored or not. */
  | { readonly type: "unknown"; readonly reason: string };

export interface Sender {
  readonly protocol: string;
  /** How many events one call may take. */
  readonly eventsMax: number;
  /** Never rejects: a failure is an answer too. */
  send(events: readonly IssuedEvent[]): Promise<Answer>;
  close(): void;
}
