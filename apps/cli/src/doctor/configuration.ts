/** Is what the environment says understood, and is it wise? */
import { ConfigError } from "@event-collector/environment";
import type { Variables } from "@event-collector/environment";
import { KAFKA_ENVIRONMENT, readKafkaConfig } from "@event-collector/kafka";
import type { KafkaConfig } from "@event-collector/kafka";
import type { Context } from "../context.js";
import { readSettings } from "../settings.js";
import type { Settings } from "../settings.js";
import { failure, ok, warning } from "./finding.js";
import type { Finding } from "./finding.js";

export interface Diagnosis {
  readonly findings: Finding[];
  /** Undefined if the environment says nothing that makes sense about it. */
  readonly settings: Settings | undefined;
  readonly kafka: KafkaConfig | undefined;
}

/** As many threads as disk, compression and Kafka client need together. */
const THREADS_MIN = 16;

export async function examineConfiguration(
  context: Context,
  directory: string | undefined,
): Promise<Diagnosis> {
  const { variables, readText } = context;
  const findings: Finding[] = [];
  const settings = await attempt(findings, () => Promise.resolve(readSettings(variables, directory)));
  const kafka = await attempt(findings, () => readKafkaConfig(variables, readText));
  if (findings.length === 0) findings.push(ok("configuration", "every variable is understood"));
  findings.push(...unknownVariables(variables), ...threads(settings));
  return { findings, settings, kafka };
}

async function attempt<Value>(findings: Finding[], read: () => Promise<Value>): Promise<Value | undefined> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    findings.push(
      failure("configuration", error.message, "correct the variable; the app would not start either"),
    );
    return undefined;
  }
}

const KNOWN: ReadonlySet<string> = new Set(KAFKA_ENVIRONMENT.map(({ name }) => name));

/** A misspelt name is the default in silence. */
function unknownVariables(variables: Variables): Finding[] {
  return Object.keys(variables)
    .filter((name) => name.startsWith("KAFKA_") && !KNOWN.has(name))
    .map((name) => {
      const near = [...KNOWN].find((known) => known.replaceAll("_", "") === name.replaceAll("_", ""));
      const hint = near ?? [...KNOWN].find((known) => name.startsWith(known) || known.startsWith(name));
      const mend = hint === undefined ? "no app reads it" : `no app reads it; ${hint} is meant?`;
      return warning("configuration", `${name} is not known`, mend);
    });
}

function threads(settings: Settings | undefined): Finding[] {
  if (settings === undefined || Number(settings.threadPoolSize ?? "4") >= THREADS_MIN) return [];
  return [
    warning(
      "configuration",
      `UV_THREADPOOL_SIZE is ${settings.threadPoolSize ?? "not set"}`,
      `set it to ${THREADS_MIN} for ingress and forwarder: one slow sync must not hold up the rest`,
    ),
  ];
}
