/**
 * A broker whose commits are timed and whose queue is counted.
 *
 * **Invariant:** it changes nothing of what the broker answers.
 */
import type { Clock } from "@event-collector/spool";
import type { Broker, CountingProducer, TransactionalProducer } from "./broker.js";

export interface BrokerMeter {
  /** A commit was confirmed; how long after it was asked for, repeated calls included. */
  committed(seconds: number): void;
  /** Messages that the client library holds and the broker has not confirmed. */
  queued(messages: number): void;
}

export function meterBroker(broker: Broker, clock: Pick<Clock, "monotonic">, meter: BrokerMeter): Broker {
  return {
    openTransactional: async (id) => meterCommits(await broker.openTransactional(id), clock, meter),
    openCounting: async () => meterReports(await broker.openCounting(), meter),
    missingTopics: (topics) => broker.missingTopics(topics),
    createTopic: (plan) => broker.createTopic(plan),
    readCompacted: (topic, prefix) => broker.readCompacted(topic, prefix),
  };
}

function meterCommits(
  producer: TransactionalProducer,
  clock: Pick<Clock, "monotonic">,
  meter: BrokerMeter,
): TransactionalProducer {
  let messages = 0;
  let askedAt: number | undefined;
  const settle = (): void => {
    messages = 0;
    askedAt = undefined;
    meter.queued(0);
  };
  return {
    begin: () => producer.begin(),
    send: (message) => {
      const failure = producer.send(message);
      if (failure === undefined) messages += 1;
      return failure;
    },
    sendRun: (run, from, to) => {
      const sent = producer.sendRun(run, from, to);
      messages += sent.taken;
      return sent;
    },
    commit: async () => {
      meter.queued(messages);
      askedAt ??= clock.monotonic();
      await producer.commit();
      meter.committed((clock.monotonic() - askedAt) / 1000);
      settle();
    },
    abort: async () => {
      await producer.abort();
      settle();
    },
    close: async () => {
      await producer.close();
      settle();
    },
  };
}

function meterReports(producer: CountingProducer, meter: BrokerMeter): CountingProducer {
  let messages = 0;
  return {
    send: (message, tag) => {
      const failure = producer.send(message, tag);
      if (failure === undefined) meter.queued((messages += 1));
      return failure;
    },
    onReport: (listener) =>
      producer.onReport((tag, failure) => {
        meter.queued((messages -= 1));
        listener(tag, failure);
      }),
    close: async () => {
      await producer.close();
      messages = 0;
      meter.queued(0);
    },
  };
}
