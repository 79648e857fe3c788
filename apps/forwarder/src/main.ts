/** The process: configuration from the environment, the log, the signals, the exit code. */
import { BrokerFailure, kafkaProperties } from "@event-collector/kafka";
import { createLogger } from "@event-collector/operations";
import { armFailpoints, nodeDisk, systemClock } from "@event-collector/spool";
import { ConfigError, readConfig } from "./config.js";
import { FencedError } from "./delivery.js";
import { startForwarder } from "./forwarder.js";
import { keepHeapSmall } from "./heap.js";
import { LockedError } from "./lock.js";
import { createBroker } from "./producer.js";
import type { ForwarderConfig } from "./settings.js";

/** After a stop the connections get this long to close; what matters is committed by then. Milliseconds. */
const CLOSE_TIMEOUT_MS = 5_000;

async function main(): Promise<void> {
  const failpoints = process.env["FAILPOINT"];
  if (failpoints !== undefined && failpoints !== "") armFailpoints(failpoints);
  keepHeapSmall();
  const config = await readConfig(process.env, readText);
  const logger = createLogger({ level: config.logLevel, serviceName: config.serviceName });
  const forwarder = await startForwarder(
    nodeDisk,
    systemClock,
    logger,
    (observer) => createBroker(brokerOptions(config), observer),
    config,
  );
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.once(signal, () => {
      // Whoever asks twice does not want to wait; what is not committed is sent at the next start.
      process.once(signal, () => process.exit(1));
      logger.info({ signal }, "draining");
      forwarder.drain();
      setTimeout(() => process.exit(0), config.drainMs + CLOSE_TIMEOUT_MS).unref();
    });
  }
  logger.info({ host: config.host, port: forwarder.port, delivery: config.kafka.delivery }, "listening");
  await forwarder.ended;
  logger.info("stopped");
  process.exit(0);
}

async function readText(path: string): Promise<string> {
  return Buffer.from(await nodeDisk.readFile(path)).toString("utf8");
}

function brokerOptions({ kafka, window, spool }: ForwarderConfig): Parameters<typeof createBroker>[0] {
  const { tokenFile } = kafka.security.sasl;
  const limits = {
    windowLinesMax: window.linesMax,
    windowBytesMax: window.bytesMax,
    lineBytesMax: spool.lineBytesMax,
  };
  const properties = kafkaProperties(kafka, limits);
  if (tokenFile === undefined) return { properties };
  return { properties, token: async () => (await readText(tokenFile)).trim() };
}

main().catch((error: unknown) => {
  if (error instanceof ConfigError || (error instanceof BrokerFailure && error.class === "configuration")) {
    process.stderr.write(`The configuration is not usable: ${error.message}\n`);
    process.exit(2);
  }
  const logger = createLogger({ level: "info", serviceName: "event-collector" });
  if (error instanceof FencedError) {
    logger.fatal({ owner: error.owner }, error.message);
    process.exit(3);
  }
  if (error instanceof LockedError) {
    logger.fatal(error.message);
    process.exit(3);
  }
  logger.fatal({ error }, "the forwarder cannot go on");
  process.exit(1);
});
