/**
 * The configuration in librdkafka's own words, in the three places where they belong.
 *
 * **Invariant:** topic-level properties stand in `topic` and nowhere else: in the global part node-rdkafka ignores
 * them without a word.
 */
import type { KafkaConfig } from "./settings.js";

export type PropertyValue = string | number | boolean;

export interface KafkaProperties {
  /** How to reach the brokers: shared by producers, the reader of the cursor topic and the maker of topics. */
  readonly connection: Readonly<Record<string, PropertyValue>>;
  /** Global properties of producers alone. */
  readonly producer: Readonly<Record<string, PropertyValue>>;
  /** Topic-level properties of producers: the second argument of the constructor. */
  readonly topic: Readonly<Record<string, PropertyValue>>;
}

/** How much of the spool is in the hands of librdkafka at a time. */
export interface QueueLimits {
  readonly windowLinesMax: number;
  readonly windowBytesMax: number;
  readonly lineBytesMax: number;
}

const KIB = 1024;

/** Silent for this long, a connection is given up, so that a half-open one is found within a transaction's life. */
const SOCKET_TIMEOUT_MS = 15_000;
/** A broker that is back is noticed at the latest after this. */
const RECONNECT_MS_MAX = 3_000;
/**
 * Bytes of one batch, before compression. A broker refuses a batch above `max.message.bytes` of the topic as it does
 * a record, so batches stay well below any limit that is in use; larger ones save little.
 */
const BATCH_BYTES_MAX = 256 * KIB;
/** Records beside those of a window: cursors, the ledger, and what a retry left. */
const QUEUE_MESSAGES_SPARE = 10_000;

export function kafkaProperties(kafka: KafkaConfig, limits: QueueLimits): KafkaProperties {
  const fromFile = Object.entries(kafka.properties);
  return {
    connection: {
      "bootstrap.servers": kafka.bootstrapServers,
      "client.id": kafka.clientId,
      "socket.keepalive.enable": true,
      "socket.timeout.ms": SOCKET_TIMEOUT_MS,
      "reconnect.backoff.max.ms": RECONNECT_MS_MAX,
      ...securityProperties(kafka),
      ...Object.fromEntries(fromFile.filter(([name]) => !TOPIC_LEVEL.has(name))),
    },
    producer: {
      "compression.type": kafka.compression,
      "linger.ms": kafka.lingerMs,
      "batch.size": BATCH_BYTES_MAX,
      "message.max.bytes": kafka.messageBytesMax,
      // A whole window must fit: a full queue in the middle of a transaction would only be waited out.
      "queue.buffering.max.messages": 2 * limits.windowLinesMax + QUEUE_MESSAGES_SPARE,
      "queue.buffering.max.kbytes": Math.ceil((2 * limits.windowBytesMax + 2 * limits.lineBytesMax) / KIB),
      ...(kafka.delivery === "exactly-once" ? { "transaction.timeout.ms": kafka.transactionTimeoutMs } : {}),
      ...Object.fromEntries(fromFile.filter(([name]) => name in PRODUCER_DEFAULTS)),
    },
    topic: {
      // librdkafka's own default (CRC32) would put a learner elsewhere than a Java producer does.
      partitioner: "murmur2_random",
      acks: -1,
      ...Object.fromEntries(fromFile.filter(([name]) => TOPIC_LEVEL.has(name))),
    },
  };
}

/** Properties set above, so that the file can win over them. */
const PRODUCER_DEFAULTS: Readonly<Record<string, true>> = {
  "compression.type": true,
  "linger.ms": true,
  "batch.size": true,
  "queue.buffering.max.messages": true,
  "queue.buffering.max.kbytes": true,
};

const TOPIC_LEVEL: ReadonlySet<string> = new Set([
  "request.timeout.ms",
  "partitioner",
  "queuing.strategy",
  "compression.level",
]);

function securityProperties({ security }: KafkaConfig): Record<string, PropertyValue> {
  const properties: Record<string, PropertyValue> = { "security.protocol": security.protocol };
  const { sasl, tls } = security;
  if (sasl.mechanism !== undefined) properties["sasl.mechanisms"] = sasl.mechanism;
  if (sasl.username !== undefined) properties["sasl.username"] = sasl.username;
  if (sasl.password !== undefined) properties["sasl.password"] = sasl.password;
  if (tls.caFile !== undefined) properties["ssl.ca.location"] = tls.caFile;
  if (tls.certificateFile !== undefined) properties["ssl.certificate.location"] = tls.certificateFile;
  if (tls.keyFile !== undefined) properties["ssl.key.location"] = tls.keyFile;
  if (tls.keyPassword !== undefined) properties["ssl.key.password"] = tls.keyPassword;
  if (!tls.verifyHostname) properties["ssl.endpoint.identification.algorithm"] = "none";
  return properties;
}
