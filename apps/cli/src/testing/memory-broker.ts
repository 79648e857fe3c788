/** A broker in memory, for what only reads: topics of one partition. */
import type { Broker, Range } from "../kafka/broker.js";
import type { TopicMessage } from "../kafka/topic-message.js";

export interface MemoryMessage {
  readonly key?: string;
  readonly value?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export function memoryBroker(topics: Readonly<Record<string, readonly MemoryMessage[]>>): Broker {
  const messagesOf = (topic: string): TopicMessage[] =>
    (topics[topic] ?? []).map(({ key, value, headers }, offset) => ({
      topic,
      partition: 0,
      offset,
      timestamp: 0,
      key: key === undefined ? null : Buffer.from(key),
      value: Buffer.from(value ?? "{}"),
      headers: Object.entries(headers ?? {}),
    }));
  return {
    describe: () =>
      Promise.resolve({
        brokers: ["memory:1"],
        topics: new Map(
          Object.keys(topics).map((topic) => [topic, { partitions: 1, replicas: 1, leaderless: 0 }]),
        ),
      }),
    ranges: (topic) =>
      Promise.resolve<Range[]>([{ topic, partition: 0, from: 0, to: messagesOf(topic).length }]),
    read: async function* (ranges) {
      for (const { topic, from, to } of ranges)
        yield await Promise.resolve(messagesOf(topic).slice(from, to));
    },
    openSender: () => Promise.reject(new Error("a broker in memory takes nothing")),
    close: () => Promise.resolve(),
  };
}
