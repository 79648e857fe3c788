/**
 * The few requests that tests make of a broker themselves: does it answer, make a topic, what is in a topic.
 *
 * Invariant: every call has a time limit and leaves no client behind.
 */
import rdkafka from "node-rdkafka";

/** Properties of librdkafka that a client needs besides the address, for example those of SASL and TLS. */
export type ClientProperties = Readonly<Record<string, string | number | boolean>>;

export interface TopicOptions {
  partitions?: number;
  replicas?: number;
  config?: Readonly<Record<string, string>>;
}

const REQUEST_TIMEOUT_MS = 5_000;

/** Resolves when `brokers` brokers answer at `bootstrap`; rejects when they do not in time. */
export async function awaitBrokers(
  bootstrap: string,
  brokers: number,
  timeoutMs: number,
  properties: ClientProperties = {},
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  await withProducer(bootstrap, properties, timeoutMs, async (producer) => {
    while (performance.now() < deadline) {
      const metadata = await request<rdkafka.Metadata>((done) =>
        producer.getMetadata({ timeout: REQUEST_TIMEOUT_MS }, done),
      );
      if (metadata.brokers.length >= brokers) return;
    }
    throw new Error(`${bootstrap}: fewer than ${brokers} brokers answer after ${timeoutMs} ms`);
  });
}

/** Creates a topic and waits until each of its partitions has a leader. */
export async function createTopic(
  bootstrap: string,
  name: string,
  options: TopicOptions = {},
  properties: ClientProperties = {},
): Promise<void> {
  const partitions = options.partitions ?? 1;
  const admin = rdkafka.AdminClient.create({ "bootstrap.servers": bootstrap, ...quiet, ...properties });
  const topic = {
    topic: name,
    num_partitions: partitions,
    replication_factor: options.replicas ?? 1,
    config: { ...options.config },
  };
  try {
    await request<undefined>((done) =>
      admin.createTopic(topic, REQUEST_TIMEOUT_MS * 2, (error) => done(error, undefined)),
    );
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
  const deadline = performance.now() + REQUEST_TIMEOUT_MS * 4;
  await withProducer(bootstrap, properties, REQUEST_TIMEOUT_MS, async (producer) => {
    while (performance.now() < deadline) {
      const metadata = await request<rdkafka.Metadata>((done) =>
        producer.getMetadata({ topic: name, timeout: REQUEST_TIMEOUT_MS }, done),
      );
      const found = metadata.topics.find((topic) => topic.name === name)?.partitions ?? [];
      if (found.length >= partitions && found.every((partition) => partition.leader >= 0)) return;
    }
    throw new Error(`${bootstrap}: topic ${name} has no ${partitions} partitions with leaders`);
  });
}

/** Turns a call that answers by callback into a promise. */
export function request<Value>(
  call: (done: (error: unknown, value: Value) => void) => unknown,
): Promise<Value> {
  return new Promise((resolve, reject) => {
    call((error, value) => {
      if (error === null || error === undefined) resolve(value);
      else reject(error instanceof Error ? error : new Error(messageOf(error)));
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
  timeoutMs: number,
  use: (producer: rdkafka.Producer) => Promise<void>,
): Promise<void> {
  const producer = new rdkafka.Producer({ "bootstrap.servers": bootstrap, ...quiet, ...properties });
  // Without a listener librdkafka's notes about a broker that is only starting go to standard error.
  producer.on("event.error", () => undefined);
  try {
    await request((done) => producer.connect({ timeout: timeoutMs }, done));
    await use(producer);
  } finally {
    // It throws when the connection never was.
    if (producer.isConnected()) {
      await request((done) => producer.disconnect((_error, metrics) => done(null, metrics)));
    }
  }
}

function messageOf(error: unknown): string {
  return typeof error === "object" && error !== null && "message" in error
    ? String(error.message)
    : String(error);
}
