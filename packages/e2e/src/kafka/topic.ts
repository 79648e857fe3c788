/**
 * What is in a topic, read by consumers of its own from the first message to the end.
 *
 * Invariant: an answer is complete. Every partition is read until the broker says that its end is reached, and that
 * end is not before the one that stood when the reading began, messages of unfinished transactions included: a commit
 * is answered before its markers are everywhere, so a reader that looked at finished ones only would now and then
 * miss what was just committed.
 */
import { randomUUID } from "node:crypto";
import rdkafka from "node-rdkafka";
import { metadataOf, persist, quiet, request, type ClientProperties } from "./client.js";

export interface TopicMessage {
  partition: number;
  offset: number;
  key: string | null;
  value: Buffer;
  headers: Readonly<Record<string, string>>;
  timestamp: number;
}

export interface ReadOptions {
  isolation?: "read_committed" | "read_uncommitted";
  /**
   * Transactions unfinished when the reading begins, which only `read_committed` minds: wait for their end (the
   * default), or stop before the first of each partition.
   */
  unfinished?: "wait" | "stop-before";
  /** What a topic that does not exist is: an error (the default), or as good as an empty one. */
  absent?: "error" | "empty";
  timeoutMs?: number;
  properties?: ClientProperties;
}

const READ_TIMEOUT_MS = 60_000;
const REQUEST_TIMEOUT_MS = 10_000;
const BATCH_MAX = 1_000;

/** Reads a whole topic: all partitions in turn, each in the order of its offsets. */
export async function readTopic(
  bootstrap: string,
  topic: string,
  options: ReadOptions = {},
): Promise<TopicMessage[]> {
  const isolation = options.isolation ?? "read_committed";
  const endIsolation = options.unfinished === "stop-before" ? isolation : "read_uncommitted";
  const timeoutMs = options.timeoutMs ?? READ_TIMEOUT_MS;
  const ends = await persist(timeoutMs, () =>
    withConsumer(bootstrap, endIsolation, options.properties, (consumer) => endsOf(consumer, topic)),
  );
  if (ends === undefined) {
    if (options.absent === "empty") return [];
    throw new Error(`there is no topic ${topic}`);
  }
  const messages = await persist(timeoutMs, () =>
    withConsumer(bootstrap, isolation, options.properties, (consumer) =>
      readToEnds(consumer, topic, new Map(ends), timeoutMs),
    ),
  );
  return messages.sort((left, right) => left.partition - right.partition || left.offset - right.offset);
}

async function withConsumer<Result>(
  bootstrap: string,
  isolation: "read_committed" | "read_uncommitted",
  properties: ClientProperties | undefined,
  use: (consumer: rdkafka.KafkaConsumer) => Promise<Result>,
): Promise<Result> {
  const consumer = new rdkafka.KafkaConsumer(
    {
      "bootstrap.servers": bootstrap,
      // Never joined: the partitions are assigned by hand.
      "group.id": `reader-${randomUUID()}`,
      "enable.auto.commit": false,
      "enable.partition.eof": true,
      "isolation.level": isolation,
      "fetch.wait.max.ms": 50,
      ...quiet,
      ...properties,
    },
    { "auto.offset.reset": "error" },
  );
  consumer.on("event.error", () => undefined);
  try {
    await request((done) => consumer.connect({ timeout: REQUEST_TIMEOUT_MS }, done));
    return await use(consumer);
  } finally {
    // It throws when the connection never was.
    if (consumer.isConnected()) {
      await request((done) => consumer.disconnect((_error, metrics) => done(null, metrics)));
    }
  }
}

/** The partitions that hold anything, each with its first offset and its end; undefined without such a topic. */
async function endsOf(
  consumer: rdkafka.KafkaConsumer,
  topic: string,
): Promise<Map<number, rdkafka.WatermarkOffsets> | undefined> {
  const ends = new Map<number, rdkafka.WatermarkOffsets>();
  const partitions = await partitionsOf(consumer, topic);
  if (partitions.length === 0) return undefined;
  for (const partition of partitions) {
    const watermarks = await request<rdkafka.WatermarkOffsets>((done) =>
      consumer.queryWatermarkOffsets(topic, partition, REQUEST_TIMEOUT_MS, done),
    );
    if (watermarks.lowOffset < watermarks.highOffset) ends.set(partition, watermarks);
  }
  return ends;
}

async function readToEnds(
  consumer: rdkafka.KafkaConsumer,
  topic: string,
  ends: Map<number, rdkafka.WatermarkOffsets>,
  timeoutMs: number,
): Promise<TopicMessage[]> {
  if (ends.size === 0) return [];
  consumer.assign([...ends].map(([partition, { lowOffset }]) => ({ topic, partition, offset: lowOffset })));
  consumer.setDefaultConsumeTimeout(50);
  consumer.on("partition.eof", ({ partition, offset }) => {
    const end = ends.get(partition);
    if (end !== undefined && offset >= end.highOffset) ends.delete(partition);
  });
  const messages: TopicMessage[] = [];
  const deadline = performance.now() + timeoutMs;
  while (ends.size > 0) {
    if (performance.now() > deadline) {
      const left = [...ends]
        .map(([partition, { highOffset }]) => `${partition} up to ${highOffset}`)
        .join(", ");
      throw new Error(`topic ${topic} was not read whole within ${timeoutMs} ms; left: partition ${left}`);
    }
    const batch = await request<rdkafka.Message[]>((done) => consumer.consume(BATCH_MAX, done));
    for (const message of batch) messages.push(toMessage(message));
  }
  return messages;
}

async function partitionsOf(consumer: rdkafka.KafkaConsumer, topic: string): Promise<number[]> {
  const metadata = await metadataOf(consumer, { topic });
  const partitions = metadata.topics.find((each) => each.name === topic)?.partitions ?? [];
  return partitions.map((partition) => partition.id);
}

function toMessage(message: rdkafka.Message): TopicMessage {
  const headers: Record<string, string> = {};
  for (const header of message.headers ?? []) {
    for (const [name, value] of Object.entries(header)) {
      if (name in headers) throw new Error(`a message of ${message.topic} has two headers ${name}`);
      headers[name] = value.toString();
    }
  }
  return {
    partition: message.partition,
    offset: message.offset,
    key: message.key === null || message.key === undefined ? null : message.key.toString(),
    value: message.value ?? Buffer.alloc(0),
    headers,
    timestamp: message.timestamp ?? -1,
  };
}
