/**
 * Every environment variable of the forwarder: its meaning, its default and the reason for it.
 *
 * **Invariant:** the schema below is the only list of names. Relations between variables are checked in `config.ts`.
 */
import * as v from "valibot";
import { readProperties, readSecret } from "./named-file.js";
import type { ReadText } from "./named-file.js";
import { ConfigError } from "./settings.js";
import type { ForwarderConfig, KafkaConfig, SecurityConfig, SpoolConfig } from "./settings.js";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const PORT_MAX = 65_535;

/** One line of the table of settings. */
export interface EnvironmentVariable {
  readonly name: string;
  /** As it would be written; undefined where there is none. */
  readonly default: string | undefined;
  readonly description: string;
}

function text(fallback: string, description: string) {
  return v.optional(v.pipe(v.string(), v.description(description)), fallback);
}

function optionalText(description: string) {
  return v.optional(v.pipe(v.string(), v.description(description)));
}

function whole(min: number, max: number, description: string) {
  return v.pipe(
    v.string(),
    v.check((value) => isWhole(value, min, max), `must be a whole number from ${min} to ${max}`),
    v.transform(Number),
    v.description(description),
  );
}

function isWhole(value: string, min: number, max: number): boolean {
  return value.length <= 15 && /^\d+$/.test(value) && Number(value) >= min && Number(value) <= max;
}

/** A number of hours, of which parts may be named. */
function hours(max: number, description: string) {
  return v.pipe(
    v.string(),
    v.check(
      (value) => /^\d{1,6}(\.\d{1,9})?$/.test(value) && Number(value) <= max,
      `must be from 0 to ${max}`,
    ),
    v.transform(Number),
    v.description(description),
  );
}

function flag(fallback: "true" | "false", description: string) {
  return v.optional(
    v.pipe(
      v.string(),
      v.transform((value) => value.toLowerCase()),
      v.picklist(["true", "false", "1", "0"], "must be true or false"),
      v.transform((value) => value === "true" || value === "1"),
      v.description(description),
    ),
    fallback,
  );
}

function choice<const Options extends readonly string[]>(options: Options, description: string) {
  return v.pipe(v.picklist(options, `must be one of ${options.join(", ")}`), v.description(description));
}

/** What Kafka allows in the name of a topic, and placeholders. */
function topic(description: string) {
  return v.pipe(
    v.string(),
    v.check(
      (value) => isTopic(value),
      "must be a topic name: at most 249 letters, digits, dots, dashes, underscores",
    ),
    v.description(description),
  );
}

function isTopic(value: string): boolean {
  return /^[a-zA-Z0-9._-]{1,249}$/.test(value.replaceAll(EVENT_TYPE, "x")) && value !== "." && value !== "..";
}

const EVENT_TYPE = "{event_type}";
const KEY_PLACEHOLDERS = ["{learner_id}", "{event_type}", "{event_id}"];

/** True if every brace belongs to a placeholder that is known. */
function isKey(value: string): boolean {
  const rest = KEY_PLACEHOLDERS.reduce((left, placeholder) => left.replaceAll(placeholder, ""), value);
  return !/[{}]/.test(rest) && rest !== value;
}

const schema = v.object({
  SERVICE_NAME: text("event-collector", "Name of the service in logs and health answers."),
  VERSION: text("1.0.0", "Version in health answers and `forwarder_build_info`."),
  DEBUG: flag("false", "Logs every window."),
  LOG_LEVEL: v.optional(
    choice(["debug", "info", "warn", "error"], "Least level that is logged; DEBUG=true means debug."),
    "info",
  ),
  FORWARDER_HOST: text(
    "0.0.0.0",
    "Address for health checks and metrics. All, since probes come from outside.",
  ),
  FORWARDER_PORT: v.optional(
    whole(0, PORT_MAX, "Port of `/health`, `/ready` and `/metrics`. 0 takes any free port."),
    "8001",
  ),
  FORWARDER_WINDOW_LINES: v.optional(
    whole(1, 500_000, "Lines of one window at most. 20,000 is where throughput stops growing with it."),
    "20000",
  ),
  FORWARDER_WINDOW_BYTES: v.optional(
    whole(
      KIB,
      GIB,
      "Bytes of one window at most. Memory is about five times this: read ahead, queued, sent.",
    ),
    String(16 * MIB),
  ),
  FORWARDER_RESCAN_MS: v.optional(
    whole(
      1,
      60_000,
      "How often the spool is looked at without a hint from the watcher. Bounds the latency when hints get lost.",
    ),
    "250",
  ),
  FORWARDER_WATCH: flag(
    "true",
    "Watches the spool directory. Without it each event waits for the next rescan.",
  ),
  FORWARDER_PRUNE_SECONDS: v.optional(
    whole(1, 3600, "How often delivered segments are looked at for deletion."),
    "15",
  ),
  FORWARDER_DRAIN_SECONDS: v.optional(
    whole(
      0,
      3600,
      "How long after SIGTERM to go on with what is in the spool. What is left waits there for the next start.",
    ),
    "5",
  ),
  KAFKA_BOOTSTRAP_SERVERS: text("localhost:9092", "Brokers to ask first, between commas."),
  KAFKA_CLIENT_ID: text("event-collector", "How brokers name this client in their logs and quotas."),
  KAFKA_TOPIC: v.optional(
    topic("Topic of accepted events; `{event_type}` makes one topic for each type."),
    "learner.events",
  ),
  KAFKA_DLQ_TOPIC: v.optional(
    topic("Topic of dead letters: rejected events and records that cannot be published."),
    "learner.events.dlq",
  ),
  KAFKA_CURSOR_TOPIC: v.optional(
    topic("Compacted topic that holds how far each spool is delivered. By default `<KAFKA_TOPIC>.cursors`."),
  ),
  KAFKA_KEY: v.optional(
    v.pipe(
      v.string(),
      v.check(isKey, `must hold at least one of ${KEY_PLACEHOLDERS.join(", ")} and no other braces`),
      v.description("Key of a message. Events with equal keys keep their order."),
    ),
    "{learner_id}",
  ),
  KAFKA_DELIVERY: v.optional(
    choice(
      ["exactly-once", "at-least-once"],
      "`exactly-once` sends each window as a transaction; `at-least-once` is for brokers without transactions.",
    ),
    "exactly-once",
  ),
  KAFKA_CREATE_TOPICS: flag(
    "true",
    "Creates the topics that are missing. They are created once and never changed.",
  ),
  KAFKA_TOPIC_PARTITIONS: v.optional(
    whole(
      1,
      10_000,
      "Partitions of topics that are created. More cannot be added later without moving learners, so not 1.",
    ),
    "12",
  ),
  KAFKA_COMPRESSION: v.optional(
    choice(
      ["none", "gzip", "snappy", "lz4", "zstd"],
      "Compression of batches. lz4 costs least; zstd only if librdkafka was built with it.",
    ),
    "lz4",
  ),
  KAFKA_LINGER_MS: v.optional(
    whole(
      0,
      60_000,
      "How long a batch waits for more. A commit sends at once, so it matters at high load only.",
    ),
    "5",
  ),
  KAFKA_MESSAGE_BYTES_MAX: v.optional(
    whole(
      16 * KIB,
      GIB,
      "Largest message. Not above `max.message.bytes` of the topics, whose default of 1,048,588 includes overhead.",
    ),
    "1000000",
  ),
  KAFKA_TRANSACTION_TIMEOUT_SECONDS: v.optional(
    whole(
      5,
      900,
      "After this long the broker aborts the transaction of a forwarder that died. Readers wait for as long.",
    ),
    "60",
  ),
  KAFKA_CLOUDEVENTS: flag("false", "Adds the headers of CloudEvents in binary mode."),
  KAFKA_CLOUDEVENTS_SOURCE: text("/event-collector", "The `ce_source` of these headers."),
  KAFKA_SECURITY_PROTOCOL: v.optional(
    v.pipe(
      v.string(),
      v.transform((value) => value.toLowerCase()),
      choice(["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"], "How to connect to the brokers."),
    ),
    "plaintext",
  ),
  KAFKA_SASL_MECHANISM: v.optional(
    choice(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"], "How to authenticate."),
  ),
  KAFKA_SASL_USERNAME: optionalText("User name for PLAIN and SCRAM."),
  KAFKA_SASL_USERNAME_FILE: optionalText("File that holds the user name."),
  KAFKA_SASL_PASSWORD: optionalText("Password for PLAIN and SCRAM."),
  KAFKA_SASL_PASSWORD_FILE: optionalText("File that holds the password."),
  KAFKA_SASL_OAUTHBEARER_TOKEN_FILE: optionalText(
    "File that holds the current token; it is read again regularly.",
  ),
  KAFKA_SSL_CA_FILE: optionalText(
    "Certificates (PEM) that sign the brokers'. Without it the system's are used.",
  ),
  KAFKA_SSL_CERT_FILE: optionalText("Certificate (PEM) of this client, for mutual TLS."),
  KAFKA_SSL_KEY_FILE: optionalText("Private key (PEM) of that certificate."),
  KAFKA_SSL_KEY_PASSWORD: optionalText("Password of that key."),
  KAFKA_SSL_KEY_PASSWORD_FILE: optionalText("File that holds the password of that key."),
  KAFKA_SSL_VERIFY_HOSTNAME: flag("true", "The certificate of a broker must be for its host name."),
  KAFKA_CONFIG_FILE: optionalText("File with further librdkafka properties, one `name=value` a line."),
  BUFFER_DIR: text("/var/lib/event-collector/spool", "The spool directory; shared with the ingress."),
  BUFFER_MAX_BYTES: v.optional(
    whole(MIB, 1024 * GIB, "As for the ingress: near this size delivered segments are deleted early."),
    String(10 * GIB),
  ),
  BUFFER_MIN_FREE_BYTES: v.optional(
    whole(0, 1024 * GIB, "As for the ingress: with little more free, delivered segments are deleted early."),
    String(256 * MIB),
  ),
  BUFFER_SEGMENT_SECONDS: v.optional(
    whole(1, 86_400, "As for the ingress: a writer that touched nothing for several times this is gone."),
    "60",
  ),
  BUFFER_RETENTION_HOURS: v.optional(
    hours(
      24 * 366,
      "How long delivered segments are kept. A day lets people look, and replay, what happened today.",
    ),
    "24",
  ),
  MAX_BATCH_SIZE_BYTES: v.optional(
    whole(KIB, 64 * MIB, "As for the ingress: lines may be several times as long."),
    String(MIB),
  ),
});

type Environment = v.InferOutput<typeof schema>;

/** Every variable, in the order of the schema: the source of the table in the documentation. */
export const ENVIRONMENT: readonly EnvironmentVariable[] = Object.entries(schema.entries).map(
  ([name, entry]) => ({
    name,
    default: typeof entry.default === "string" && entry.default !== "" ? entry.default : undefined,
    description: v.getDescription("wrapped" in entry ? entry.wrapped : entry) ?? "",
  }),
);

/**
 * The configuration that the variables ask for, one by one; an empty value counts as absent, as in
 * `docker run -e NAME=`. `readText` reads the files that they name. Rejects with a ConfigError.
 */
export async function parseEnvironment(
  variables: Readonly<Record<string, string | undefined>>,
  readText: ReadText,
): Promise<ForwarderConfig> {
  const given = Object.entries(variables).filter(([, value]) => value !== undefined && value !== "");
  const result = v.safeParse(schema, Object.fromEntries(given));
  if (!result.success) {
    const problems = result.issues.map((issue) => `${v.getDotPath(issue) ?? "environment"} ${issue.message}`);
    throw new ConfigError(problems.join("; "));
  }
  return configOf(result.output, await readFiles(result.output, readText));
}

interface Files {
  username: string | undefined;
  password: string | undefined;
  keyPassword: string | undefined;
  properties: Record<string, string>;
}

async function readFiles(environment: Environment, readText: ReadText): Promise<Files> {
  const secret = (name: "KAFKA_SASL_USERNAME" | "KAFKA_SASL_PASSWORD" | "KAFKA_SSL_KEY_PASSWORD") =>
    readSecret(name, environment[name], environment[`${name}_FILE`], readText);
  return {
    username: await secret("KAFKA_SASL_USERNAME"),
    password: await secret("KAFKA_SASL_PASSWORD"),
    keyPassword: await secret("KAFKA_SSL_KEY_PASSWORD"),
    properties: await readProperties("KAFKA_CONFIG_FILE", environment.KAFKA_CONFIG_FILE, readText),
  };
}

function configOf(environment: Environment, files: Files): ForwarderConfig {
  return {
    serviceName: environment.SERVICE_NAME,
    version: environment.VERSION,
    logLevel: environment.DEBUG ? "debug" : environment.LOG_LEVEL,
    host: environment.FORWARDER_HOST,
    port: environment.FORWARDER_PORT,
    kafka: kafkaConfigOf(environment, files),
    spool: spoolConfigOf(environment),
    window: { linesMax: environment.FORWARDER_WINDOW_LINES, bytesMax: environment.FORWARDER_WINDOW_BYTES },
    drainMs: environment.FORWARDER_DRAIN_SECONDS * 1000,
  };
}

function kafkaConfigOf(environment: Environment, files: Files): KafkaConfig {
  return {
    bootstrapServers: environment.KAFKA_BOOTSTRAP_SERVERS,
    clientId: environment.KAFKA_CLIENT_ID,
    delivery: environment.KAFKA_DELIVERY,
    topic: environment.KAFKA_TOPIC,
    deadLetterTopic: environment.KAFKA_DLQ_TOPIC,
    cursorTopic: environment.KAFKA_CURSOR_TOPIC ?? `${environment.KAFKA_TOPIC}.cursors`,
    key: environment.KAFKA_KEY,
    cloudEventsSource: environment.KAFKA_CLOUDEVENTS ? environment.KAFKA_CLOUDEVENTS_SOURCE : undefined,
    createTopics: environment.KAFKA_CREATE_TOPICS,
    topicPartitions: environment.KAFKA_TOPIC_PARTITIONS,
    compression: environment.KAFKA_COMPRESSION,
    lingerMs: environment.KAFKA_LINGER_MS,
    messageBytesMax: environment.KAFKA_MESSAGE_BYTES_MAX,
    transactionTimeoutMs: environment.KAFKA_TRANSACTION_TIMEOUT_SECONDS * 1000,
    security: securityConfigOf(environment, files),
    properties: files.properties,
  };
}

function securityConfigOf(environment: Environment, files: Files): SecurityConfig {
  const mechanism = environment.KAFKA_SASL_MECHANISM;
  const { username, password, keyPassword } = files;
  const tokenFile = environment.KAFKA_SASL_OAUTHBEARER_TOKEN_FILE;
  return {
    protocol: environment.KAFKA_SECURITY_PROTOCOL,
    sasl: { mechanism, username, password, tokenFile },
    tls: {
      caFile: environment.KAFKA_SSL_CA_FILE,
      certificateFile: environment.KAFKA_SSL_CERT_FILE,
      keyFile: environment.KAFKA_SSL_KEY_FILE,
      keyPassword,
      verifyHostname: environment.KAFKA_SSL_VERIFY_HOSTNAME,
    },
  };
}

/**
 * Lines are never taken for damage because the ingress was configured more generously than the forwarder: what
 * verifies is read up to this length at least.
 */
const LINE_BYTES_MAX_LEAST = 64 * MIB;

function spoolConfigOf(environment: Environment): SpoolConfig {
  return {
    directory: environment.BUFFER_DIR,
    spoolBytesMax: environment.BUFFER_MAX_BYTES,
    freeBytesMin: environment.BUFFER_MIN_FREE_BYTES,
    segmentAgeMs: environment.BUFFER_SEGMENT_SECONDS * 1000,
    retentionMs: environment.BUFFER_RETENTION_HOURS * 3_600_000,
    pruneIntervalMs: environment.FORWARDER_PRUNE_SECONDS * 1000,
    // A rejected event is kept whole: as JSON, in which one byte can become six, and its reasons.
    lineBytesMax: Math.max(6 * environment.MAX_BATCH_SIZE_BYTES + 64 * KIB, LINE_BYTES_MAX_LEAST),
    rescanMs: environment.FORWARDER_RESCAN_MS,
    watch: environment.FORWARDER_WATCH,
  };
}
