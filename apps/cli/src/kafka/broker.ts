/**
 * The command's door to the broker: what is there, what is in a topic up to its end, and sending.
 *
 * **Invariant:** this is the only file of the command that imports node-rdkafka. **Invariant:** only what was
 * committed is read, and every range is read to the end that it names or the reading rejects.
 */
import { asNativeError, BrokerFailure, connectClient, kafkaProperties } from "@event-collector/kafka";
import type { BrokerObserver, Client, KafkaConfig, KafkaProperties } from "@event-collector/kafka";
import type { Clock } from "@event-collector/spool";
import rdkafka from "node-rdkafka";
import { createSender } from "./sender.js";
import type { Sender } from "./sender.js";
import type { TopicMessage } from "./topic-message.js";

export interface Topic {
  readonly partitions: number;
  /** Of the partition that has fewest. */
  readonly replicas: number;
  /** Partitions that nobody leads now. */
  readonly leaderless: number;
}

export interface Cluster {
  /** `host:port`. */
  readonly brokers: readonly string[];
  readonly topics: ReadonlyMap<string, Topic>;
}

/** A part of a partition: offsets from `from` up to, and without, `to`. */
export interface Range {
  readonly topic: string;
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

export interface Broker {
  describe(): Promise<Cluster>;
  /** What the topic holds now, from the first message at or after `since` (milliseconds) if that is given. */
  ranges(topic: string, since?: number): Promise<Range[]>;
  /** The messages in these ranges, piece by piece; each partition in its order. */
  read(ranges: readonly Range[]): AsyncGenerator<TopicMessage[], void, undefined>;
  openSender(): Promise<Sender>;
  close(): Promise<void>;
}

export interface BrokerOptions {
  /** The current OAUTHBEARER token; absent with other mechanisms. */
  readonly token: (() => Promise<string>) | undefined;
}

/** One call over the network. Milliseconds. */
const CALL_TIMEOUT_MS = 10_000;
/** Until a broker answers for the first time; whoever waits at a terminal wants to know. Milliseconds. */
const CONNECT_TIMEOUT_MS = 5_000;
/** A range of which nothing comes for so long is given up: longer than the longest transaction by default. */
const SILENCE_MS = 120_000;
const READ_RECORDS = 1_000;
/** Fetched ahead: enough for a fast disk, little enough for a small machine. */
const READ_AHEAD_KIB = 16 * 1024;
/** The sender holds no window of the spool, so that its queue may be small. */
const QUEUE = { windowLinesMax: 10_000, windowBytesMax: 16 * 1024 * 1024, lineBytesMax: 64 * 1024 * 1024 };

/** Throws a BrokerFailure of class `configuration` if librdkafka does not accept the properties. */
export function createBroker(clock: Clock, kafka: KafkaConfig, options: BrokerOptions): Broker {
  // The properties of transactions are for the forwarder alone.
  const properties = kafkaProperties({ ...kafka, delivery: "at-least-once" }, QUEUE);
  assertAcceptable(properties);
  const clientOptions = { token: options.token, connectTimeoutMs: CONNECT_TIMEOUT_MS };
  const connect = (isolation: Isolation) => connectConsumer(properties, isolation, clientOptions);
  let scout: Promise<Client<rdkafka.KafkaConsumer>> | undefined;
  const senders: Sender[] = [];
  // What is not committed yet stands before the end: it is waited for, so that no answer is short of it.
  const look = () => (scout ??= connect("read_uncommitted"));
  return {
    describe: async () => describeCluster(await look()),
    ranges: async (topic, since) => rangesOf(await look(), topic, since),
    read: async function* (ranges) {
      if (ranges.length === 0) return;
      const client = await connect("read_committed");
      try {
        yield* readRanges(client, clock, ranges);
      } finally {
        await client.close();
      }
    },
    openSender: async () => {
      const native = new rdkafka.Producer(
        { ...properties.connection, ...properties.producer, "enable.idempotence": true, dr_cb: true },
        { ...properties.topic, "message.timeout.ms": SILENCE_MS },
      );
      const disconnect = (done: () => void): unknown => native.disconnect(0, done);
      const sender = createSender(await connectClient(native, disconnect, clientOptions, SILENT));
      senders.push(sender);
      return sender;
    },
    close: async () => {
      for (const sender of senders) await sender.close();
      await scout?.then(
        (client) => client.close(),
        () => undefined,
      );
    },
  };
}

type Isolation = "read_committed" | "read_uncommitted";

/** What a client says beside its answers is of no use to somebody who waits for one. */
const SILENT: BrokerObserver = {
  reachable: () => undefined,
  heard: () => undefined,
  logged: () => undefined,
};

function connectConsumer(
  properties: KafkaProperties,
  isolation: Isolation,
  options: Parameters<typeof connectClient>[2],
): Promise<Client<rdkafka.KafkaConsumer>> {
  const native = new rdkafka.KafkaConsumer(
    {
      ...properties.connection,
      // Demanded by librdkafka; the group is never joined and nothing is committed under it.
      "group.id": "event-collector-cli",
      "enable.auto.commit": false,
      "isolation.level": isolation,
      "enable.partition.eof": true,
      "fetch.wait.max.ms": 50,
      "queued.max.messages.kbytes": READ_AHEAD_KIB,
    },
    { "auto.offset.reset": "earliest" },
  );
  return connectClient(native, (done) => native.disconnect(done), options, SILENT);
}

async function describeCluster(client: Client<rdkafka.KafkaConsumer>): Promise<Cluster> {
  const metadata = await client.call<rdkafka.Metadata>((done) =>
    client.native.getMetadata({ allTopics: true, timeout: CALL_TIMEOUT_MS }, done),
  );
  const topics = metadata.topics.map(({ name, partitions }): [string, Topic] => [
    name,
    {
      partitions: partitions.length,
      replicas: Math.min(...partitions.map(({ replicas }) => replicas.length)),
      leaderless: partitions.filter(({ leader }) => leader < 0).length,
    },
  ]);
  const brokers = metadata.brokers.map(({ host, port }) => `${host}:${port}`);
  return { brokers, topics: new Map(topics) };
}

async function rangesOf(
  client: Client<rdkafka.KafkaConsumer>,
  topic: string,
  since: number | undefined,
): Promise<Range[]> {
  const found = (await describeCluster(client)).topics.get(topic);
  if (found === undefined) throw new BrokerFailure("configuration", `there is no topic ${topic}`);
  const ranges: Range[] = [];
  for (let partition = 0; partition < found.partitions; partition++) {
    const { lowOffset, highOffset } = await client.call<rdkafka.WatermarkOffsets>((done) =>
      client.native.queryWatermarkOffsets(topic, partition, CALL_TIMEOUT_MS, done),
    );
    if (lowOffset === highOffset) continue;
    const from = since === undefined ? lowOffset : await offsetAt(client, topic, partition, since);
    // Where nothing is that new all is read: brokers that cannot look up times answer the same.
    ranges.push({ topic, partition, from: from ?? lowOffset, to: highOffset });
  }
  return ranges;
}

/** The first offset at or after the time; undefined if there is none. */
async function offsetAt(
  client: Client<rdkafka.KafkaConsumer>,
  topic: string,
  partition: number,
  since: number,
): Promise<number | undefined> {
  // librdkafka takes the time in the place of the offset.
  const [answer] = await client.call<rdkafka.TopicPartitionOffset[]>((done) =>
    client.native.offsetsForTimes([{ topic, partition, offset: since }], CALL_TIMEOUT_MS, done),
  );
  return answer === undefined || answer.offset < 0 ? undefined : answer.offset;
}

async function* readRanges(
  client: Client<rdkafka.KafkaConsumer>,
  clock: Clock,
  ranges: readonly Range[],
): AsyncGenerator<TopicMessage[], void, undefined> {
  const { native } = client;
  const ends = new Map(ranges.map((range) => [placeOf(range), range.to]));
  // The end of a partition may be told before the last messages in front of it are handed out.
  const left = new Map(ends);
  const reach = (place: string, offset: number): void => {
    const to = left.get(place);
    if (to !== undefined && offset >= to) left.delete(place);
  };
  native.on("partition.eof", (end) => reach(placeOf(end), end.offset));
  native.setDefaultConsumeTimeout(50);
  native.assign(ranges.map(({ topic, partition, from }) => ({ topic, partition, offset: from })));
  let heardAt = clock.monotonic();
  while (left.size > 0) {
    const sizeBefore = left.size;
    const messages = await client.call<rdkafka.Message[]>((done) => native.consume(READ_RECORDS, done));
    const wanted = messages.filter((message) => message.offset < (ends.get(placeOf(message)) ?? 0));
    for (const message of messages) reach(placeOf(message), message.offset + 1);
    if (wanted.length > 0) yield wanted.map(messageOf);
    if (messages.length > 0 || left.size < sizeBefore) heardAt = clock.monotonic();
    if (clock.monotonic() - heardAt > SILENCE_MS) {
      const places = [...left].map(([place, to]) => `${place} up to ${to}`).join(", ");
      throw new BrokerFailure("retriable", `the broker did not let these be read to their end: ${places}`);
    }
  }
}

function placeOf({ topic, partition }: { topic: string; partition: number }): string {
  return `${topic}/${partition}`;
}

function messageOf(message: rdkafka.Message): TopicMessage {
  return {
    topic: message.topic,
    partition: message.partition,
    offset: message.offset,
    timestamp: message.timestamp ?? -1,
    key: asBuffer(message.key),
    value: message.value,
    headers: (message.headers ?? []).flatMap((header) =>
      Object.entries(header).map(([name, value]): [string, string] => [name, value.toString()]),
    ),
  };
}

function asBuffer(key: rdkafka.MessageKey | undefined): Buffer | null {
  if (key === null || key === undefined) return null;
  return Buffer.isBuffer(key) ? key : Buffer.from(String(key));
}

function assertAcceptable({ connection, producer, topic }: KafkaProperties): void {
  try {
    // Constructed and never connected: the constructor checks the names and the values.
    void new rdkafka.Producer({ ...connection, ...producer }, topic);
  } catch (error) {
    const message = `librdkafka refuses the configuration: ${asNativeError(error).message}`;
    throw new BrokerFailure("configuration", message, { cause: error });
  }
}
