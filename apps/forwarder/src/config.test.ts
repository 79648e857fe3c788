import { kafkaProperties } from "@event-collector/kafka";
import t from "tap";
import { ConfigError, ENVIRONMENT, readConfig } from "./config.js";

const noFiles = (path: string): Promise<string> => Promise.reject(new Error(`no such file: ${path}`));
const files =
  (contents: Readonly<Record<string, string>>) =>
  (path: string): Promise<string> => {
    const content = contents[path];
    return content === undefined ? noFiles(path) : Promise.resolve(content);
  };
const limits = { windowLinesMax: 20_000, windowBytesMax: 16 << 20, lineBytesMax: 64 << 20 };

await t.test("an empty environment gives the documented defaults", async (t) => {
  const config = await readConfig({}, noFiles);
  t.match(config, {
    host: "0.0.0.0",
    port: 8001,
    kafka: {
      bootstrapServers: "localhost:9092",
      topic: "learner.events",
      deadLetterTopic: "learner.events.dlq",
      cursorTopic: "learner.events.cursors",
      key: "{learner_id}",
      delivery: "exactly-once",
      compression: "lz4",
      createTopics: true,
      messageBytesMax: 1_000_000,
      cloudEventsSource: undefined,
      security: { protocol: "plaintext" },
    },
    spool: {
      directory: "/var/lib/event-collector/spool",
      retentionMs: 24 * 3_600_000,
      rescanMs: 250,
      watch: true,
    },
  });
  t.ok(Object.isFrozen(config) && Object.isFrozen(config.kafka.security.tls), "frozen to the last member");
});

await t.test("every variable is described", async (t) => {
  for (const { name, description } of ENVIRONMENT) t.ok(description.length > 10, name);
});

await t.test("the cursor topic follows the events topic", async (t) => {
  const { kafka } = await readConfig({ KAFKA_TOPIC: "a.b" }, noFiles);
  t.equal(kafka.cursorTopic, "a.b.cursors");
});

await t.test("an empty value counts as absent", async (t) => {
  t.match(await readConfig({ KAFKA_TOPIC: "", FORWARDER_PORT: "" }, noFiles), {
    port: 8001,
    kafka: { topic: "learner.events" },
  });
});

await t.test("part of an hour can be asked for", async (t) => {
  const { spool } = await readConfig({ BUFFER_RETENTION_HOURS: "0.5" }, noFiles);
  t.equal(spool.retentionMs, 1_800_000);
});

const sasl = { KAFKA_SECURITY_PROTOCOL: "SASL_SSL", KAFKA_SASL_MECHANISM: "SCRAM-SHA-512" };

const REFUSED: readonly { why: string; environment: Record<string, string>; names: RegExp }[] = [
  {
    why: "a port that is none",
    environment: { FORWARDER_PORT: "x" },
    names: /FORWARDER_PORT must be a whole number/,
  },
  {
    why: "an unknown mode",
    environment: { KAFKA_DELIVERY: "twice" },
    names: /KAFKA_DELIVERY must be exactly-once or/,
  },
  {
    why: "a topic with a space",
    environment: { KAFKA_TOPIC: "a b" },
    names: /KAFKA_TOPIC must be a topic name/,
  },
  {
    why: "a key with an unknown placeholder",
    environment: { KAFKA_KEY: "{course_id}" },
    names: /KAFKA_KEY must hold/,
  },
  { why: "a key that is the same for all", environment: { KAFKA_KEY: "all" }, names: /KAFKA_KEY must hold/ },
  {
    why: "one topic for two things",
    environment: { KAFKA_DLQ_TOPIC: "learner.events" },
    names: /must differ/,
  },
  {
    why: "a topic per type without a cursor topic",
    environment: { KAFKA_TOPIC: "e.{event_type}" },
    names: /KAFKA_CURSOR_TOPIC/,
  },
  {
    why: "SASL without a mechanism",
    environment: { KAFKA_SECURITY_PROTOCOL: "sasl_ssl" },
    names: /needs KAFKA_SASL_MECHANISM/,
  },
  {
    why: "a mechanism without SASL",
    environment: { KAFKA_SASL_MECHANISM: "PLAIN" },
    names: /needs KAFKA_SECURITY_PROTOCOL/,
  },
  { why: "a mechanism without a user", environment: sasl, names: /needs KAFKA_SASL_USERNAME/ },
  {
    why: "a mechanism without a password",
    environment: { ...sasl, KAFKA_SASL_USERNAME: "u" },
    names: /needs KAFKA_SASL_PASSWORD/,
  },
  {
    why: "a token that is not there",
    environment: { ...sasl, KAFKA_SASL_MECHANISM: "OAUTHBEARER" },
    names: /needs KAFKA_SASL_OAUTHBEARER_TOKEN_FILE/,
  },
  {
    why: "certificates without TLS",
    environment: { KAFKA_SSL_CA_FILE: "/ca.pem" },
    names: /needs KAFKA_SECURITY_PROTOCOL/,
  },
  {
    why: "a certificate without its key",
    environment: { KAFKA_SECURITY_PROTOCOL: "ssl", KAFKA_SSL_CERT_FILE: "/c.pem" },
    names: /need each other/,
  },
  {
    why: "a file that cannot be read",
    environment: { KAFKA_CONFIG_FILE: "/gone" },
    names: /KAFKA_CONFIG_FILE: \/gone/,
  },
];

for (const { why, environment, names } of REFUSED) {
  await t.test(`${why} stops the start and is named`, async (t) => {
    await t.rejects(readConfig(environment, noFiles), { name: "ConfigError", message: names });
  });
}

await t.test(
  "secrets are read from files, without the line feed at their end, and are never quoted",
  async (t) => {
    const environment = {
      ...sasl,
      KAFKA_SASL_USERNAME: "collector",
      KAFKA_SASL_PASSWORD_FILE: "/run/secrets/password",
    };
    const { kafka } = await readConfig(environment, files({ "/run/secrets/password": "hush\n" }));
    t.match(kafka.security.sasl, { username: "collector", password: "hush" });
    const both = { ...environment, KAFKA_SASL_PASSWORD: "hush" };
    const error = await readConfig(both, files({})).catch((thrown: unknown) => thrown);
    t.type(error, ConfigError);
    t.match(error, { message: /exclude each other/ });
    t.notMatch(String(error), /hush/);
  },
);

await t.test(
  "a properties file sets any property of librdkafka, each where librdkafka looks for it",
  async (t) => {
    const content = "# tuned\n\nsocket.nagle.disable = true\npartitioner=consistent_random\nlinger.ms=50\n";
    const { kafka } = await readConfig({ KAFKA_CONFIG_FILE: "/p" }, files({ "/p": content }));
    const properties = kafkaProperties(kafka, limits);
    t.match(properties.connection, { "socket.nagle.disable": "true" });
    t.match(properties.producer, { "linger.ms": "50" }, "it wins over the environment");
    t.match(properties.topic, { partitioner: "consistent_random", acks: -1 });
    t.notHas(properties.connection, { partitioner: "consistent_random" });
  },
);

await t.test("a properties file cannot change what the guarantees rest on", async (t) => {
  for (const name of [
    "acks",
    "enable.idempotence",
    "transactional.id",
    "isolation.level",
    "bootstrap.servers",
  ]) {
    const refused = readConfig({ KAFKA_CONFIG_FILE: "/p" }, files({ "/p": `${name}=x` }));
    await t.rejects(refused, { name: "ConfigError", message: new RegExp(`${name} may not be set there`) });
  }
  await t.rejects(readConfig({ KAFKA_CONFIG_FILE: "/p" }, files({ "/p": "nonsense" })), {
    message: /line 1/,
  });
});

await t.test("credentials and certificates reach librdkafka under its own names", async (t) => {
  const environment = {
    KAFKA_SECURITY_PROTOCOL: "sasl_ssl",
    KAFKA_SASL_MECHANISM: "PLAIN",
    KAFKA_SASL_USERNAME: "u",
    KAFKA_SASL_PASSWORD: "p",
    KAFKA_SSL_CA_FILE: "/ca.pem",
    KAFKA_SSL_CERT_FILE: "/c.pem",
    KAFKA_SSL_KEY_FILE: "/k.pem",
    KAFKA_SSL_VERIFY_HOSTNAME: "false",
  };
  const { kafka } = await readConfig(environment, noFiles);
  t.match(kafkaProperties(kafka, limits).connection, {
    "security.protocol": "sasl_ssl",
    "sasl.mechanisms": "PLAIN",
    "sasl.username": "u",
    "sasl.password": "p",
    "ssl.ca.location": "/ca.pem",
    "ssl.certificate.location": "/c.pem",
    "ssl.key.location": "/k.pem",
    "ssl.endpoint.identification.algorithm": "none",
  });
});
