/**
 * What the ingress is told to do: the environment of `environment.ts`, checked as a whole and frozen.
 *
 * **Invariant:** an empty value counts as absent, as in `docker run -e NAME=`. A bad value, or a combination that
 * cannot work, is a ConfigError that names the variable; secrets are never quoted.
 */
import { ConfigError } from "@event-collector/environment";
import { parseEnvironment } from "./environment.js";
import type { IngressConfig } from "./settings.js";

export { ConfigError } from "@event-collector/environment";
export type { EnvironmentVariable } from "@event-collector/environment";
export { ENVIRONMENT } from "./environment.js";
export type { IngressConfig, SpoolConfig } from "./settings.js";

/** The configuration that an environment asks for. Throws a ConfigError. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): IngressConfig {
  const config = parseEnvironment(environment);
  assertPorts(config);
  assertSizes(config);
  return freeze(config);
}

function assertPorts({ port, grpcPort, admin, corsOrigins }: IngressConfig): void {
  if (grpcPort !== undefined && grpcPort !== 0 && grpcPort === port) {
    refuse("GRPC_PORT must differ from HTTP_PORT, which serves gRPC too");
  }
  if (admin !== undefined && admin.port !== 0 && (admin.port === port || admin.port === grpcPort)) {
    refuse("ADMIN_PORT must differ from HTTP_PORT and GRPC_PORT");
  }
  if (corsOrigins.includes("*") && corsOrigins.length > 1) {
    refuse("CORS_ORIGINS is either * or a list of origins");
  }
}

function assertSizes({ batchEventsMax, batchBytesMax, ...config }: IngressConfig): void {
  const { spool, ndjson, limits, workers } = config;
  const forEach = workers === 1 ? "" : ` for each of ${workers} INGRESS_WORKERS`;
  if (config.streamBatchEvents > batchEventsMax) refuse("STREAM_BATCH_SIZE must not exceed MAX_BATCH_SIZE");
  if (ndjson.bytesMax < batchBytesMax) {
    refuse("MAX_NDJSON_BYTES must not be less than MAX_BATCH_SIZE_BYTES");
  }
  if (limits.pendingBodyBytesMax < 2 * batchBytesMax * workers) {
    refuse(`MAX_PENDING_BODY_BYTES must hold at least twice MAX_BATCH_SIZE_BYTES${forEach}`);
  }
  if (spool.segmentBytesMax > spool.spoolBytesMax) {
    refuse("BUFFER_SEGMENT_BYTES must not exceed BUFFER_MAX_BYTES");
  }
  if (spool.queueBytesMax < spool.lineBytesMax * workers) {
    refuse(`BUFFER_QUEUE_BYTES must hold the longest line, ${spool.lineBytesMax} bytes${forEach}`);
  }
}

function refuse(message: string): never {
  throw new ConfigError(message);
}

function freeze<Value extends object>(value: Value): Readonly<Value> {
  for (const member of Object.values(value)) {
    if (typeof member === "object" && member !== null) freeze(member as object);
  }
  return Object.freeze(value);
}
