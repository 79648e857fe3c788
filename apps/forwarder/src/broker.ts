/**
 * The port to the broker: what the forwarder asks of Kafka, in promises and plain data.
 *
 * `producer.ts` implements it on node-rdkafka, `testing/fake-producer.ts` in memory with scripted failures.
 *
 * **Invariant:** every rejection is a BrokerFailure. **Invariant:** nothing here promises delivery but a resolved
 * `commit`, or a report without a failure.
 */
import type { BrokerFailure, Message, MessageRun, Parcel } from "@event-collector/kafka";

export type { BrokerObserver, Header, Message, MessageRun, Parcel } from "@event-collector/kafka";

/** The topics that these are for. */
export function topicsOf(messages: readonly Parcel[]): Set<string> {
  const topics = new Set<string>();
  let last: string | undefined;
  for (const { topic } of messages) {
    // Nearly all are for the same.
    if (topic !== last) topics.add(topic);
    last = topic;
  }
  return topics;
}

/** Sends in transactions. Calls must not overlap. */
export interface TransactionalProducer {
  begin(): Promise<void>;
  /** Queues the message in the open transaction, or says why it never will be. */
  send(message: Message): BrokerFailure | undefined;
  /**
   * Queues the messages `from` to `to` of a run, up to the first that cannot be. The bytes of the run must stay as they
   * are until the transaction is over.
   */
  sendRun(run: MessageRun, from: number, to: number): RunSent;
  /**
   * Everything sent since `begin` becomes visible at once. A retriable failure leaves the commit under way: it
   * must be called again.
   */
  commit(): Promise<void>;
  /** Nothing sent since `begin` ever becomes visible. A retriable failure: call again. */
  abort(): Promise<void>;
  close(): Promise<void>;
}

/** How far a run was queued. */
export interface RunSent {
  readonly taken: number;
  /** Why the next one was not; undefined if all were. */
  readonly failure: BrokerFailure | undefined;
}

/** A run sent message by message. */
export function sendEach(
  send: (message: Message) => BrokerFailure | undefined,
  run: MessageRun,
  from: number,
  to: number,
): RunSent {
  for (let index = from; index < to; index += 1) {
    const failure = send(run.message(index));
    if (failure !== undefined) return { taken: index - from, failure };
  }
  return { taken: to - from, failure: undefined };
}

/** Sends without transactions; tells the fate of each message. */
export interface CountingProducer {
  /** Queues the message, or says why not. Its fate is reported later, with the same tag. */
  send(message: Message, tag: number): BrokerFailure | undefined;
  /** Who hears the fates: undefined once the broker has confirmed the message. */
  onReport(listener: (tag: number, failure: BrokerFailure | undefined) => void): void;
  close(): Promise<void>;
}

export interface TopicPlan {
  readonly name: string;
  /** -1: as the broker does by default. */
  readonly partitions: number;
  readonly compacted: boolean;
}

export interface Broker {
  /**
   * A producer that is connected and registered under the transactional id; the one before it is fenced, and what
   * it had not committed is aborted.
   */
  openTransactional(transactionalId: string): Promise<TransactionalProducer>;
  openCounting(): Promise<CountingProducer>;
  /** Which of the topics do not exist. */
  missingTopics(topics: readonly string[]): Promise<string[]>;
  /** A topic that exists already is no failure. */
  createTopic(plan: TopicPlan): Promise<void>;
  /**
   * The last committed value of each key that begins with `prefix` in the first partition of a compacted topic. It
   * reads up to the end as it is now, and waits for transactions that are open below that.
   */
  readCompacted(topic: string, prefix: string): Promise<ReadonlyMap<string, Buffer>>;
}
