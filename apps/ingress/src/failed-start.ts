/** How a process ends that could not start: by a message and an exit code that say whose affair it is. */
import { ConfigError } from "@event-collector/environment";
import { createLogger } from "@event-collector/operations";

/** The configuration must be mended first: there is no use in starting it again. */
const UNUSABLE = 2;

export function endAfterFailedStart(error: unknown): never {
  if (error instanceof ConfigError) {
    process.stderr.write(`The configuration is not usable: ${error.message}\n`);
    process.exit(UNUSABLE);
  }
  createLogger({ level: "info", serviceName: "event-collector" }).fatal({ error }, "start failed");
  process.exit(1);
}
