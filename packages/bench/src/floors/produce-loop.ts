/**
 * What node-rdkafka does by itself with the same messages, keys, values and header: a loop that hands them over and
 * waits until the last one is with the broker. Run as `node produce-loop.js <bootstrap> <topic> <messages>`; prints a Turn.
 */
import rdkafka from "node-rdkafka";
import { setTimeout as delay } from "node:timers/promises";
import { backlogEvents } from "../spool-filling.js";

const [, , bootstrap = "", topic = "", count = "0"] = process.argv;
const TIMEOUT_MS = 60_000;
const QUEUE_FULL = -184;
/** The loop gives up after this: a broker that takes nothing more must not hold up the other rows. */
const SECONDS_MAX = 120;

const producer = new rdkafka.Producer(
  {
    "bootstrap.servers": bootstrap,
    "enable.idempotence": true,
    "compression.type": "lz4",
    "linger.ms": 5,
    "queue.buffering.max.messages": 200_000,
    log_level: 0,
  },
  { acks: -1, partitioner: "murmur2_random" },
);
await new Promise<void>((resolve, reject) => {
  producer.connect({ timeout: TIMEOUT_MS }, (error) =>
    error ? reject(new Error(error.message)) : resolve(),
  );
});
// The topic is there when the clock starts, as for the forwarder.
await new Promise<void>((resolve, reject) => {
  producer.getMetadata({ topic, timeout: TIMEOUT_MS }, (error) =>
    error ? reject(new Error(error.message)) : resolve(),
  );
});
const headers = [{ "content-type": "application/json" }];
const messages = backlogEvents().map(({ key, value }) => ({
  key: Buffer.from(key),
  value: Buffer.from(value),
}));
const events = Number(count);
const cpuBefore = process.cpuUsage();
const startedAt = performance.now();
for (let number = 0; number < events; number += 1) {
  const message = messages[number % messages.length];
  while (message !== undefined && !isTaken(message)) {
    if (performance.now() - startedAt > SECONDS_MAX * 1000) throw new Error("the broker takes nothing more");
    // Without this librdkafka lets go of nothing that was delivered.
    producer.poll();
    await delay(1);
  }
}
await new Promise<void>((resolve, reject) => {
  producer.flush(TIMEOUT_MS, (error) => (error ? reject(new Error(error.message)) : resolve()));
});
const seconds = (performance.now() - startedAt) / 1000;
const { user, system } = process.cpuUsage(cpuBefore);
process.stdout.write(JSON.stringify({ events, seconds, cpuSeconds: (user + system) / 1e6 }));
process.exit(0);

function isTaken({ key, value }: { key: Buffer; value: Buffer }): boolean {
  try {
    producer.produce(topic, null, value, key, null, undefined, headers);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === QUEUE_FULL) return false;
    throw error;
  }
}
