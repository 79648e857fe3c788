/**
 * The configuration in librdkafka's own words, in the three places where they belong.
 *
 * **Invariant:** topic-level properties stand in `topic` and nowhere else: in the global part node-rdkafka ignores
 * them without a word. **Invariant:** what the guarantees rest on cannot be changed by a configuration file.
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

/** Why a property may not stand in a configuration file. */
const REFUSED: ReadonlyMap<string, string> = new Map([
  ["bootstrap.servers", "set KAFKA_BOOTSTRAP_SERVERS"],
  ["metadata.broker.list", "set KAFKA_BOOTSTRAP_SERVERS"],
  ["message.max.bytes", "set KAFKA_MESSAGE_BYTES_MAX"],
  ["transaction.timeout.ms", "set KAFKA_TRANSACTION_TIMEOUT_SECONDS"],
  ["transactional.id", "it belongs to the spool"],
  ["enable.idempotence", "without it a retry makes duplicates"],
  ["acks", "less than all brokers loses what was confirmed"],
  ["request.required.acks", "less than all brokers loses what was confirmed"],
  ["message.timeout.ms", "the forwarder decides how long to try"],
  ["delivery.timeout.ms", "the forwarder decides how long to try"],
  ["retries", "the forwarder decides how long to try"],
  ["message.send.max.retries", "the forwarder decides how long to try"],
  ["delivery.report.only.error", "reports decide how far the cursor moves"],
  ["isolation.level", "cursors of aborted transactions must not be read"],
  ["group.id", "no consumer group is used"],
  ["enable.auto.commit", "no consumer group is used"],
  ["enable.partition.eof", "the end of the cursor topic must be seen"],
]);

/** The properties in the text of a configuration file: one `name=value` a line, `#` begins a comment line. */
export function parsePropertiesFile(text: string): Record<string, string> {
  const properties: Record<string, string> = {};
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const trimmed = line.trim();
    if (trimmed === "" || trimmed.startsWith("#")) continue;
    const equals = trimmed.indexOf("=");
    if (equals < 1) throw new RangeError(`line ${index + 1} is not of the form name=value`);
    const name = trimmed.slice(0, equals).trim();
    const why = REFUSED.get(name);
    if (why !== undefined) throw new RangeError(`${name} may not be set there: ${why}`);
    properties[name] = trimmed.slice(equals + 1).trim();
  }
  return properties;
}
