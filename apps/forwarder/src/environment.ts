/**
 * Every environment variable of the forwarder: its meaning, its default and the reason for it.
 *
 * **Invariant:** the schema below is the only list of names, beside that of the Kafka variables.
 */
import { recordBytesMax } from "@event-collector/contract";
import {
  choice,
  describeVariables,
  flag,
  hours,
  readVariables,
  text,
  whole,
} from "@event-collector/environment";
import type { EnvironmentVariable, ReadText, Variables } from "@event-collector/environment";
import { KAFKA_ENVIRONMENT, readKafkaConfig } from "@event-collector/kafka";
import type { KafkaConfig } from "@event-collector/kafka";
import { readTracingConfig, TRACING_ENVIRONMENT } from "@event-collector/operations";
import type { TracingConfig } from "@event-collector/operations";
import * as v from "valibot";
import type { ForwarderConfig, SpoolConfig } from "./settings.js";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;
const PORT_MAX = 65_535;

const schema = v.object({
  SERVICE_NAME: text("event-collector", "Name of the service in logs and health answers."),
  VERSION: text("1.0.0", "Version in health answers and `forwarder_build_info`."),
  DEBUG: flag("false", "Logs every window."),
  LOG_LEVEL: choice(
    "info",
    ["debug", "info", "warn", "error"],
    "Least level that is logged; DEBUG=true means debug.",
  ),
  FORWARDER_HOST: text(
    "0.0.0.0",
    "Address for health checks and metrics. All, since probes come from outside.",
  ),
  FORWARDER_PORT: whole(
    8001,
    0,
    PORT_MAX,
    "Port of the status page, `/status`, `/health`, `/ready` and `/metrics`. 0 takes any free port.",
  ),
  FORWARDER_WINDOW_LINES: whole(
    24_000,
    1,
    500_000,
    "Lines of one window at most. Windows grow up to this while there is a backlog and commits take long; to half of it where messages go one by one: those with traces, CloudEvents headers, or keys and topics by template.",
  ),
  FORWARDER_WINDOW_BYTES: whole(
    8 * MIB,
    KIB,
    GIB,
    "Bytes of one window at most. Windows grow up to this as above; so large, a backlog takes some 130 MiB of memory, 170 where messages go one by one.",
  ),
  FORWARDER_WINDOW_MS: whole(
    100,
    1,
    60_000,
    "How long a window is read at most. What is read by then does not wait for a slow disk or for many instances.",
  ),
  FORWARDER_RESCAN_MS: whole(
    250,
    1,
    60_000,
    "How often the spool is looked at without a hint from the watcher. Bounds the latency when hints get lost.",
  ),
  FORWARDER_WATCH: flag(
    "true",
    "Watches the spool directory. Without it each event waits for the next rescan.",
  ),
  FORWARDER_PRUNE_SECONDS: whole(15, 1, 3600, "How often delivered segments are looked at for deletion."),
  FORWARDER_DRAIN_SECONDS: whole(
    5,
    0,
    3600,
    "How long after SIGTERM to go on with what is in the spool. What is left waits there for the next start.",
  ),
  BUFFER_DIR: text("/var/lib/event-collector/spool", "The spool directory; shared with the ingress."),
  BUFFER_MAX_BYTES: whole(
    10 * GIB,
    MIB,
    1024 * GIB,
    "As for the ingress: near this size delivered segments are deleted early.",
  ),
  BUFFER_MIN_FREE_BYTES: whole(
    256 * MIB,
    0,
    1024 * GIB,
    "As for the ingress: with little more free, delivered segments are deleted early.",
  ),
  BUFFER_SEGMENT_SECONDS: whole(
    60,
    1,
    86_400,
    "As for the ingress: a writer that touched nothing for several times this is gone.",
  ),
  BUFFER_RETENTION_HOURS: hours(
    24,
    24 * 366,
    "How long delivered segments are kept. A day lets people look, and replay, what happened today.",
  ),
  MAX_BATCH_SIZE_BYTES: whole(MIB, KIB, 64 * MIB, "As for the ingress: lines may be several times as long."),
});

type Environment = v.InferOutput<typeof schema>;

/** Every variable, in the order of the schemas: the source of the table in the documentation. */
export const ENVIRONMENT: readonly EnvironmentVariable[] = [
  ...describeVariables(schema),
  ...KAFKA_ENVIRONMENT,
  ...TRACING_ENVIRONMENT,
];

/** The configuration that the variables ask for; `readText` reads the files that they name. Rejects with a ConfigError. */
export async function parseEnvironment(variables: Variables, readText: ReadText): Promise<ForwarderConfig> {
  const kafka = await readKafkaConfig(variables, readText);
  return configOf(readVariables(schema, variables), kafka, readTracingConfig(variables));
}

function configOf(
  environment: Environment,
  kafka: KafkaConfig,
  tracing: TracingConfig | undefined,
): ForwarderConfig {
  return {
    serviceName: environment.SERVICE_NAME,
    version: environment.VERSION,
    logLevel: environment.DEBUG ? "debug" : environment.LOG_LEVEL,
    host: environment.FORWARDER_HOST,
    port: environment.FORWARDER_PORT,
    kafka,
    tracing,
    spool: spoolConfigOf(environment),
    window: {
      linesMax: environment.FORWARDER_WINDOW_LINES,
      bytesMax: environment.FORWARDER_WINDOW_BYTES,
      durationMaxMs: environment.FORWARDER_WINDOW_MS,
    },
    drainMs: environment.FORWARDER_DRAIN_SECONDS * 1000,
  };
}

/**
 * Lines are never taken for damage because the ingress was configured more generously than the forwarder: what
 * verifies is read up to this length at least.
 */
const LINE_BYTES_MAX_LEAST = 64 * MIB;

function spoolConfigOf(environment: Environment): SpoolConfig {
  return {
    directory: environment.BUFFER_DIR,
    spoolBytesMax: environment.BUFFER_MAX_BYTES,
    freeBytesMin: environment.BUFFER_MIN_FREE_BYTES,
    segmentAgeMs: environment.BUFFER_SEGMENT_SECONDS * 1000,
    retentionMs: environment.BUFFER_RETENTION_HOURS * 3_600_000,
    pruneIntervalMs: environment.FORWARDER_PRUNE_SECONDS * 1000,
    lineBytesMax: Math.max(recordBytesMax(environment.MAX_BATCH_SIZE_BYTES), LINE_BYTES_MAX_LEAST),
    rescanMs: environment.FORWARDER_RESCAN_MS,
    watch: environment.FORWARDER_WATCH,
  };
}
