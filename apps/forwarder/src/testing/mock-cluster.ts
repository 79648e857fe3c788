/** librdkafka's mock cluster, and all that stands in a topic of it. */
import rdkafka from "node-rdkafka";
import type { Message } from "node-rdkafka";
import type { Test } from "tap";
import { until } from "./workbench.js";

type Done<Result> = (error: rdkafka.LibrdKafkaError | null, result: Result) => void;

/** The types of node-rdkafka do not know the first of these. */
const MOCK: object = { "test.mock.num.brokers": 1, "bootstrap.servers": "mock" };
/** A machine that does much else may take its time. Milliseconds. */
const TIMEOUT_MS = 60_000;

export function promised<Result>(start: (done: Done<Result>) => unknown): Promise<Result> {
  return new Promise((resolve, reject) => {
    start((error, result) => {
      if (error === null || error === undefined) resolve(result);
      else reject(new Error(error.message));
    });
  });
}

/** Starts a cluster with these topics; resolves with its address. */
export async function startMockCluster(
  t: Pick<Test, "teardown">,
  topics: readonly string[],
): Promise<string> {
  const cluster = new rdkafka.Producer(MOCK, {});
  t.teardown(() => new Promise<void>((resolve) => cluster.disconnect(0, () => resolve())));
  const metadata = await promised<rdkafka.Metadata>((done) => cluster.connect({ timeout: TIMEOUT_MS }, done));
  for (const topic of topics) {
    await promised<rdkafka.Metadata>((done) => cluster.getMetadata({ topic, timeout: TIMEOUT_MS }, done));
  }
  return metadata.brokers.map(({ host, port }) => `${host}:${port}`).join(",");
}

/**
 * What stands in a topic, read committed, once there are `count` messages, in the order of each partition. There is one
 * more look, so that what comes twice is seen.
 */
export async function readMockTopic(
  t: Pick<Test, "teardown">,
  bootstrap: string,
  topic: string,
  count: number,
): Promise<Message[]> {
  const consumer = new rdkafka.KafkaConsumer(
    {
      "bootstrap.servers": bootstrap,
      "group.id": "test",
      "isolation.level": "read_committed",
      "fetch.wait.max.ms": 20,
    },
    { "auto.offset.reset": "earliest" },
  );
  t.teardown(() => new Promise<void>((resolve) => consumer.disconnect(() => resolve())));
  await promised<rdkafka.Metadata>((done) => consumer.connect({ timeout: TIMEOUT_MS }, done));
  const metadata = await promised<rdkafka.Metadata>((done) =>
    consumer.getMetadata({ topic, timeout: TIMEOUT_MS }, done),
  );
  const partitions = metadata.topics.find(({ name }) => name === topic)?.partitions ?? [];
  consumer.assign(partitions.map(({ id }) => ({ topic, partition: id, offset: 0 })));
  consumer.setDefaultConsumeTimeout(20);
  const messages: Message[] = [];
  const look = async (): Promise<void> => {
    messages.push(...(await promised<Message[]>((done) => consumer.consume(1_000, done))));
  };
  await until(async () => {
    await look();
    return messages.length >= count;
  });
  await look();
  return messages;
}
