/** What can be watched of the forwarder's work; metrics and tests listen here. */
import type { BrokerFailure } from "@event-collector/kafka";
import type { Freight } from "./event-run.js";

export interface Observer {
  /** A window was read and is about to be delivered. */
  windowBegun(entries: readonly Freight[]): void;
  /** These entries are confirmed by the broker. */
  delivered(entries: readonly Freight[]): void;
  /** A window is whole: how large it was, and how long it took from the first attempt to the confirmation. */
  windowDone(entries: readonly Freight[], seconds: number): void;
  /** The window is no longer under way, delivered or not. */
  windowEnded(): void;
  /** An attempt failed; how many have, in a row. */
  failed(failure: BrokerFailure, attempts: number): void;
  /** A batch of so many records is halved to find the one that the broker refuses. */
  isolating(records: number): void;
  /** A dead letter is too large for its topic, even at its shortest, or cannot be kept: the cursor waits. */
  held(failure: BrokerFailure): void;
  /** A producer is open: from now on, or again. */
  opened(): void;
  /** The spool could not be read. */
  unreadable(error: unknown): void;
}
