/** What tests do to topics behind the back of a forwarder. */
import { setTimeout as delay } from "node:timers/promises";
import rdkafka from "node-rdkafka";
import { quiet, request } from "../kafka/client.js";

const REQUEST_TIMEOUT_MS = 10_000;
const LEADER_TIMEOUT_MS = 120_000;
/** Between two questions, so that asking does not keep the brokers from electing. */
const LOOK_PAUSE_MS = 100;

/** Deletes the topic with all that is in it. */
export async function deleteTopic(bootstrap: string, topic: string): Promise<void> {
  const admin = rdkafka.AdminClient.create({ "bootstrap.servers": bootstrap, ...quiet });
  try {
    await request<undefined>((done) =>
      admin.deleteTopic(topic, REQUEST_TIMEOUT_MS, (error) => done(error, undefined)),
    );
  } finally {
    admin.disconnect();
  }
}

/** The node that leads a partition of the topic, by its id; -1 while there is none. */
export function leaderOf(bootstrap: string, topic: string, partition: number): Promise<number> {
  return awaitLeader(bootstrap, topic, partition, () => true);
}

/** Waits until a node that `matches` leads the partition, and resolves with its id. */
export async function awaitLeader(
  bootstrap: string,
  topic: string,
  partition: number,
  matches: (leader: number) => boolean,
): Promise<number> {
  const client = new rdkafka.Producer({ "bootstrap.servers": bootstrap, ...quiet });
  client.on("event.error", () => undefined);
  const deadline = performance.now() + LEADER_TIMEOUT_MS;
  try {
    await request((done) => client.connect({ timeout: REQUEST_TIMEOUT_MS }, done));
    while (performance.now() < deadline) {
      // The node that is asked may be the one that does not answer.
      const metadata = await request<rdkafka.Metadata>((done) =>
        client.getMetadata({ topic, timeout: REQUEST_TIMEOUT_MS }, done),
      ).catch(() => undefined);
      const partitions = metadata?.topics.find(({ name }) => name === topic)?.partitions ?? [];
      const leader = partitions.find(({ id }) => id === partition)?.leader ?? -1;
      if (matches(leader)) return leader;
      await delay(LOOK_PAUSE_MS);
    }
    throw new Error(`no such leader of ${topic}/${partition} after ${LEADER_TIMEOUT_MS} ms`);
  } finally {
    if (client.isConnected()) await request((done) => client.disconnect((_, metrics) => done(null, metrics)));
  }
}
