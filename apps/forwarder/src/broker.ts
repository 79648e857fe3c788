/**
 * The port to the broker: what the forwarder asks of Kafka, in promises and plain data.
 *
 * `producer.ts` implements it on node-rdkafka, `testing/fake-producer.ts` in memory with scripted failures.
 *
 * **Invariant:** every rejection is a BrokerFailure. **Invariant:** nothing here promises delivery but a resolved
 * `commit`, or a report without a failure.
 */
import type { BrokerFailure, Message } from "@event-collector/kafka";

export type { BrokerObserver, Header, Message } from "@event-collector/kafka";

/** The topics that these messages are for. */
export function topicsOf(messages: readonly Message[]): Set<string> {
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
   * Everything sent since `begin` becomes visible at once. A retriable failure leaves the commit under way: it
   * must be called again.
   */
  commit(): Promise<void>;
  /** Nothing sent since `begin` ever becomes visible. A retriable failure: call again. */
  abort(): Promise<void>;
  close(): Promise<void>;
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
