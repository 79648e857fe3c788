/**
 * Every environment variable of the ingress: its meaning, its default and the reason for it.
 *
 * **Invariant:** the schema below is the only list of names. An empty value counts as absent, as in
 * `docker run -e NAME=`. A bad value is a ConfigError that names the variable; secrets are never quoted.
 */
import * as v from "valibot";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

export interface IngressConfig {
  readonly serviceName: string;
  readonly version: string;
  readonly logLevel: "debug" | "info" | "warn" | "error";
  readonly host: string;
  /** 0 lets the system choose; the log line "listening" tells which. */
  readonly port: number;
  /** A second port with the same listener, or undefined. */
  readonly grpcPort: number | undefined;
  readonly connectionsMax: number;
  readonly apiKey: string | undefined;
  readonly corsOrigins: readonly string[];
  readonly eventTypesExtra: readonly string[];
  readonly batchEventsMax: number;
  /** Decoded bytes of one request body or one RPC message. */
  readonly batchBytesMax: number;
  readonly streamBatchEvents: number;
  readonly streamLingerMs: number;
  readonly requestTimeoutMs: number;
  readonly reflection: boolean;
  readonly spool: SpoolConfig;
  /** Between the signal and the closing of the listeners: time for load balancers to look away. */
  readonly shutdownDelayMs: number;
  /** How long requests under way may take to finish after that. */
  readonly shutdownTimeoutMs: number;
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

/** One line of the table of settings. */
export interface EnvironmentVariable {
  readonly name: string;
  /** As it would be written; undefined where there is none. */
  readonly default: string | undefined;
  readonly description: string;
}

/** The environment asks for something impossible. The message names the variable. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

function text(fallback: string, description: string) {
  return v.optional(v.pipe(v.string(), v.description(description)), fallback);
}

/** A variable that may be absent. */
function optionalText(description: string) {
  return v.optional(v.pipe(v.string(), v.description(description)));
}

/** A whole number in decimal digits within bounds. */
function whole(min: number, max: number, description: string) {
  return v.pipe(
    v.string(),
    v.check((value) => isWhole(value, min, max), `must be a whole number from ${min} to ${max}`),
    v.transform(Number),
    v.description(description),
  );
}

function isWhole(value: string, min: number, max: number): boolean {
  if (value.length > 15 || !/^\d+$/.test(value)) return false;
  const number = Number(value);
  return number >= min && number <= max;
}

function flag(fallback: "true" | "false", description: string) {
  return v.optional(
    v.pipe(
      v.string(),
      v.transform((value) => value.toLowerCase()),
      v.picklist(["true", "false", "1", "0"], "must be true or false"),
      v.transform((value) => value === "true" || value === "1"),
      v.description(description),
    ),
    fallback,
  );
}

/** Items between commas; white space around them and empty items do not count. */
function list(check: (item: string) => boolean, problem: string, description: string) {
  return v.optional(
    v.pipe(
      v.string(),
      v.transform((value) => value.split(",").map((item) => item.trim())),
      v.transform((items) => items.filter((item) => item !== "")),
      v.check((items) => items.every(check), problem),
      v.description(description),
    ),
    "",
  );
}

/** `https://example.org`, with neither path nor slash at the end: what a browser sends in `Origin`. */
function isOrigin(item: string): boolean {
  return item === "*" || (URL.canParse(item) && new URL(item).origin === item);
}

const PORT_MAX = 65_535;
const DAY_SECONDS = 86_400;

const schema = v.object({
  SERVICE_NAME: text("event-collector", "Name of the service in logs, metrics and health answers."),
  VERSION: text("1.0.0", "Version in health answers and `collector_build_info`."),
  DEBUG: flag("false", "Logs every request. At full load the log costs more than the requests."),
  LOG_LEVEL: v.optional(
    v.pipe(
      v.picklist(["debug", "info", "warn", "error"], "must be debug, info, warn or error"),
      v.description("Least level that is logged; DEBUG=true means debug."),
    ),
    "info",
  ),
  HTTP_HOST: text("0.0.0.0", "Address to listen on. All, since a container has no better guess."),
  HTTP_PORT: v.optional(whole(0, PORT_MAX, "The port of all protocols. 0 takes any free port."), "8000"),
  GRPC_PORT: v.optional(
    whole(
      0,
      PORT_MAX,
      "A second port with the same listener, for clients that know the old gRPC port 50051.",
    ),
  ),
  MAX_CONNECTIONS: v.optional(
    whole(1, 1_000_000, "Open connections of one port. Each costs some 10 KiB idle, so 10,000 cost 100 MiB."),
    "10000",
  ),
  API_KEY: optionalText(
    "If set, all but the health checks need it, as `Authorization: Bearer` or `X-API-Key`.",
  ),
  CORS_ORIGINS: list(
    isOrigin,
    "must be origins such as https://app.example.org, or *",
    "Origins, between commas, whose pages may send events. With none, browsers of other origins cannot read answers.",
  ),
  EVENT_TYPES_EXTRA: list(
    (item) => item.length <= 128,
    "must be event types of at most 128 characters",
    "Event types, between commas, that are allowed beside the eight built-in ones.",
  ),
  MAX_BATCH_SIZE: v.optional(
    whole(1, 100_000, "Events of one batch: 100 of the usual size are some 50 KiB, and one sync."),
    "100",
  ),
  MAX_BATCH_SIZE_BYTES: v.optional(
    whole(KIB, 64 * MIB, "Bytes of one body or RPC message, after decompression. Bounds memory per request."),
    String(MIB),
  ),
  STREAM_BATCH_SIZE: v.optional(
    whole(1, 10_000, "Events of a stream that are stored and answered together, at most."),
    "10",
  ),
  STREAM_LINGER_MS: v.optional(
    whole(
      0,
      60_000,
      "How long an incomplete group of a stream waits. 20 ms is below what people notice and above a sync.",
    ),
    "20",
  ),
  REQUEST_TIMEOUT_SECONDS: v.optional(
    whole(
      2,
      3600,
      "A request that is not a stream must be over by then. 1 MiB in 30 s still works on a 2G line.",
    ),
    "30",
  ),
  GRPC_REFLECTION: flag("true", "Server reflection, with which grpcurl works without proto files."),
  BUFFER_DIR: text("/var/lib/event-collector/spool", "The spool directory; shared with the forwarder."),
  BUFFER_MAX_BYTES: v.optional(
    whole(
      MIB,
      1024 * GIB,
      "Size of the spool at which events are refused. 10 GiB hold a day of 120 KiB/s of events.",
    ),
    String(10 * GIB),
  ),
  BUFFER_MIN_FREE_BYTES: v.optional(
    whole(
      0,
      1024 * GIB,
      "Bytes that stay free on the file system, so that the forwarder can still write its cursor.",
    ),
    String(256 * MIB),
  ),
  BUFFER_SEGMENT_BYTES: v.optional(
    whole(64 * KIB, GIB, "Size at which a segment is sealed. Pruning frees whole segments."),
    String(64 * MIB),
  ),
  BUFFER_SEGMENT_SECONDS: v.optional(
    whole(1, DAY_SECONDS, "Age at which a segment is sealed, so that quiet hours are pruned in time too."),
    "60",
  ),
  SHUTDOWN_DELAY_SECONDS: v.optional(
    whole(
      0,
      300,
      "After SIGTERM: how long to go on serving, not ready, before the port closes. About 5 behind a load balancer.",
    ),
    "0",
  ),
  SHUTDOWN_TIMEOUT_SECONDS: v.optional(
    whole(
      1,
      300,
      "How long requests under way may take to finish. Less than the 30 s that Kubernetes waits before it kills.",
    ),
    "20",
  ),
});

type Environment = v.InferOutput<typeof schema>;

/** Every variable, in the order of the schema: the source of the table in the documentation. */
export const ENVIRONMENT: readonly EnvironmentVariable[] = Object.entries(schema.entries).map(
  ([name, entry]) => ({
    name,
    default: typeof entry.default === "string" && entry.default !== "" ? entry.default : undefined,
    description: v.getDescription("wrapped" in entry ? entry.wrapped : entry) ?? "",
  }),
);

/** The configuration that an environment asks for, checked as a whole, frozen. Throws a ConfigError. */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): IngressConfig {
  const given = Object.entries(environment).filter(([, value]) => value !== undefined && value !== "");
  const result = v.safeParse(schema, Object.fromEntries(given));
  if (!result.success) {
    const problems = result.issues.map((issue) => `${v.getDotPath(issue) ?? "environment"} ${issue.message}`);
    throw new ConfigError(problems.join("; "));
  }
  const config = configOf(result.output);
  assertRelations(config);
  Object.freeze(config.spool);
  return Object.freeze(config);
}

function configOf(environment: Environment): IngressConfig {
  return {
    serviceName: environment.SERVICE_NAME,
    version: environment.VERSION,
    logLevel: environment.DEBUG ? "debug" : environment.LOG_LEVEL,
    host: environment.HTTP_HOST,
    port: environment.HTTP_PORT,
    grpcPort: environment.GRPC_PORT,
    connectionsMax: environment.MAX_CONNECTIONS,
    apiKey: environment.API_KEY,
    corsOrigins: environment.CORS_ORIGINS,
    eventTypesExtra: environment.EVENT_TYPES_EXTRA,
    batchEventsMax: environment.MAX_BATCH_SIZE,
    batchBytesMax: environment.MAX_BATCH_SIZE_BYTES,
    streamBatchEvents: environment.STREAM_BATCH_SIZE,
    streamLingerMs: environment.STREAM_LINGER_MS,
    requestTimeoutMs: environment.REQUEST_TIMEOUT_SECONDS * 1000,
    reflection: environment.GRPC_REFLECTION,
    spool: spoolConfigOf(environment),
    shutdownDelayMs: environment.SHUTDOWN_DELAY_SECONDS * 1000,
    shutdownTimeoutMs: environment.SHUTDOWN_TIMEOUT_SECONDS * 1000,
  };
}

function spoolConfigOf(environment: Environment): SpoolConfig {
  return {
    directory: environment.BUFFER_DIR,
    spoolBytesMax: environment.BUFFER_MAX_BYTES,
    freeBytesMin: environment.BUFFER_MIN_FREE_BYTES,
    segmentBytesMax: environment.BUFFER_SEGMENT_BYTES,
    segmentAgeMs: environment.BUFFER_SEGMENT_SECONDS * 1000,
    lineBytesMax: lineBytesMax(environment.MAX_BATCH_SIZE_BYTES),
    // Some 60 batches of the largest default size, or 64 MiB of memory, wait for the disk; more is refused.
    queueBytesMax: Math.max(64 * MIB, 2 * lineBytesMax(environment.MAX_BATCH_SIZE_BYTES)),
    // A disk that is silent for 10 s is not slow but gone; most clients give up at about that time.
    appendTimeoutMs: 10_000,
    checkIntervalMs: 1_000,
  };
}

/**
 * The longest payload that a request can lead to. A rejected event is kept whole: as JSON, in which one byte
 * of a message (a control character) becomes six, or as base64. 64 KiB hold its reasons.
 */
function lineBytesMax(batchBytesMax: number): number {
  return 6 * batchBytesMax + 64 * KIB;
}

function assertRelations(config: IngressConfig): void {
  const { spool } = config;
  if (config.streamBatchEvents > config.batchEventsMax) {
    throw new ConfigError("STREAM_BATCH_SIZE must not exceed MAX_BATCH_SIZE");
  }
  if (spool.segmentBytesMax > spool.spoolBytesMax) {
    throw new ConfigError("BUFFER_SEGMENT_BYTES must not exceed BUFFER_MAX_BYTES");
  }
  if (config.grpcPort !== undefined && config.grpcPort !== 0 && config.grpcPort === config.port) {
    throw new ConfigError("GRPC_PORT must differ from HTTP_PORT, which serves gRPC too");
  }
  if (config.corsOrigins.includes("*") && config.corsOrigins.length > 1) {
    throw new ConfigError("CORS_ORIGINS is either * or a list of origins");
  }
}
