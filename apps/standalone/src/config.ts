/**
 * What the launcher itself needs of the environment. All variables go on to ingress and forwarder, which check theirs.
 *
 * **Invariant:** names and defaults are those of the two apps, but for BUFFER_DIR, which lies in the checkout here.
 */
import { fileURLToPath } from "node:url";
import * as v from "valibot";

export interface StandaloneConfig {
  readonly host: string;
  readonly port: number;
  readonly grpcPort: number | undefined;
  readonly forwarderHost: string;
  readonly forwarderPort: number;
  readonly bufferDirectory: string;
  /** Undefined: an embedded broker is started. */
  readonly bootstrapServers: string | undefined;
  readonly topic: string;
  readonly deadLetterTopic: string;
  readonly cursorTopic: string;
  readonly apiKey: string | undefined;
}

/** The environment asks for something impossible. The message names the variable. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

const PORT_MAX = 65_535;

const port = v.pipe(
  v.string(),
  v.check(
    (value) => /^\d{1,5}$/.test(value) && Number(value) <= PORT_MAX,
    `must be a port from 0 to ${PORT_MAX}`,
  ),
  v.transform(Number),
);

const schema = v.object({
  HTTP_HOST: v.optional(v.string(), "0.0.0.0"),
  HTTP_PORT: v.optional(port, "8000"),
  GRPC_PORT: v.optional(port),
  FORWARDER_HOST: v.optional(v.string(), "0.0.0.0"),
  FORWARDER_PORT: v.optional(port, "8001"),
  BUFFER_DIR: v.optional(v.string(), fileURLToPath(new URL("../../../.data/spool", import.meta.url))),
  KAFKA_BOOTSTRAP_SERVERS: v.optional(v.string()),
  KAFKA_TOPIC: v.optional(v.string(), "learner.events"),
  KAFKA_DLQ_TOPIC: v.optional(v.string(), "learner.events.dlq"),
  KAFKA_CURSOR_TOPIC: v.optional(v.string()),
  API_KEY: v.optional(v.string()),
});

/** Reads the configuration; an empty value counts as absent. Throws a ConfigError. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): StandaloneConfig {
  const given = Object.entries(environment).filter(([, value]) => value !== undefined && value !== "");
  const result = v.safeParse(schema, Object.fromEntries(given));
  if (!result.success) {
    const problems = result.issues.map((issue) => `${v.getDotPath(issue) ?? "environment"} ${issue.message}`);
    throw new ConfigError(problems.join("; "));
  }
  const { output } = result;
  return Object.freeze({
    host: output.HTTP_HOST,
    port: output.HTTP_PORT,
    grpcPort: output.GRPC_PORT,
    forwarderHost: output.FORWARDER_HOST,
    forwarderPort: output.FORWARDER_PORT,
    bufferDirectory: output.BUFFER_DIR,
    bootstrapServers: output.KAFKA_BOOTSTRAP_SERVERS,
    topic: output.KAFKA_TOPIC,
    deadLetterTopic: output.KAFKA_DLQ_TOPIC,
    cursorTopic: output.KAFKA_CURSOR_TOPIC ?? `${output.KAFKA_TOPIC}.cursors`,
    apiKey: output.API_KEY,
  });
}
