/**
 * What the forwarder can be told, as plain data. `environment.ts` says where each value comes from.
 */
import type { KafkaConfig } from "@event-collector/kafka";
import type { TracingConfig } from "@event-collector/operations";

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
  /** Undefined: no spans are made. */
  readonly tracing: TracingConfig | undefined;
  /** How long after SIGTERM to go on with what is still in the spool. */
  readonly drainMs: number;
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
  readonly durationMaxMs: number;
}
