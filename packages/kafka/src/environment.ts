/**
 * Every environment variable about Kafka: its meaning, its default and the reason for it.
 *
 * **Invariant:** the schema below is the only list of their names. **Invariant:** a bad value, or a combination that
 * cannot work, is a ConfigError that names the variable; secrets are never quoted.
 */
import {
  choice,
  ConfigError,
  describeVariables,
  flag,
  optionalChoice,
  optionalText,
  readNamed,
  readSecret,
  readVariables,
  text,
  whole,
} from "@event-collector/environment";
import type { EnvironmentVariable, ReadText, Variables } from "@event-collector/environment";
import * as v from "valibot";
import { parsePropertiesFile } from "./properties-file.js";
import type { KafkaConfig, SecurityConfig } from "./settings.js";

const KIB = 1024;
const GIB = 1024 * 1024 * KIB;

const TOPIC_PROBLEM = "must be a topic name: at most 249 letters, digits, dots, dashes, underscores";

function topicText(description: string) {
  return v.pipe(v.string(), v.check(isTopic, TOPIC_PROBLEM), v.description(description));
}

/** What Kafka allows in the name of a topic, and placeholders. */
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

const topics = {
  KAFKA_BOOTSTRAP_SERVERS: text("localhost:9092", "Brokers to ask first, between commas."),
  KAFKA_CLIENT_ID: text("event-collector", "How brokers name this client in their logs and quotas."),
  KAFKA_TOPIC: v.optional(
    topicText("Topic of accepted events; `{event_type}` makes one topic for each type."),
    "learner.events",
  ),
  KAFKA_DLQ_TOPIC: v.optional(
    topicText("Topic of dead letters: rejected events and records that cannot be published."),
    "learner.events.dlq",
  ),
  KAFKA_CURSOR_TOPIC: v.optional(
    topicText(
      "Compacted topic that holds how far each spool is delivered. By default `<KAFKA_TOPIC>.cursors`.",
    ),
  ),
  KAFKA_KEY: v.optional(
    v.pipe(
      v.string(),
      v.check(isKey, `must hold at least one of ${KEY_PLACEHOLDERS.join(", ")} and no other braces`),
      v.description("Key of a message. Events with equal keys keep their order."),
    ),
    "{learner_id}",
  ),
  KAFKA_DELIVERY: choice(
    "exactly-once",
    ["exactly-once", "at-least-once"],
    "`exactly-once` sends each window as a transaction; `at-least-once` is for brokers without transactions.",
  ),
  KAFKA_CREATE_TOPICS: flag(
    "true",
    "Creates the topics that are missing. They are created once and never changed.",
  ),
  KAFKA_TOPIC_PARTITIONS: whole(
    12,
    1,
    10_000,
    "Partitions of topics that are created. More cannot be added later without moving learners, so not 1.",
  ),
};

const sending = {
  KAFKA_COMPRESSION: choice(
    "lz4",
    ["none", "gzip", "snappy", "lz4", "zstd"],
    "Compression of batches. lz4 costs least; zstd only if librdkafka was built with it.",
  ),
  KAFKA_LINGER_MS: whole(
    5,
    0,
    60_000,
    "How long a batch waits for more. A commit sends at once, so it matters at high load only.",
  ),
  KAFKA_MESSAGE_BYTES_MAX: whole(
    1_000_000,
    16 * KIB,
    GIB,
    "Largest message. Not above `max.message.bytes` of the topics, whose default of 1,048,588 includes overhead.",
  ),
  KAFKA_TRANSACTION_TIMEOUT_SECONDS: whole(
    60,
    5,
    900,
    "After this long the broker aborts the transaction of a forwarder that died. Readers wait for as long.",
  ),
  KAFKA_CLOUDEVENTS: flag("false", "Adds the headers of CloudEvents in binary mode."),
  KAFKA_CLOUDEVENTS_SOURCE: text("/event-collector", "The `ce_source` of these headers."),
};

const security = {
  KAFKA_SECURITY_PROTOCOL: v.optional(
    v.pipe(
      v.string(),
      v.transform((value) => value.toLowerCase()),
      v.picklist(
        ["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"],
        "must be plaintext, ssl, sasl_plaintext or sasl_ssl",
      ),
      v.description("How to connect to the brokers."),
    ),
    "plaintext",
  ),
  KAFKA_SASL_MECHANISM: optionalChoice(
    ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"],
    "How to authenticate.",
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
};

const schema = v.object({ ...topics, ...sending, ...security });

type KafkaEnvironment = v.InferOutput<typeof schema>;

/** Every variable, in the order of the schema. */
export const KAFKA_ENVIRONMENT: readonly EnvironmentVariable[] = describeVariables(schema);

/** The configuration that the variables ask for; `readText` reads the files that they name. Rejects with a ConfigError. */
export async function readKafkaConfig(variables: Variables, readText: ReadText): Promise<KafkaConfig> {
  const environment = readVariables(schema, variables);
  const config: KafkaConfig = {
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
    security: await securityConfig(environment, readText),
    properties: await readProperties(environment.KAFKA_CONFIG_FILE, readText),
  };
  assertTopics(config);
  assertSasl(config.security);
  assertTls(config.security);
  return config;
}

async function securityConfig(environment: KafkaEnvironment, readText: ReadText): Promise<SecurityConfig> {
  const secret = (name: "KAFKA_SASL_USERNAME" | "KAFKA_SASL_PASSWORD" | "KAFKA_SSL_KEY_PASSWORD") =>
    readSecret(name, environment[name], environment[`${name}_FILE`], readText);
  return {
    protocol: environment.KAFKA_SECURITY_PROTOCOL,
    sasl: {
      mechanism: environment.KAFKA_SASL_MECHANISM,
      username: await secret("KAFKA_SASL_USERNAME"),
      password: await secret("KAFKA_SASL_PASSWORD"),
      tokenFile: environment.KAFKA_SASL_OAUTHBEARER_TOKEN_FILE,
    },
    tls: {
      caFile: environment.KAFKA_SSL_CA_FILE,
      certificateFile: environment.KAFKA_SSL_CERT_FILE,
      keyFile: environment.KAFKA_SSL_KEY_FILE,
      keyPassword: await secret("KAFKA_SSL_KEY_PASSWORD"),
      verifyHostname: environment.KAFKA_SSL_VERIFY_HOSTNAME,
    },
  };
}

/** The librdkafka properties in the file; none if there is no file. */
async function readProperties(path: string | undefined, readText: ReadText): Promise<Record<string, string>> {
  if (path === undefined) return {};
  const content = await readNamed("KAFKA_CONFIG_FILE", path, readText);
  try {
    return parsePropertiesFile(content);
  } catch (error) {
    throw new ConfigError(`KAFKA_CONFIG_FILE: ${(error as Error).message}`, { cause: error });
  }
}

function refuse(message: string): never {
  throw new ConfigError(message);
}

function assertTopics(kafka: KafkaConfig): void {
  if (kafka.cursorTopic.includes("{")) {
    refuse("KAFKA_TOPIC with {event_type} needs KAFKA_CURSOR_TOPIC: one topic holds all cursors");
  }
  if (kafka.deadLetterTopic.includes("{")) refuse("KAFKA_DLQ_TOPIC must be one topic, without {event_type}");
  if (new Set([kafka.topic, kafka.deadLetterTopic, kafka.cursorTopic]).size < 3) {
    refuse("KAFKA_TOPIC, KAFKA_DLQ_TOPIC and KAFKA_CURSOR_TOPIC must differ");
  }
}

/** Settings that contradict each other are named, rather than met by a broker that only hangs up. */
function assertSasl({ protocol, sasl }: SecurityConfig): void {
  const { mechanism, username, password, tokenFile } = sasl;
  if (!protocol.startsWith("sasl_")) {
    if ((mechanism ?? username ?? password ?? tokenFile) === undefined) return;
    refuse("KAFKA_SASL_* needs KAFKA_SECURITY_PROTOCOL to be sasl_ssl or sasl_plaintext");
  }
  if (mechanism === undefined) refuse(`KAFKA_SECURITY_PROTOCOL=${protocol} needs KAFKA_SASL_MECHANISM`);
  if (mechanism === "OAUTHBEARER") {
    if (tokenFile === undefined)
      refuse("KAFKA_SASL_MECHANISM=OAUTHBEARER needs KAFKA_SASL_OAUTHBEARER_TOKEN_FILE");
    if ((username ?? password) !== undefined)
      refuse("KAFKA_SASL_MECHANISM=OAUTHBEARER takes no user and password");
    return;
  }
  if (username === undefined) refuse(`KAFKA_SASL_MECHANISM=${mechanism} needs KAFKA_SASL_USERNAME`);
  if (password === undefined) refuse(`KAFKA_SASL_MECHANISM=${mechanism} needs KAFKA_SASL_PASSWORD`);
  if (tokenFile !== undefined)
    refuse("KAFKA_SASL_OAUTHBEARER_TOKEN_FILE needs KAFKA_SASL_MECHANISM=OAUTHBEARER");
}

function assertTls({ protocol, tls }: SecurityConfig): void {
  const given = tls.caFile ?? tls.certificateFile ?? tls.keyFile ?? tls.keyPassword;
  if (given !== undefined && !protocol.endsWith("ssl")) {
    refuse("KAFKA_SSL_* needs KAFKA_SECURITY_PROTOCOL to be ssl or sasl_ssl");
  }
  if ((tls.certificateFile === undefined) !== (tls.keyFile === undefined)) {
    refuse("KAFKA_SSL_CERT_FILE and KAFKA_SSL_KEY_FILE need each other");
  }
}
