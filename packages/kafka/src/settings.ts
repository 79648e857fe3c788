/** What can be said of the broker and the topics, as plain data. `environment.ts` says where each value comes from. */

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
