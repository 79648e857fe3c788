/** The command `collector`, run as a person would run it, beside a collector of the test. */
import type { Collector } from "../collector.js";
import type { Kafka } from "../kafka/index.js";
import { builtFile } from "../program.js";
import { runCommand, type CommandResult } from "../sh.js";

export type Variables = Readonly<Record<string, string>>;

export interface CollectorCommand {
  /** Runs `collector` with these parameters; `variables` win over those of the collector. */
  run(parameters: readonly string[], variables?: Variables): Promise<CommandResult>;
  /** The same with `--json`: the objects on standard output, each line parsed. */
  json(parameters: readonly string[], variables?: Variables): Promise<JsonResult>;
}

export interface JsonResult extends CommandResult {
  objects: Readonly<Record<string, unknown>>[];
}

const ENTRY = builtFile("cli", "main.js");

export function collectorCommand(kafka: Kafka, collector: Collector): CollectorCommand {
  const variables = {
    BUFFER_DIR: collector.bufferDirectory,
    KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrap,
    KAFKA_TOPIC: collector.topic,
    KAFKA_DLQ_TOPIC: collector.deadLetterTopic,
    UV_THREADPOOL_SIZE: "16",
  };
  const run: CollectorCommand["run"] = (parameters, more = {}) =>
    runCommand([process.execPath, "--enable-source-maps", ENTRY, ...parameters], {
      environment: { ...variables, ...more },
    });
  return {
    run,
    json: async (parameters, more) => {
      const result = await run([...parameters, "--json"], more);
      return { ...result, objects: objectsIn(result.stdout) };
    },
  };
}

/** Throws if a line is no JSON object: then something else than data is among the data. */
function objectsIn(text: string): JsonResult["objects"] {
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as JsonResult["objects"][number]);
}
