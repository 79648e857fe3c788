/**
 * What the command is told by the environment: the same variables that ingress and forwarder read. Those about Kafka
 * are read by packages/kafka, where they are needed.
 */
import { recordBytesMax, TYPE_CHARACTERS_MAX } from "@event-collector/contract";
import {
  describeVariables,
  hours,
  list,
  optionalText,
  readVariables,
  text,
  whole,
} from "@event-collector/environment";
import type { EnvironmentVariable, Variables } from "@event-collector/environment";
import * as v from "valibot";

const KIB = 1024;
const MIB = 1024 * KIB;
const GIB = 1024 * MIB;

const schema = v.object({
  BUFFER_DIR: text("/var/lib/event-collector/spool", "The spool directory; `--spool` wins over it."),
  BUFFER_MAX_BYTES: whole(10 * GIB, MIB, 1024 * GIB, "As for the ingress, which refuses at this size."),
  BUFFER_MIN_FREE_BYTES: whole(256 * MIB, 0, 1024 * GIB, "As for the ingress, which keeps so much free."),
  BUFFER_RETENTION_HOURS: hours(
    24,
    24 * 366,
    "As for the forwarder: older segments that are not delivered are an alarm.",
  ),
  BUFFER_SEGMENT_SECONDS: whole(60, 1, 86_400, "As for the ingress."),
  MAX_BATCH_SIZE_BYTES: whole(MIB, KIB, 64 * MIB, "As for the ingress: lines may be several times as long."),
  EVENT_TYPES_EXTRA: list(
    (item) => item.length <= TYPE_CHARACTERS_MAX,
    `must be event types of at most ${TYPE_CHARACTERS_MAX} characters`,
    "As for the ingress: what is redriven is judged by it.",
  ),
  UV_THREADPOOL_SIZE: optionalText("How many calls to disk, compression and Kafka client run at once."),
});

export interface Settings {
  readonly directory: string;
  readonly spoolBytesMax: number;
  readonly freeBytesMin: number;
  readonly retentionMs: number;
  readonly segmentAgeMs: number;
  /** One payload; what is longer is damage. */
  readonly lineBytesMax: number;
  readonly eventTypesExtra: readonly string[];
  readonly threadPoolSize: string | undefined;
}

export const ENVIRONMENT: readonly EnvironmentVariable[] = describeVariables(schema);

/** As for the forwarder: lines are never taken for damage because the ingress was configured more generously. */
const LINE_BYTES_MAX_LEAST = 64 * MIB;

/** `directory` is what the command line says. Throws a ConfigError. */
export function readSettings(variables: Variables, directory: string | undefined): Settings {
  const environment = readVariables(schema, variables);
  return {
    directory: directory ?? environment.BUFFER_DIR,
    spoolBytesMax: environment.BUFFER_MAX_BYTES,
    freeBytesMin: environment.BUFFER_MIN_FREE_BYTES,
    retentionMs: environment.BUFFER_RETENTION_HOURS * 3_600_000,
    segmentAgeMs: environment.BUFFER_SEGMENT_SECONDS * 1000,
    lineBytesMax: Math.max(recordBytesMax(environment.MAX_BATCH_SIZE_BYTES), LINE_BYTES_MAX_LEAST),
    eventTypesExtra: environment.EVENT_TYPES_EXTRA,
    threadPoolSize: environment.UV_THREADPOOL_SIZE,
  };
}
