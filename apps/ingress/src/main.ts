/** The process: configuration from the environment, the log, the signals, the exit code. */
import { createLogger } from "@event-collector/operations";
import { armFailpoints, nodeDisk, systemClock } from "@event-collector/spool";
import { ConfigError, readConfig } from "./config.js";
import { startIngress } from "./ingress.js";
import { removeProtoAccessor } from "./proto-accessor.js";

async function main(): Promise<void> {
  const failpoints = process.env["FAILPOINT"];
  if (failpoints !== undefined && failpoints !== "") armFailpoints(failpoints);
  removeProtoAccessor();
  const config = readConfig(process.env);
  const logger = createLogger({ level: config.logLevel, serviceName: config.serviceName });
  const ingress = await startIngress(nodeDisk, systemClock, logger, config);
  async function stop(signal: NodeJS.Signals): Promise<void> {
    logger.info({ signal }, "draining");
    await ingress.drain();
    logger.info("stopped");
    process.exit(0);
  }

  process.on("SIGHUP", () => void ingress.reload());
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => {
      // Whoever asks twice does not want to wait; what was answered is on stable storage all the same.
      process.once(signal, () => process.exit(1));
      stop(signal).catch((error: unknown) => {
        logger.fatal({ error }, "drain failed");
        process.exit(1);
      });
    });
  }

  // Only now: whoever reads these lines may send a signal at once.
  logger.info({ host: config.host, port: ingress.port }, "listening");
  if (ingress.grpcPort !== undefined) logger.info({ host: config.host, port: ingress.grpcPort }, "listening");
  if (ingress.adminPort !== undefined && config.admin !== undefined) {
    logger.info({ host: config.admin.host, port: ingress.adminPort }, "listening for operators");
  }
}

main().catch((error: unknown) => {
  if (error instanceof ConfigError) {
    process.stderr.write(`The configuration is not usable: ${error.message}\n`);
    process.exit(2);
  }
  createLogger({ level: "info", serviceName: "event-collector" }).fatal({ error }, "start failed");
  process.exit(1);
});
