/** Copies what a topic holds into another one, with faults on the way: topics cannot be told to lose a message. */
import rdkafka from "node-rdkafka";
import { readTopic, type Kafka, type TopicMessage } from "../kafka/index.js";

const TIMEOUT_MS = 30_000;

/** `times` says how often each message goes into the copy; its partitions are as many as those of the original. */
export async function copyTopic(
  kafka: Kafka,
  from: string,
  to: string,
  times: (message: TopicMessage, index: number) => number,
): Promise<void> {
  const messages = await readTopic(kafka.bootstrap, from);
  await sendMessages(
    kafka,
    to,
    messages.flatMap((message, index) => Array.from({ length: times(message, index) }, () => message)),
  );
}

/** Sends the messages with their keys and headers, and waits until the broker has confirmed each. */
export async function sendMessages(
  kafka: Kafka,
  topic: string,
  messages: readonly Pick<TopicMessage, "key" | "value" | "headers">[],
): Promise<void> {
  const producer = new rdkafka.Producer({
    "bootstrap.servers": kafka.bootstrap,
    "enable.idempotence": true,
    dr_cb: true,
  });
  producer.on("event.error", () => undefined);
  await new Promise((resolve, reject) => {
    producer.connect({ timeout: TIMEOUT_MS }, (error) =>
      error === null ? resolve(undefined) : reject(new Error(error.message)),
    );
  });
  producer.setPollInterval(5);
  const confirmed = new Promise<void>((resolve, reject) => {
    let left = messages.length;
    if (left === 0) resolve();
    producer.on("delivery-report", (error) => {
      if (error !== null) reject(new Error(error.message));
      left -= 1;
      if (left === 0) resolve();
    });
  });
  for (const { key, value, headers } of messages) {
    const list = Object.entries(headers).map(([name, text]) => ({ [name]: text }));
    producer.produce(topic, null, value, key === null ? null : Buffer.from(key), null, null, list);
  }
  await confirmed;
  await new Promise((resolve) => producer.disconnect(resolve));
}
