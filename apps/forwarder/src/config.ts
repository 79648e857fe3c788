/**
 * What the forwarder is told to do: the environment of `environment.ts`, checked as a whole and frozen.
 *
 * **Invariant:** a bad value, or a combination that cannot work, is a ConfigError that names the variable; secrets
 * are never quoted.
 */
import { parseEnvironment } from "./environment.js";
import type { ForwarderConfig } from "./settings.js";

export { ConfigError } from "@event-collector/environment";
export type { EnvironmentVariable } from "@event-collector/environment";
export type { DeliveryMode, KafkaConfig } from "@event-collector/kafka";
export { ENVIRONMENT } from "./environment.js";
export type { ForwarderConfig } from "./settings.js";

/** `readText` reads a file that the environment names. Rejects with a ConfigError. */
export async function readConfig(
  environment: Readonly<Record<string, string | undefined>>,
  readText: (path: string) => Promise<string>,
): Promise<ForwarderConfig> {
  return freeze(await parseEnvironment(environment, readText));
}

function freeze<Value extends object>(value: Value): Readonly<Value> {
  for (const member of Object.values(value)) {
    if (typeof member === "object" && member !== null) freeze(member as object);
  }
  return Object.freeze(value);
}
