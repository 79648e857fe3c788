/**
 * What the forwarder can be told, as plain data. `environment.ts` says where each value comes from.
 */

export interface ForwarderConfig {
  readonly serviceName: string;
  readonly version: string;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly host: string;
  /** 0 lets the system choose; the log line "listening" tells which. */
  readonly port: number;
  readonly kafka: KafkaConfig;
  readonly spool: SpoolConfig;
  readonly window: WindowConfig;
  /** How long after SIGTERM to go on with what is still in the spool. */
  readonly drainMs: number;
}

export type DeliveryMode = "exactly-once" | "at-least-once";

export interface KafkaConfig {
  readonly bootstrapServers: string;
  readonly clientId: string;
  readonly delivery: DeliveryMode;
  /** May hold `{event_type}`. */
  readonly topic: string;
  readonly deadLetterTopic: string;
  readonly cursorTopic: string;
  /** May hold `{learner_id}`, `{event_type}` and `{event_id}`. */
  readonly key: string;
  /** The `ce_source` of CloudEvents headers, or undefined for none. */
  readonly cloudEventsSource: string | undefined;
  readonly createTopics: boolean;
  readonly topicPartitions: number;
  readonly compression: string;
  readonly lingerMs: number;
  readonly messageBytesMax: number;
  readonly transactionTimeoutMs: number;
  readonly security: SecurityConfig;
  /** From KAFKA_CONFIG_FILE. */
  readonly properties: Readonly<Record<string, string>>;
}

export interface SecurityConfig {
  readonly protocol: "plaintext" | "ssl" | "sasl_plaintext" | "sasl_ssl";
  readonly sasl: SaslConfig;
  readonly tls: TlsConfig;
}

export interface SaslConfig {
  readonly mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512" | "OAUTHBEARER" | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Read again and again: whoever issues the token replaces the file. */
  readonly tokenFile: string | undefined;
}

export interface TlsConfig {
  readonly caFile: string | undefined;
  readonly certificateFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly keyPassword: string | undefined;
  readonly verifyHostname: boolean;
}

export interface SpoolConfig {
  readonly directory: string;
  readonly spoolBytesMax: number;
  readonly freeBytesMin: number;
  readonly segmentAgeMs: number;
  readonly retentionMs: number;
  readonly pruneIntervalMs: number;
  readonly lineBytesMax: number;
  readonly rescanMs: number;
  readonly watch: boolean;
}

export interface WindowConfig {
  readonly linesMax: number;
  readonly bytesMax: number;
}

/** The environment asks for something impossible. The message names the variable. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}
