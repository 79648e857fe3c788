/** Follows a topic from its end on, as a consumer of committed messages, and tells when each event became visible. */
import { randomUUID } from "node:crypto";
import rdkafka from "node-rdkafka";
import { quiet, request } from "../kafka/client.js";
import { eventIdIn } from "../published.js";

export interface Tail {
  /** When each event was first seen, in milliseconds since the epoch, by its id. */
  readonly seen: ReadonlyMap<string, number>;
  /** Messages seen, those without an id included. */
  readonly messages: number;
  /** How often each numbered event was seen; not beyond 255. */
  readonly copies: Uint8Array;
  close(): Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;
const CONSUME_TIMEOUT_MS = 1_000;

/** An id that stands for no more than its number: millions of them are counted in as many bytes. */
export function numberedId(number: number): string {
  return `${NUMBERED}${number}`;
}

const NUMBERED = "numbered-";

/** The topic has `partitions` partitions, all of them empty or read by nobody here. */
export async function startTail(
  bootstrap: string,
  topic: string,
  { partitions, numbered = 0 }: { partitions: number; numbered?: number },
): Promise<Tail> {
  const consumer = new rdkafka.KafkaConsumer(
    {
      "bootstrap.servers": bootstrap,
      "group.id": `tail-${randomUUID()}`,
      "enable.auto.commit": false,
      "isolation.level": "read_committed",
      "fetch.wait.max.ms": 10,
      ...quiet,
    },
    { "auto.offset.reset": "earliest" },
  );
  consumer.on("event.error", () => undefined);
  await request((done) => consumer.connect({ timeout: CONNECT_TIMEOUT_MS }, done));
  const seen = new Map<string, number>();
  const copies = new Uint8Array(numbered);
  let messages = 0;
  consumer.on("data", ({ value }) => {
    messages += 1;
    const id = eventIdIn(value?.toString() ?? "");
    if (id === undefined) return;
    if (id.startsWith(NUMBERED)) {
      const number = Number(id.slice(NUMBERED.length));
      copies[number] = Math.min(255, (copies[number] ?? 0) + 1);
    } else if (!seen.has(id)) seen.set(id, Date.now());
  });
  consumer.setDefaultConsumeTimeout(CONSUME_TIMEOUT_MS);
  consumer.assign(Array.from({ length: partitions }, (_, partition) => ({ topic, partition, offset: 0 })));
  consumer.consume();
  return {
    seen,
    copies,
    get messages() {
      return messages;
    },
    close: async () => {
      await request((done) => consumer.disconnect((_error, metrics) => done(null, metrics)));
    },
  };
}
