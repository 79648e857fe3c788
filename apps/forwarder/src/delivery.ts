/**
 * The port between the loop and the ways of delivering: a batch goes out whole, with the cursor behind it, or the
 * answer says what did not.
 *
 * **Invariant:** "delivered" means that the broker confirmed every message, and in exactly-once mode the cursor in
 * the same transaction. **Invariant:** failures are values; only a stop is thrown.
 */
import type { BrokerFailure, Owner, Totals } from "@event-collector/kafka";
import type { Instance, Position, Positions } from "@event-collector/spool";
import type { Parcel } from "./broker.js";

export type { Owner, Totals } from "@event-collector/kafka";

export interface Batch {
  readonly messages: readonly Parcel[];
  /** How many messages these are. */
  readonly count: number;
  /** How many of them are events; the others are dead letters. */
  readonly events: number;
  /** Where each instance stands once the batch is delivered; only those that it moves. */
  readonly positions: ReadonlyMap<Instance, Position>;
  /** Instances that are gone with all their segments: their positions are forgotten. */
  readonly gone: readonly Instance[];
  /** Called when everything is queued and only the broker's confirmation is awaited: time for other work. */
  readonly onSent?: () => void;
}

export type Outcome =
  | { readonly type: "delivered" }
  | {
      readonly type: "failed";
      readonly failure: BrokerFailure;
      /** Indices of the messages that are not delivered, in order; all of them where batches are atomic. */
      readonly undelivered: readonly number[];
      /** Indices of the messages that are known to be the cause; empty if that is not known. */
      readonly culprits: readonly number[];
    };

/** Where to go on. */
export interface Committed {
  readonly positions: Positions;
}

export interface Delivery {
  /** True if a batch is delivered whole or not at all, and the broker keeps the cursor. */
  readonly atomic: boolean;
  /**
   * Opens, or opens anew after a failure that the producer did not survive. `start` counts where the broker keeps
   * no cursor. Resolves with what is committed. Rejects with a BrokerFailure, a StoppedError, or a FencedError, after
   * which nothing may be published any more.
   */
  open(start: Positions, stop: AbortSignal): Promise<Committed>;
  /** Rejects with nothing but a StoppedError. */
  deliver(batch: Batch, stop: AbortSignal): Promise<Outcome>;
  /** Undefined if this way of delivery keeps no books at the broker. */
  totals(): Totals | undefined;
  close(): Promise<void>;
}

/** A batch of which nothing is delivered. */
export function undeliveredBatch(
  batch: Batch,
  failure: BrokerFailure,
  culprits: readonly number[] = [],
): Outcome {
  return { type: "failed", failure, undelivered: [...Array(batch.count).keys()], culprits };
}

/** Another forwarder owns the spool now. This one stops for good. */
export class FencedError extends Error {
  override readonly name = "FencedError";
  readonly owner: Owner;

  constructor(owner: Owner) {
    super(
      `another forwarder took over this spool: process ${owner.process} on ${owner.host}, started ${owner.startedAt}; this one publishes nothing more`,
    );
    this.owner = owner;
  }
}

/** The caller does not want to wait any longer. What was not confirmed counts as not delivered. */
export class StoppedError extends Error {
  override readonly name = "StoppedError";

  constructor() {
    super("stopped before the window was delivered");
  }
}
