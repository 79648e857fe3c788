/**
 * Exactly once: each batch, its dead letters and the cursor behind it are one Kafka transaction.
 *
 * The transactional id belongs to the spool: whoever opens fences whoever had it open. A forwarder that is told it
 * was fenced looks into the cursor topic for the ledger: another owner there means that it lost the spool; its own
 * name means that the broker only gave up on its transaction, and it opens again.
 *
 * **Invariant:** positions and totals change in memory after a commit, never before. **Invariant:** no transaction is
 * open when `deliver` returns. **Invariant:** whatever is in doubt is settled by opening anew and reading back.
 */
import { randomUUID } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import {
  asBrokerFailure,
  BrokerFailure,
  cursorPrefix,
  ledgerMessage,
  messagesIn,
  MessageRun,
  parseCursorRecords,
  positionMessage,
} from "@event-collector/kafka";
import type { CursorRecords } from "@event-collector/kafka";
import { failpoint } from "@event-collector/spool";
import type { Instance, Position, Positions } from "@event-collector/spool";
import { pause } from "./backoff.js";
import { topicsOf } from "./broker.js";
import type { Broker, Message, Parcel, RunSent, TransactionalProducer } from "./broker.js";
import { FencedError, StoppedError, undeliveredBatch } from "./delivery.js";
import type { Batch, Committed, Delivery, Outcome, Owner, Totals } from "./delivery.js";
import type { Topics } from "./topics.js";

export interface TransactionalDeliveryOptions {
  /** The spool's id. */
  readonly spool: string;
  readonly owner: Owner;
  readonly cursorTopic: string;
  /** Topics that must be there before the first event comes. */
  readonly topics: readonly string[];
  /** How long to wait for the name of whoever fenced this forwarder, milliseconds. */
  readonly claimWaitMs: number;
  /** A call that must be repeated before it has an answer: the broker is slow or away. */
  readonly onStall: (failure: BrokerFailure) => void;
}

/** Between two looks for the name of a new owner. Milliseconds. */
const CLAIM_PAUSE_MS = 200;
/** Between two calls that wait for the same answer; each of them waits by itself. Milliseconds. */
const STALL_PAUSE_MS = 200;
/** A full queue empties at the speed of the network. Milliseconds. */
const QUEUE_PAUSE_MS = 10;
/** Messages queued without a break, so that health checks are answered meanwhile. */
const TURN_MESSAGES = 1_000;

const QUEUE_FULL = -184;
const UNKNOWN_TOPIC: ReadonlySet<number> = new Set([3, -188, -190]);
/** "Wrong state" and "fatal error": what a transaction answers that has failed already. It can never be committed. */
const TRANSACTION_FAILED: ReadonlySet<number> = new Set([-172, -150]);

export class TransactionalDelivery implements Delivery {
  readonly atomic = true;
  readonly #broker: Broker;
  readonly #topics: Topics;
  readonly #options: TransactionalDeliveryOptions;
  readonly #claims = new Set<string>();
  #claimSeen: string | undefined;
  #claim = "";
  #producer: TransactionalProducer | undefined;
  #committed: State = { positions: new Map(), totals: { events: 0, deadLetters: 0 } };
  /** How often the cursor topic was found new, and for which of them every position is written. */
  #cursorTopicMade = 0;
  #cursorTopicFilled = 0;
  #looksForTopics = false;
  #wasFenced = false;

  constructor(broker: Broker, topics: Topics, options: TransactionalDeliveryOptions) {
    this.#broker = broker;
    this.#topics = topics;
    this.#options = options;
  }

  totals(): Totals {
    return this.#committed.totals;
  }

  async open(start: Positions, stop: AbortSignal): Promise<Committed> {
    await this.close();
    this.#topics.forget();
    await this.#ensureTopics([this.#options.cursorTopic, ...this.#options.topics]);
    if (this.#claims.size > 0) await this.#assertStillOwner(stop);
    this.#wasFenced = false;
    const producer = await this.#broker.openTransactional(`event-collector-${this.#options.spool}`);
    this.#producer = producer;
    await failpoint("producer.opened");
    try {
      const { ledger, positions } = await this.#readRecords();
      this.#claimSeen = ledger?.claim;
      // Without a ledger nothing was ever committed there: a new cluster, or delivery was at-least-once before.
      if (ledger === undefined) this.#cursorTopicMade += 1;
      this.#committed = {
        // The broker is right where the two differ. What it does not know at all was lost with its topic: the local
        // positions were committed before they were written down.
        positions: new Map([...start, ...positions]),
        totals: ledger?.totals ?? { events: 0, deadLetters: 0 },
      };
      await this.#takeOver(producer, stop);
    } catch (error) {
      await this.close();
      throw error;
    }
    return { positions: this.#committed.positions };
  }

  async deliver(batch: Batch, stop: AbortSignal): Promise<Outcome> {
    const producer = this.#producer;
    if (producer === undefined) {
      return undeliveredBatch(batch, new BrokerFailure("fatal", "the producer is not open"));
    }
    try {
      await this.#ensureTopics(this.#topicsOf(batch));
    } catch (error) {
      return undeliveredBatch(batch, asBrokerFailure(error));
    }
    const outcome = await this.#transact(producer, batch, stop);
    if (outcome.type === "failed" && UNKNOWN_TOPIC.has(outcome.failure.code)) this.#topics.forget();
    return outcome;
  }

  async close(): Promise<void> {
    const producer = this.#producer;
    this.#producer = undefined;
    await producer?.close();
  }

  async #readRecords(): Promise<CursorRecords> {
    const { spool, cursorTopic } = this.#options;
    return parseCursorRecords(spool, await this.#broker.readCompacted(cursorTopic, cursorPrefix(spool)));
  }

  async #ensureTopics(names: Iterable<string>): Promise<void> {
    const created = await this.#topics.ensure(names);
    if (created.includes(this.#options.cursorTopic)) this.#cursorTopicMade += 1;
  }

  #topicsOf(batch: Batch): Set<string> {
    return topicsOf(batch.messages).add(this.#options.cursorTopic);
  }

  /** A commit may wait for a topic that was deleted, and for nothing else: looks, and makes it again. */
  #lookForTopics(batch: Batch): void {
    if (this.#looksForTopics) return;
    this.#looksForTopics = true;
    this.#topics.forget();
    this.#ensureTopics(this.#topicsOf(batch))
      .catch(() => undefined)
      .finally(() => {
        this.#looksForTopics = false;
      });
  }

  /**
   * Whoever fences is registered first and writes its name into the ledger a moment later. Opening anew in between
   * would fence it in turn, so that the older forwarder won: it waits for a name, and only without one goes on.
   */
  async #assertStillOwner(stop: AbortSignal): Promise<void> {
    const waitUntil = performance.now() + (this.#wasFenced ? this.#options.claimWaitMs : 0);
    for (;;) {
      const { ledger } = await this.#readRecords();
      if (ledger !== undefined && ledger.claim !== this.#claimSeen && !this.#claims.has(ledger.claim)) {
        throw new FencedError(ledger.owner);
      }
      if (performance.now() >= waitUntil) return;
      if (stop.aborted) throw new StoppedError();
      await pause(CLAIM_PAUSE_MS, stop);
    }
  }

  /** Writes this forwarder's name into the ledger, so that one it fenced can tell by whom. */
  async #takeOver(producer: TransactionalProducer, stop: AbortSignal): Promise<void> {
    this.#claim = randomUUID();
    this.#claims.add(this.#claim);
    const outcome = await this.#transact(producer, EMPTY_BATCH, stop);
    if (outcome.type === "failed") throw outcome.failure;
  }

  async #transact(producer: TransactionalProducer, batch: Batch, stop: AbortSignal): Promise<Outcome> {
    const next = stateAfter(this.#committed, batch);
    try {
      await producer.begin();
    } catch (error) {
      return this.#lose(batch, asBrokerFailure(error));
    }
    const made = this.#cursorTopicMade;
    const refused = await sendAll(producer, batch.messages, stop);
    if (refused !== undefined) return this.#abandonRefused(producer, batch, refused, stop);
    await failpoint("window.queued");
    const cursor = await sendAll(producer, this.#cursorMessages(batch, next), stop);
    if (cursor !== undefined) {
      const failure = cursorFailure(cursor.failure);
      return this.#abandonRefused(producer, batch, { failure, culprits: [] }, stop);
    }
    await failpoint("window.sent");
    batch.onSent?.();
    const failure = await this.#commit(producer, batch, stop);
    if (failure !== undefined) return this.#abandon(producer, batch, failure, [], stop);
    await failpoint("window.committed");
    this.#committed = next;
    this.#cursorTopicFilled = made;
    // The topic was made anew while the commit waited for it, and holds only what this batch moved.
    if (made !== this.#cursorTopicMade) await this.#transact(producer, EMPTY_BATCH, stop);
    return { type: "delivered" };
  }

  #commit(
    producer: TransactionalProducer,
    batch: Batch,
    stop: AbortSignal,
  ): Promise<BrokerFailure | undefined> {
    const onStall = (failure: BrokerFailure): void => {
      this.#options.onStall(failure);
      this.#lookForTopics(batch);
    };
    return insist(() => producer.commit(), onStall, stop);
  }

  #cursorMessages(batch: Batch, next: State): Message[] {
    const { cursorTopic, spool, owner } = this.#options;
    const isNew = this.#cursorTopicFilled !== this.#cursorTopicMade;
    const moved = isNew ? next.positions : batch.positions;
    return [
      ...Array.from(moved, ([instance, position]) => positionMessage(cursorTopic, spool, instance, position)),
      ...batch.gone.map((instance) => positionMessage(cursorTopic, spool, instance, null)),
      ledgerMessage(cursorTopic, spool, { owner, claim: this.#claim, totals: next.totals }),
    ];
  }

  /**
   * What cannot even be queued ends the transaction. If the transaction itself failed while it was being filled, the
   * client says no more than that; a commit, which can only fail then, says why.
   */
  async #abandonRefused(
    producer: TransactionalProducer,
    batch: Batch,
    { failure, culprits }: Refusal,
    stop: AbortSignal,
  ): Promise<Outcome> {
    if (!TRANSACTION_FAILED.has(failure.code)) return this.#abandon(producer, batch, failure, culprits, stop);
    const reason = await insist(() => producer.commit(), this.#options.onStall, stop);
    if (reason === undefined) throw new Error("a transaction that took no more messages was committed");
    return this.#abandon(producer, batch, reason, [], stop);
  }

  /** Ends the transaction without a commit. If that fails too, only a new producer is left. */
  async #abandon(
    producer: TransactionalProducer,
    batch: Batch,
    failure: BrokerFailure,
    culprits: readonly number[],
    stop: AbortSignal,
  ): Promise<Outcome> {
    if (failure.fatal) return this.#lose(batch, failure);
    const abortFailure = await insist(() => producer.abort(), this.#options.onStall, stop);
    if (abortFailure !== undefined) return this.#lose(batch, abortFailure);
    return undeliveredBatch(batch, failure, culprits);
  }

  /** Gives up the producer: whatever the failure is, only a new one helps. */
  async #lose(batch: Batch, failure: BrokerFailure): Promise<Outcome> {
    await this.close();
    if (failure.class === "fenced") this.#wasFenced = true;
    const { message } = failure;
    if (failure.fatal) return undeliveredBatch(batch, failure);
    return undeliveredBatch(
      batch,
      new BrokerFailure(failure.class, message, { fatal: true, cause: failure }),
    );
  }
}

/** What is committed, or will be. */
interface State {
  readonly positions: Positions;
  readonly totals: Totals;
}

const EMPTY_BATCH: Batch = { messages: [], count: 0, events: 0, positions: new Map(), gone: [] };

function stateAfter({ positions, totals }: State, batch: Batch): State {
  const moved = new Map<Instance, Position>([...positions, ...batch.positions]);
  for (const instance of batch.gone) moved.delete(instance);
  const deadLetters = batch.count - batch.events;
  return {
    positions: moved,
    totals: { events: totals.events + batch.events, deadLetters: totals.deadLetters + deadLetters },
  };
}

/** What the client would not even queue. */
interface Refusal {
  readonly failure: BrokerFailure;
  /** Indices of the records to blame. */
  readonly culprits: readonly number[];
}

/** A cursor that cannot be sent is no fault of the records before it. */
function cursorFailure(failure: BrokerFailure): BrokerFailure {
  if (failure.class !== "record") return failure;
  return new BrokerFailure("configuration", `the cursor cannot be sent: ${failure.message}`, {
    cause: failure,
  });
}

/** Queues the messages; says which can never be sent, or what else is in the way. */
async function sendAll(
  producer: TransactionalProducer,
  parcels: readonly Parcel[],
  stop: AbortSignal,
): Promise<Refusal | undefined> {
  const culprits: number[] = [];
  let first: BrokerFailure | undefined;
  /** Messages that were queued or refused. */
  let done = 0;
  let turnEnd = TURN_MESSAGES;
  for (const parcel of parcels) {
    const end = done + messagesIn(parcel);
    while (done < end) {
      if (done >= turnEnd) {
        await nextTurn();
        turnEnd = done + TURN_MESSAGES;
      }
      const from = done - end + messagesIn(parcel);
      const { taken, failure } = sendSome(producer, parcel, from, from + turnEnd - done);
      done += taken;
      if (failure === undefined) continue;
      if (failure.code === QUEUE_FULL) {
        if (stop.aborted) throw new StoppedError();
        await pause(QUEUE_PAUSE_MS, stop);
        continue;
      }
      first ??= failure;
      if (failure.class !== "record") return { failure, culprits: [] };
      culprits.push(done);
      done += 1;
    }
  }
  return first === undefined ? undefined : { failure: first, culprits };
}

/** Queues what of a parcel stands between `from` and `to`, or less. */
function sendSome(producer: TransactionalProducer, parcel: Parcel, from: number, to: number): RunSent {
  if (parcel instanceof MessageRun) return producer.sendRun(parcel, from, Math.min(to, parcel.count));
  const failure = producer.send(parcel);
  return { taken: failure === undefined ? 1 : 0, failure };
}

/** Calls until there is an answer: a commit or an abort under way goes on by itself and must be waited for. */
async function insist(
  call: () => Promise<void>,
  onStall: (failure: BrokerFailure) => void,
  stop: AbortSignal,
): Promise<BrokerFailure | undefined> {
  for (;;) {
    try {
      await call();
      return undefined;
    } catch (error) {
      const failure = asBrokerFailure(error);
      if (!failure.resumable || failure.fatal || failure.requiresAbort) return failure;
      if (stop.aborted) throw new StoppedError();
      onStall(failure);
      await pause(STALL_PAUSE_MS, stop);
    }
  }
}
