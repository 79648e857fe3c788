/**
 * The process: its configuration, the log, the signals, the exit code.
 *
 * With INGRESS_WORKERS it is the primary of several workers, which it runs as `main.js worker <number>`.
 */
import { createLogger } from "@event-collector/operations";
import type { Variables } from "@event-collector/environment";
import { armFailpoints, nodeDisk, systemClock } from "@event-collector/spool";
import type { Logger } from "pino";
import { readConfig } from "./config.js";
import { endAfterFailedStart } from "./failed-start.js";
import { startIngress } from "./ingress.js";
import { removeProtoAccessor } from "./proto-accessor.js";
import type { IngressConfig } from "./settings.js";
import { FailedWorker } from "./workers/crew.js";
import { startPrimary } from "./workers/primary.js";
import { WORKER } from "./workers/worker-process.js";
import { runWorker } from "./workers/worker.js";

/** What serves: this process, or the workers that it started. */
interface Service {
  readonly port: number;
  readonly grpcPort: number | undefined;
  readonly adminPort: number | undefined;
  reload(): unknown;
  drain(): Promise<void>;
}

/** Ends with the process. `parameters` are those of the command line. */
export function run(variables: Variables, parameters: readonly string[]): void {
  serve(variables, parameters).catch((error: unknown) => {
    // What ended with an exit code has said why.
    if (error instanceof FailedWorker && error.end.code !== null) endLike(error);
    endAfterFailedStart(error);
  });
}

async function serve(variables: Variables, [role, number]: readonly string[]): Promise<void> {
  const failpoints = variables["FAILPOINT"];
  if (failpoints !== undefined && failpoints !== "") armFailpoints(failpoints);
  removeProtoAccessor();
  const config = readConfig(variables);
  // Without a channel to its primary nobody would hand it a connection.
  if (role === WORKER && process.channel !== undefined) return runWorker(Number(number), config);
  const logger = createLogger({ level: config.logLevel, serviceName: config.serviceName });
  const service: Service =
    config.workers === 1
      ? await startIngress(nodeDisk, systemClock, logger, config)
      : await startMany(logger, config);
  async function stop(signal: NodeJS.Signals): Promise<void> {
    logger.info({ signal }, "draining");
    await service.drain();
    logger.info("stopped");
    process.exit(0);
  }

  process.on("SIGHUP", () => void service.reload());
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
  logger.info({ host: config.host, port: service.port }, "listening");
  if (service.grpcPort !== undefined) logger.info({ host: config.host, port: service.grpcPort }, "listening");
  if (service.adminPort !== undefined && config.admin !== undefined) {
    logger.info({ host: config.admin.host, port: service.adminPort }, "listening for operators");
  }
}

async function startMany(logger: Logger, config: IngressConfig): Promise<Service> {
  const primary = await startPrimary(systemClock, logger, config);
  void primary.failed.then((error) => {
    logger.fatal({ error }, "no worker is left");
    endLike(error);
  });
  return primary;
}

function endLike({ end }: FailedWorker): never {
  process.exit(end.code ?? 1);
}
