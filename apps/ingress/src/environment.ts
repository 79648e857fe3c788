/**
 * Every environment variable of the ingress: its meaning, its default and the reason for it.
 *
 * **Invariant:** the schema below is the only list of names. Relations between variables are checked in `config.ts`.
 */
import { recordBytesMax, TYPE_CHARACTERS_MAX } from "@event-collector/contract";
import {
  choice,
  describeVariables,
  flag,
  list,
  optionalText,
  optionalWhole,
  readVariables,
  text,
  whole,
} from "@event-collector/environment";
import type { EnvironmentVariable } from "@event-collector/environment";
import { isOrigin } from "@event-collector/keys";
import { readTracingConfig, TRACING_ENVIRONMENT } from "@event-collector/operations";
import type { TracingConfig } from "@event-collector/operations";
import * as v from "valibot";
import { isNetwork } from "./server/network.js";
import { adminConfig, rate, tlsConfig } from "./combination.js";
import type { IngressConfig, LimitsConfig, RatesConfig, SpoolConfig } from "./settings.js";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const PORT_MAX = 65_535;
const DAY_SECONDS = 86_400;

/** Beyond that the one process that accepts connections, and the one disk, are what bends. */
const WORKERS_MAX = 64;

const schema = v.object({
  SERVICE_NAME: text("event-collector", "Name of the service in logs, metrics and health answers."),
  VERSION: text("1.0.0", "Version in health answers and `collector_build_info`."),
  DEBUG: flag("false", "Logs every request. At full load the log costs more than the requests."),
  LOG_LEVEL: choice(
    "info",
    ["debug", "info", "warn", "error"],
    "Least level that is logged; DEBUG=true means debug.",
  ),

  INGRESS_WORKERS: whole(
    1,
    1,
    WORKERS_MAX,
    "Processes that serve the ports together, one for each core that ingress may use. All limits are those of the whole. There is no `auto`, since a container does not see its limit of CPU.",
  ),
  HTTP_HOST: text("0.0.0.0", "Address to listen on. All, since a container has no better guess."),
  HTTP_PORT: whole(8000, 0, PORT_MAX, "The port of all protocols. 0 takes any free port."),
  GRPC_PORT: optionalWhole(
    0,
    PORT_MAX,
    "A second port with the same listener, for clients that know the old gRPC port 50051.",
  ),
  ADMIN_HOST: optionalText("Address of the admin port; HTTP_HOST unless set."),
  ADMIN_PORT: optionalWhole(
    0,
    PORT_MAX,
    "If set, the status page, `/status`, `/metrics` and `/buffer/stats` are there, in cleartext and without a key, and no longer on HTTP_PORT.",
  ),
  TLS_CERT_FILE: optionalText(
    "Certificate and its chain, PEM. With TLS_KEY_FILE the port takes TLS only, HTTP/2 and HTTP/1.1 by ALPN.",
  ),
  TLS_KEY_FILE: optionalText("Private key of the certificate, PEM, not encrypted."),
  TLS_CLIENT_CA_FILE: optionalText(
    "Authorities, PEM. If set, clients must show a certificate of one of them (mTLS).",
  ),

  API_KEY: optionalText(
    "If set, all but the health checks need it, as `Authorization: Bearer` or `X-API-Key`. It may do everything.",
  ),
  API_KEYS_FILE: optionalText(
    "JSON file of named keys with scopes, origins, event types and expiry. Works beside API_KEY.",
  ),
  RELOAD_SECONDS: whole(
    5,
    1,
    3600,
    "How soon a change of API_KEYS_FILE or TLS_*_FILE is noticed; SIGHUP looks at once. A look costs a stat(2) each.",
  ),
  CORS_ORIGINS: list(
    (item) => item === "*" || isOrigin(item),
    "must be origins such as https://app.example.org, or *",
    "Origins, between commas, whose pages may send events. With none, browsers of other origins cannot read answers.",
  ),
  TRUSTED_PROXIES: list(
    isNetwork,
    "must be addresses or networks such as 10.0.0.0/8",
    "Proxies, between commas, whose X-Forwarded-For is believed. With none the header means nothing.",
  ),
  GRPC_REFLECTION: flag("true", "Server reflection, with which grpcurl works without proto files."),

  EVENT_TYPES_EXTRA: list(
    (item) => item.length <= TYPE_CHARACTERS_MAX,
    `must be event types of at most ${TYPE_CHARACTERS_MAX} characters`,
    "Event types, between commas, that are allowed beside the eight built-in ones.",
  ),
  MAX_BATCH_SIZE: whole(
    100,
    1,
    100_000,
    "Events of one batch, and of one group of NDJSON: 100 of the usual size are some 50 KiB, and one sync.",
  ),
  MAX_BATCH_SIZE_BYTES: whole(
    MIB,
    KIB,
    64 * MIB,
    "Bytes of one body, one line of NDJSON or one RPC message, decompressed. Bounds memory per request.",
  ),
  MAX_NDJSON_BYTES: whole(
    GIB,
    KIB,
    1024 * GIB,
    "Bytes of one body of NDJSON, decompressed. It is stored while it arrives, so it costs no memory.",
  ),
  MAX_NDJSON_EXPANSION: whole(
    100,
    1,
    10_000,
    "Decompressed bytes for each byte of NDJSON sent, beyond the first MAX_BATCH_SIZE_BYTES. Logs reach 10 to 50.",
  ),
  MAX_NDJSON_REJECTED: whole(
    10_000,
    1,
    1_000_000_000,
    "Rejected lines of one body at which it is ended: what is no file of events must not fill the dead-letter topic.",
  ),
  STREAM_BATCH_SIZE: whole(
    10,
    1,
    10_000,
    "Events of a stream that are stored and answered together, at most.",
  ),
  STREAM_LINGER_MS: whole(
    20,
    0,
    60_000,
    "How long an incomplete group of a stream waits. 20 ms is below what people notice and above a sync.",
  ),

  MAX_CONNECTIONS: whole(
    10_000,
    1,
    1_000_000,
    "Open connections of one port. Each costs some 10 KiB idle, so 10,000 cost 100 MiB.",
  ),
  MAX_CONNECTIONS_PER_ADDRESS: whole(
    1_000,
    1,
    1_000_000,
    "Open connections of one address (IPv6: /64), so that ten are needed to fill the port. TRUSTED_PROXIES are exempt.",
  ),
  MAX_REQUESTS: whole(
    10_000,
    1,
    1_000_000,
    "Requests and streams under way, as many as connections: HTTP/2 would allow a hundred times that.",
  ),
  MAX_PENDING_BODY_BYTES: whole(
    256 * MIB,
    64 * KIB,
    64 * GIB,
    "Bytes of all bodies that have arrived but are not stored. At the limit the body that is the longest on its way is ended.",
  ),
  HTTP2_MAX_STREAMS: whole(
    100,
    1,
    10_000,
    "Streams of one HTTP/2 connection: what gRPC servers usually allow.",
  ),
  HTTP2_IDLE_SECONDS: whole(
    60,
    1,
    3600,
    "Silence after which an HTTP/2 connection is closed or asked whether it lives.",
  ),
  HEADERS_TIMEOUT_SECONDS: whole(
    10,
    1,
    3600,
    "The head of a request, or a TLS handshake, must be over by then. 16 KiB at most, one round trip.",
  ),
  REQUEST_TIMEOUT_SECONDS: whole(
    30,
    2,
    3600,
    "A request that is not a stream, or a group of NDJSON, must have arrived by then. 1 MiB in 30 s works on a 2G line.",
  ),
  KEEP_ALIVE_SECONDS: whole(
    65,
    1,
    3600,
    "Idle HTTP/1.1 connections stay open that long. Longer than the 60 s of common load balancers, which must hang up first.",
  ),
  RATE_LIMIT_KEY_PER_SECOND: optionalWhole(
    1,
    1_000_000,
    "Requests of one key, on average; a group of a stream counts as one. A key may have its own in API_KEYS_FILE.",
  ),
  RATE_LIMIT_KEY_BURST: optionalWhole(
    1,
    10_000_000,
    "Requests of one key at once; a second's worth unless set.",
  ),
  RATE_LIMIT_ADDRESS_PER_SECOND: optionalWhole(
    1,
    1_000_000,
    "Requests of one address (IPv6: /64), on average. Needs TRUSTED_PROXIES behind a proxy, or all share one.",
  ),
  RATE_LIMIT_ADDRESS_BURST: optionalWhole(
    1,
    10_000_000,
    "Requests of one address at once; a second's worth unless set.",
  ),
  RATE_LIMIT_ADDRESSES: whole(
    100_000,
    100,
    10_000_000,
    "Addresses that are remembered, some 100 bytes each; the one that was quiet the longest is forgotten first.",
  ),

  BUFFER_DIR: text("/var/lib/event-collector/spool", "The spool directory; shared with the forwarder."),
  BUFFER_ALLOW_VOLATILE: flag(
    "false",
    "Accepts a spool in memory (tmpfs), whose events are lost with the machine: for tests.",
  ),
  BUFFER_MAX_BYTES: whole(
    10 * GIB,
    MIB,
    1024 * GIB,
    "Size of the spool at which events are refused. 10 GiB hold a day of 120 KiB/s of events.",
  ),
  BUFFER_MIN_FREE_BYTES: whole(
    256 * MIB,
    0,
    1024 * GIB,
    "Bytes that stay free on the file system, so that the forwarder can still write its cursor.",
  ),
  BUFFER_SEGMENT_BYTES: whole(
    64 * MIB,
    64 * KIB,
    GIB,
    "Size at which a segment is sealed. Pruning frees whole segments.",
  ),
  BUFFER_SEGMENT_SECONDS: whole(
    60,
    1,
    DAY_SECONDS,
    "Age at which a segment is sealed, so that quiet hours are pruned in time too.",
  ),
  BUFFER_QUEUE_BYTES: optionalWhole(
    MIB,
    64 * GIB,
    "Bytes that wait for the disk; more is refused. 64 MiB unless set, or twice the longest line for each worker.",
  ),
  BUFFER_APPEND_TIMEOUT_MS: whole(
    10_000,
    100,
    600_000,
    "A disk that is silent that long is not slow but gone; most clients give up at about 10 s.",
  ),
  BUFFER_CHECK_INTERVAL_MS: whole(
    1_000,
    10,
    60_000,
    "Between two looks at free space and stalls: a second's worth of events fits in BUFFER_MIN_FREE_BYTES.",
  ),

  SHUTDOWN_DELAY_SECONDS: whole(
    0,
    0,
    300,
    "After SIGTERM: how long to go on serving, not ready, before the port closes. About 5 behind a load balancer.",
  ),
  SHUTDOWN_TIMEOUT_SECONDS: whole(
    20,
    1,
    300,
    "How long requests under way may take to finish. Less than the 30 s that Kubernetes waits before it kills.",
  ),
});

type Environment = v.InferOutput<typeof schema>;

/** Every variable, in the order of the schema: the source of the table in the documentation. */
export const ENVIRONMENT: readonly EnvironmentVariable[] = [
  ...describeVariables(schema),
  ...TRACING_ENVIRONMENT,
];

/** Each variable by itself is as it should be, or a ConfigError says which are not. */
export function parseEnvironment(environment: Readonly<Record<string, string | undefined>>): IngressConfig {
  return configOf(readVariables(schema, environment), readTracingConfig(environment));
}

function configOf(environment: Environment, tracing: TracingConfig | undefined): IngressConfig {
  return {
    workers: environment.INGRESS_WORKERS,
    serviceName: environment.SERVICE_NAME,
    version: environment.VERSION,
    logLevel: environment.DEBUG ? "debug" : environment.LOG_LEVEL,
    host: environment.HTTP_HOST,
    port: environment.HTTP_PORT,
    grpcPort: environment.GRPC_PORT,
    admin: adminConfig(environment.ADMIN_HOST, environment.ADMIN_PORT, environment.HTTP_HOST),
    tls: tlsConfig(environment.TLS_CERT_FILE, environment.TLS_KEY_FILE, environment.TLS_CLIENT_CA_FILE),
    apiKey: environment.API_KEY,
    apiKeysFile: environment.API_KEYS_FILE,
    reloadMs: environment.RELOAD_SECONDS * 1000,
    corsOrigins: environment.CORS_ORIGINS,
    trustedProxies: environment.TRUSTED_PROXIES,
    eventTypesExtra: environment.EVENT_TYPES_EXTRA,
    batchEventsMax: environment.MAX_BATCH_SIZE,
    batchBytesMax: environment.MAX_BATCH_SIZE_BYTES,
    ndjson: {
      bytesMax: environment.MAX_NDJSON_BYTES,
      expansionMax: environment.MAX_NDJSON_EXPANSION,
      rejectedMax: environment.MAX_NDJSON_REJECTED,
    },
    streamBatchEvents: environment.STREAM_BATCH_SIZE,
    streamLingerMs: environment.STREAM_LINGER_MS,
    limits: limitsConfigOf(environment),
    rates: ratesConfigOf(environment),
    reflection: environment.GRPC_REFLECTION,
    spool: spoolConfigOf(environment),
    allowVolatileSpool: environment.BUFFER_ALLOW_VOLATILE,
    tracing,
    shutdownDelayMs: environment.SHUTDOWN_DELAY_SECONDS * 1000,
    shutdownTimeoutMs: environment.SHUTDOWN_TIMEOUT_SECONDS * 1000,
  };
}

function limitsConfigOf(environment: Environment): LimitsConfig {
  return {
    connectionsMax: environment.MAX_CONNECTIONS,
    connectionsPerAddressMax: environment.MAX_CONNECTIONS_PER_ADDRESS,
    requestsMax: environment.MAX_REQUESTS,
    pendingBodyBytesMax: environment.MAX_PENDING_BODY_BYTES,
    http2StreamsMax: environment.HTTP2_MAX_STREAMS,
    http2IdleMs: environment.HTTP2_IDLE_SECONDS * 1000,
    headersTimeoutMs: environment.HEADERS_TIMEOUT_SECONDS * 1000,
    requestTimeoutMs: environment.REQUEST_TIMEOUT_SECONDS * 1000,
    keepAliveMs: environment.KEEP_ALIVE_SECONDS * 1000,
  };
}

function ratesConfigOf(environment: Environment): RatesConfig {
  return {
    key: rate(environment.RATE_LIMIT_KEY_PER_SECOND, environment.RATE_LIMIT_KEY_BURST, "RATE_LIMIT_KEY"),
    address: rate(
      environment.RATE_LIMIT_ADDRESS_PER_SECOND,
      environment.RATE_LIMIT_ADDRESS_BURST,
      "RATE_LIMIT_ADDRESS",
    ),
    addressesMax: environment.RATE_LIMIT_ADDRESSES,
  };
}

function spoolConfigOf(environment: Environment): SpoolConfig {
  const lineBytesMax = recordBytesMax(environment.MAX_BATCH_SIZE_BYTES);
  return {
    directory: environment.BUFFER_DIR,
    spoolBytesMax: environment.BUFFER_MAX_BYTES,
    freeBytesMin: environment.BUFFER_MIN_FREE_BYTES,
    segmentBytesMax: environment.BUFFER_SEGMENT_BYTES,
    segmentAgeMs: environment.BUFFER_SEGMENT_SECONDS * 1000,
    lineBytesMax,
    // Some 60 batches of the largest default size wait for the disk.
    queueBytesMax:
      environment.BUFFER_QUEUE_BYTES ?? Math.max(64 * MIB, 2 * lineBytesMax * environment.INGRESS_WORKERS),
    appendTimeoutMs: environment.BUFFER_APPEND_TIMEOUT_MS,
    checkIntervalMs: environment.BUFFER_CHECK_INTERVAL_MS,
  };
}
