/**
 * The few requests that tests make of a broker themselves: does it answer, make a topic, what is in a topic.
 *
 * Invariant: every call has a time limit and leaves no client behind.
 */
import rdkafka from "node-rdkafka";
import { setTimeout as delay } from "node:timers/promises";

/** Properties of librdkafka that a client needs besides the address, for example those of SASL and TLS. */
export type ClientProperties = Readonly<Record<string, string | number | boolean>>;

export interface TopicOptions {
  partitions?: number;
  replicas?: number;
  config?: Readonly<Record<string, string>>;
}

const REQUEST_TIMEOUT_MS = 5_000;
const TOPIC_TIMEOUT_MS = 30_000;
const ATTEMPT_INTERVAL_MS = 50;
const TOPIC_ALREADY_EXISTS = 36;

/** Resolves when `brokers` brokers answer at `bootstrap`; rejects when they do not in time. */
export async function awaitBrokers(
  bootstrap: string,
  brokers: number,
  timeoutMs: number,
  properties: ClientProperties = {},
): Promise<void> {
  await persist(timeoutMs, () =>
    withProducer(bootstrap, properties, async (producer) => {
      const metadata = await metadataOf(producer, {});
      if (metadata.brokers.length < brokers)
        throw new Error(`fewer than ${brokers} brokers answer at ${bootstrap}`);
    }),
  );
}

/** Creates a topic and waits until each of its partitions has a leader. */
export async function createTopic(
  bootstrap: string,
  name: string,
  options: TopicOptions = {},
  properties: ClientProperties = {},
): Promise<void> {
  const partitions = options.partitions ?? 1;
  const topic = {
    topic: name,
    num_partitions: partitions,
    replication_factor: options.replicas ?? 1,
    config: { ...options.config },
  };
  const admin = rdkafka.AdminClient.create({ "bootstrap.servers": bootstrap, ...quiet, ...properties });
  let attempts = 0;
  try {
    await persist(TOPIC_TIMEOUT_MS, async () => {
      attempts += 1;
      await request<undefined>((done) =>
        admin.createTopic(topic, REQUEST_TIMEOUT_MS, (error?: rdkafka.LibrdKafkaError) => {
          // A request without an answer may have done its work all the same.
          const isDone = attempts > 1 && error?.code === TOPIC_ALREADY_EXISTS;
          done(isDone ? undefined : error, undefined);
        }),
      );
    });
  } finally {
    admin.disconnect();
  }
  await awaitTopic(bootstrap, name, partitions, properties);
}

/** Resolves when the topic has `partitions` partitions with leaders. A broker that creates topics when asked does. */
export async function awaitTopic(
  bootstrap: string,
  name: string,
  partitions: number,
  properties: ClientProperties = {},
): Promise<void> {
  await persist(TOPIC_TIMEOUT_MS, () =>
    withProducer(bootstrap, properties, async (producer) => {
      const metadata = await metadataOf(producer, { topic: name });
      const found = metadata.topics.find((topic) => topic.name === name)?.partitions ?? [];
      if (found.length < partitions || found.some((partition) => partition.leader < 0)) {
        throw new Error(`topic ${name} has no ${partitions} partitions with leaders at ${bootstrap}`);
      }
    }),
  );
}

/** What a client learns of the cluster, or of one topic. */
export function metadataOf(
  client: Pick<rdkafka.Producer | rdkafka.KafkaConsumer, "getMetadata">,
  options: { topic?: string },
): Promise<rdkafka.Metadata> {
  return request((done) => client.getMetadata({ ...options, timeout: REQUEST_TIMEOUT_MS }, done));
}

/**
 * Makes attempt after attempt until one succeeds; rejects with the failure of the last when the time is up. Brokers that
 * start, leaders that move and machines that are busy make single requests fail.
 */
export async function persist<Value>(timeoutMs: number, attempt: () => Promise<Value>): Promise<Value> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await delay(ATTEMPT_INTERVAL_MS);
    }
  }
}

/** Turns a call that answers by callback into a promise. */
export function request<Value>(
  call: (done: (error: unknown, value: Value) => void) => unknown,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    call((error, value) => {
      if (error === null || error === undefined) resolve(value);
      else reject(toError(error));
    });
  });
}

/** Properties with which a client meets a broker that is only starting. */
export const quiet: ClientProperties = {
  log_level: 0,
  "reconnect.backoff.ms": 50,
  "reconnect.backoff.max.ms": 250,
};

async function withProducer(
  bootstrap: string,
  properties: ClientProperties,
  use: (producer: rdkafka.Producer) => Promise<void>,
): Promise<void> {
  const producer = new rdkafka.Producer({ "bootstrap.servers": bootstrap, ...quiet, ...properties });
  // Without a listener librdkafka's notes about a broker that is only starting go to standard error.
  producer.on("event.error", () => undefined);
  try {
    await request((done) => producer.connect({ timeout: REQUEST_TIMEOUT_MS }, done));
    await use(producer);
  } finally {
    // It throws when the connection never was.
    if (producer.isConnected()) {
      await request((done) => producer.disconnect((_error, metrics) => done(null, metrics)));
    }
  }
}

/** librdkafka's errors often have nothing but a code; the stack then begins with its text. */
function toError(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  return error.message === undefined || error.message === ""
    ? new Error(
        error.stack?.split("\n")[0] ?? `error ${"code" in error ? String(error.code) : "without a code"}`,
      )
    : error;
}
