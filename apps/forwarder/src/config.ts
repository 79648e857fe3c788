/**
 * What the forwarder is told to do: the environment of `environment.ts`, checked as a whole and frozen.
 *
 * **Invariant:** a bad value, or a combination that cannot work, is a ConfigError that names the variable; secrets
 * are never quoted.
 */
import { parseEnvironment } from "./environment.js";
import { ConfigError } from "./settings.js";
import type { ForwarderConfig, SecurityConfig } from "./settings.js";

export { ENVIRONMENT } from "./environment.js";
export type { EnvironmentVariable } from "./environment.js";
export { ConfigError } from "./settings.js";
export type { DeliveryMode, ForwarderConfig, KafkaConfig } from "./settings.js";

/** `readText` reads a file that the environment names. Rejects with a ConfigError. */
export async function readConfig(
  environment: Readonly<Record<string, string | undefined>>,
  readText: (path: string) => Promise<string>,
): Promise<ForwarderConfig> {
  const config = await parseEnvironment(environment, readText);
  assertTopics(config);
  assertSasl(config.kafka.security);
  assertTls(config.kafka.security);
  return freeze(config);
}

function refuse(message: string): never {
  throw new ConfigError(message);
}

function assertTopics({ kafka }: ForwarderConfig): void {
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

function freeze<Value extends object>(value: Value): Readonly<Value> {
  for (const member of Object.values(value)) {
    if (typeof member === "object" && member !== null) freeze(member as object);
  }
  return Object.freeze(value);
}
