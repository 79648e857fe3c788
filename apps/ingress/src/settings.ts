/** What the ingress can be told, as plain data. `environment.ts` says where each value comes from. */
import type { Rate } from "@event-collector/keys";
import type { TracingConfig } from "@event-collector/operations";

export type { Rate } from "@event-collector/keys";

export interface IngressConfig {
  /** Processes that serve the ports together; 1: this one. */
  readonly workers: number;
  readonly serviceName: string;
  readonly version: string;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly host: string;
  /** 0 lets the system choose; the log line "listening" tells which. */
  readonly port: number;
  /** A second port with the same listener, or undefined. */
  readonly grpcPort: number | undefined;
  /** Where metrics and statistics are instead of the public port, or undefined. */
  readonly admin: AdminConfig | undefined;
  /** Undefined: cleartext. */
  readonly tls: TlsConfig | undefined;
  readonly apiKey: string | undefined;
  readonly apiKeysFile: string | undefined;
  /** Between two looks at the files that are reloaded when they change. */
  readonly reloadMs: number;
  readonly corsOrigins: readonly string[];
  /** Addresses and networks whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  readonly eventTypesExtra: readonly string[];
  readonly batchEventsMax: number;
  /** Decoded bytes of one request body, one line of NDJSON or one RPC message. */
  readonly batchBytesMax: number;
  readonly ndjson: NdjsonConfig;
  readonly streamBatchEvents: number;
  readonly streamLingerMs: number;
  readonly limits: LimitsConfig;
  readonly rates: RatesConfig;
  readonly reflection: boolean;
  readonly spool: SpoolConfig;
  /** A spool whose content ends with the machine is accepted. */
  readonly allowVolatileSpool: boolean;
  /** Undefined: no spans are made. */
  readonly tracing: TracingConfig | undefined;
  /** Between the signal and the closing of the listeners: time for load balancers to look away. */
  readonly shutdownDelayMs: number;
  /** How long requests under way may take to finish after that. */
  readonly shutdownTimeoutMs: number;
}

export interface AdminConfig {
  readonly host: string;
  readonly port: number;
}

export interface TlsConfig {
  readonly certificateFile: string;
  readonly keyFile: string;
  /** If set, clients must have a certificate of one of these authorities. */
  readonly clientAuthorityFile: string | undefined;
}

export interface NdjsonConfig {
  /** Bytes of one body, before and after decompression. */
  readonly bytesMax: number;
  /** Decoded bytes for each encoded one. */
  readonly expansionMax: number;
  /** Lines of one body that may be rejected. */
  readonly rejectedMax: number;
}

export interface LimitsConfig {
  /** Of one port. */
  readonly connectionsMax: number;
  readonly connectionsPerAddressMax: number;
  /** Requests and streams under way. */
  readonly requestsMax: number;
  /** Bytes of all bodies that have arrived and are not stored yet. */
  readonly pendingBodyBytesMax: number;
  readonly http2StreamsMax: number;
  readonly http2IdleMs: number;
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveMs: number;
}

export interface RatesConfig {
  /** What each key may do that does not say otherwise; undefined: as much as it likes. */
  readonly key: Rate | undefined;
  readonly address: Rate | undefined;
  /** Addresses that are remembered. */
  readonly addressesMax: number;
}

export interface SpoolConfig {
  readonly directory: string;
  readonly spoolBytesMax: number;
  readonly freeBytesMin: number;
  readonly segmentBytesMax: number;
  readonly segmentAgeMs: number;
  readonly lineBytesMax: number;
  readonly queueBytesMax: number;
  readonly appendTimeoutMs: number;
  readonly checkIntervalMs: number;
}
