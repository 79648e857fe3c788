/**
 * What to do about a failure: the policy, and nothing else.
 *
 * **Invariant:** only a failure of class `record`, of a record that was sent alone, leads to a dead letter. Whatever
 * could be the broker's, the network's or the operator's fault is tried again for ever: the spool is the buffer.
 */
import type { BrokerFailure } from "@event-collector/kafka";

/** As what a record is sent. */
export type Stage =
  /** To the topic it is for. */
  | "event"
  /** To the dead-letter topic, whole. */
  | "dead_letter"
  /** To the dead-letter topic, with its beginning only; the whole is in quarantine. */
  | "short_dead_letter";

export type Verdict =
  /** Send the same again, after a while. */
  | "retry"
  /** Make a new producer, from the committed cursor on. */
  | "reopen"
  /** Send halves, to find out which record it is. */
  | "isolate"
  /** Send the record to the dead-letter topic instead. */
  | "dead_letter"
  /** Send only the beginning of the dead letter. */
  | "shorten"
  /** Nothing more can be left out: wait, and raise an alarm, until somebody mends the dead-letter topic. */
  | "hold";

export interface Situation {
  /** True if the failure is known to be of this one record. */
  readonly alone: boolean;
  readonly stage: Stage;
}

export function settle(failure: Pick<BrokerFailure, "class" | "fatal">, situation: Situation): Verdict {
  if (failure.fatal) return "reopen";
  switch (failure.class) {
    case "fatal":
    case "fenced":
      return "reopen";
    case "retriable":
    case "abortable":
    case "configuration":
      return "retry";
    case "record":
      return situation.alone ? NEXT[situation.stage] : "isolate";
  }
}

const NEXT: Readonly<Record<Stage, Verdict>> = {
  event: "dead_letter",
  dead_letter: "shorten",
  short_dead_letter: "hold",
};
