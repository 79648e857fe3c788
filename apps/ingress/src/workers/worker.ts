/**
 * One of several processes that serve the ports together (INGRESS_WORKERS): an ingress with a writer and segments of
 * its own, whose connections come from the primary that started it.
 *
 * **Invariant:** only the primary says what to do. Signals that a terminal or a supervisor sends to the whole group
 * are the primary's affair, and mean nothing here; a primary that is gone means the end.
 */
import { createLogger } from "@event-collector/operations";
import { nodeDisk, systemClock } from "@event-collector/spool";
import type { Logger } from "pino";
import type { Socket } from "node:net";
import { startIngress } from "../ingress.js";
import type { Ingress } from "../ingress.js";
import type { IngressConfig } from "../settings.js";
import type { ToPrimary, ToWorker } from "./messages.js";
import { openPrimaryLink } from "./primary-link.js";
import type { Channel, Order, PrimaryLink } from "./primary-link.js";
import { shareOf } from "./share.js";

/** Serves as the worker of this number. Rejects as `startIngress` does. */
export async function runWorker(number: number, config: IngressConfig): Promise<void> {
  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) process.on(signal, () => undefined);
  // Without a port of its own, nothing else keeps the process alive.
  process.channel?.ref();
  const about = { level: config.logLevel, serviceName: config.serviceName };
  const logger = createLogger(about).child({ worker: number });
  const link = openPrimaryLink(channelOf(process), (order) => {
    // A worker that could not start says why and ends; there is nothing left to obey.
    starting.then(
      (ingress) => obey(ingress, order, link, logger),
      () => undefined,
    );
  });
  const starting: Promise<Ingress> = startIngress(nodeDisk, systemClock, logger, shareOf(config), link);
  process.once("disconnect", () => {
    logger.warn("the primary is gone: draining");
    starting.then(
      (ingress) => leave(ingress, logger),
      () => process.exit(1),
    );
  });
  await starting;
  link.send({ kind: "ready" });
}

function obey(ingress: Ingress, order: Order, link: PrimaryLink, logger: Logger): void {
  if (order.kind === "retire") return ingress.retire();
  if (order.kind === "leave") return leave(ingress, logger);
  if (order.kind === "reload") return void ingress.reload();
  const { question } = order;
  ingress.snapshot().then(
    (snapshot) => link.send({ kind: "snapshot", question, snapshot }),
    (error: unknown) => {
      logger.error({ error }, "metrics could not be read; this is a mistake of the service");
      link.send({ kind: "snapshot", question, snapshot: undefined });
    },
  );
}

function leave(ingress: Ingress, logger: Logger): void {
  ingress.drain().then(
    () => process.exit(0),
    (error: unknown) => {
      logger.fatal({ error }, "drain failed");
      process.exit(1);
    },
  );
}

function channelOf(self: NodeJS.Process): Channel {
  return {
    send: (message: ToPrimary) => {
      // A primary that is gone is heard of by "disconnect".
      if (self.connected) self.send?.(message, undefined, undefined, () => undefined);
    },
    on: (heard) => {
      self.on("message", (message, socket) => heard(message as ToWorker, socket as Socket | undefined));
    },
  };
}
