/**
 * What a stream of events is answered: group by group, in order, each once its group is on stable storage.
 *
 * Several groups are under way at once, so that they share writes and syncs: a sender that does not wait for answers is
 * not held to one sync for each group.
 *
 * **Invariant:** groups are stored in the order of the stream, and answered in it. A group that is refused ends the
 * stream behind the answers to the groups before it, and none after it is stored.
 * **Invariant:** what is under way is bounded, by groups and by bytes.
 */
import type { SourceEvent } from "@event-collector/contract";
import type { Receipt } from "../ingest.js";
import type { BodyHold } from "../server/body-budget.js";
import { refusalError } from "./connect-error.js";
import { groupEvents } from "./stream-groups.js";
import type { GroupLimits } from "./stream-groups.js";
import type { ServiceRefusal } from "../refusal.js";

export interface StreamParts {
  /** Rejects with a ConnectError if the group cannot be stored. */
  readonly store: (events: readonly SourceEvent[]) => Promise<Receipt>;
  /** Asked before each group is stored; may wait. */
  readonly permit: () => Promise<ServiceRefusal | undefined>;
  /** Counts what has come and is not stored yet. */
  readonly hold: BodyHold;
  /** Ends the stream: what has come so far is answered, then the caller is told to go elsewhere. */
  readonly leaving: AbortSignal;
}

export interface StreamAnswer {
  readonly receipt: Receipt;
  /** The position on the stream of the first event of the group. */
  readonly firstIndex: bigint;
}

/** Enough that a sync's worth of groups waits while one is under way. */
const GROUPS_UNDER_WAY_MAX = 32;

/** Groups of large events fill a write by themselves. */
const BYTES_UNDER_WAY_MAX = 1024 * 1024;

/** Nobody hears of it: whoever would has stopped asking. */
const ABANDONED = new Error("the stream has ended");

interface GroupUnderWay {
  readonly receipt: Promise<Receipt>;
  readonly events: number;
  readonly bytes: number;
}

export async function* answerStream<Item>(
  items: AsyncIterable<Item>,
  sourceOf: (item: Item) => SourceEvent,
  { store, permit, hold, leaving }: StreamParts,
  limits: GroupLimits,
): AsyncGenerator<StreamAnswer> {
  const groups = groupEvents(items, limits, leaving);
  const underWay: GroupUnderWay[] = [];
  let bytes = 0;
  let firstIndex = 0n;
  let failure: { readonly error: unknown } | undefined;
  let next: Promise<IteratorResult<Item[]>> | undefined;
  let turn: Promise<unknown> = Promise.resolve();
  let isOver = false;
  let isAbandoned = false;

  /** Begins when the group before it has begun, and not at all if that was refused. */
  function begin(events: readonly SourceEvent[]): Promise<Receipt> {
    const begun = turn.then(async () => {
      const refusal = await permit();
      if (refusal !== undefined) throw refusalError(refusal);
      if (isAbandoned) throw ABANDONED;
      return { receipt: store(events) };
    });
    turn = begun;
    const receipt = begun.then((one) => one.receipt);
    // Whoever waits for it hears of it; nobody may be left to wait.
    receipt.catch(() => undefined);
    return receipt;
  }

  try {
    for (;;) {
      const mayRead = !isOver && underWay.length < GROUPS_UNDER_WAY_MAX && bytes < BYTES_UNDER_WAY_MAX;
      if (mayRead) next ??= groups.next();
      const [oldest] = underWay;
      if (next !== undefined && (oldest === undefined || (await comesFirst(next, oldest.receipt)))) {
        const result = await next.catch((error: unknown) => void (failure = { error }));
        next = undefined;
        if (result === undefined || result.done === true) {
          isOver = true;
          continue;
        }
        const events = result.value.map(sourceOf);
        const groupBytes = events.reduce((sum, event) => sum + event.bytes.byteLength, 0);
        bytes += groupBytes;
        underWay.push({ receipt: begin(events), events: events.length, bytes: groupBytes });
      } else if (oldest === undefined) {
        break;
      } else {
        const receipt = await oldest.receipt;
        underWay.shift();
        bytes -= oldest.bytes;
        hold.release();
        if (bytes > 0) hold.add(bytes);
        yield { receipt, firstIndex };
        firstIndex += BigInt(oldest.events);
      }
    }
  } finally {
    isAbandoned = true;
    // The group that is being read may never be complete; nobody waits for it.
    next?.catch(() => undefined);
    void groups.return(undefined).catch(() => undefined);
  }
  if (failure !== undefined) throw failure.error;
  if (leaving.aborted) {
    throw refusalError({ code: "draining", message: "open the stream again; what was answered is stored" });
  }
}

/** True if the first of the two is settled, whichever way, before the second is. */
function comesFirst(one: Promise<unknown>, other: Promise<unknown>): Promise<boolean> {
  const settle = (promise: Promise<unknown>, value: boolean): Promise<boolean> =>
    promise.then(
      () => value,
      () => value,
    );
  return Promise.race([settle(one, true), settle(other, false)]);
}
