/**
 * The process in front of several workers (INGRESS_WORKERS): it accepts connections and hands them on, replaces
 * workers that end, puts their numbers together, and ends them in order. It sees no request and touches no spool.
 *
 * **Invariant:** it ends no sooner than its workers, unless it is killed; then they drain by themselves.
 */
import { setTimeout as wait } from "node:timers/promises";
import type { Clock } from "@event-collector/spool";
import type { Logger } from "pino";
import { createMetrics } from "../metrics.js";
import type { IngressConfig } from "../settings.js";
import { createCensus } from "./census.js";
import type { Census } from "./census.js";
import { ConnectionDesk } from "./connection-desk.js";
import type { Ports } from "./connection-desk.js";
import { Crew } from "./crew.js";
import type { CrewObserver, FailedWorker } from "./crew.js";
import type { ToPrimary } from "./messages.js";
import { startWorker } from "./worker-process.js";
import type { WorkerProcess } from "./worker-process.js";

export interface PrimaryProcess extends Ports {
  /** All workers read their files of keys and certificates again. */
  reload(): void;
  /** All workers finish what is under way; rejects if one did not end in order. Idempotent. */
  drain(): Promise<void>;
  /** Resolves when there is no worker left, and none can be started. */
  readonly failed: Promise<FailedWorker>;
}

/** For workers to take what was accepted before the ports closed. */
const HAND_OVER_MS = 5_000;

/** Beyond what a worker needs when its own deadline is over. */
const LAST_WORD_MS = 10_000;

/** Starts the workers, then opens the ports. Rejects with a FailedWorker or an error of the system. */
export async function startPrimary(
  clock: Clock,
  logger: Logger,
  config: IngressConfig,
): Promise<PrimaryProcess> {
  const metrics = createMetrics(config);
  const desk = new ConnectionDesk(config, metrics);
  const observer: CrewObserver = {
    joined: (worker) => desk.join(worker),
    gone: (worker) => {
      desk.leave(worker);
      census.leave(worker);
    },
    lost: () => metrics.workerLost(),
    heard: (worker, message) => hear(worker, message, crew, desk, census),
  };
  const crew = new Crew({ begin: startWorker, clock, logger, observer }, config.workers);
  const census = createCensus(clock, metrics, () => crew.serving(), config.workers);
  // However this process ends by itself, it leaves nothing behind.
  process.once("exit", () => crew.kill());
  await crew.start();
  const ports = await desk.open();
  let drained: Promise<void> | undefined;
  return {
    ...ports,
    failed: crew.failed,
    reload: () => crew.tell({ kind: "reload" }),
    drain: () => (drained ??= drain(crew, desk, config)),
  };
}

function hear(
  worker: WorkerProcess,
  message: ToPrimary,
  crew: Crew,
  desk: ConnectionDesk,
  census: Census,
): void {
  if (message.kind === "taken") return desk.taken(worker);
  if (message.kind === "closed") return desk.ended(worker, message.ids);
  if (message.kind === "snapshot") return census.answered(worker, message.question, message.snapshot);
  if (message.kind === "view") {
    const { question } = message;
    census.view(message.view).then(
      (text) => worker.send({ kind: "view", question, text }),
      () => worker.send({ kind: "view", question, text: undefined }),
    );
    return;
  }
  if (message.kind !== "takes") return;
  for (const other of crew.serving()) if (other !== worker) other.send(message);
}

async function drain(
  crew: Crew,
  desk: ConnectionDesk,
  { shutdownDelayMs, shutdownTimeoutMs }: Pick<IngressConfig, "shutdownDelayMs" | "shutdownTimeoutMs">,
): Promise<void> {
  crew.dismiss();
  crew.tell({ kind: "retire" });
  if (shutdownDelayMs > 0) await wait(shutdownDelayMs);
  // What the system has accepted already is still taken.
  await new Promise<void>((resolve) => void setImmediate(resolve));
  await desk.stop(HAND_OVER_MS);
  crew.tell({ kind: "leave" });
  if (!(await crew.ended(shutdownTimeoutMs + LAST_WORD_MS))) {
    throw new Error("a worker did not end in order");
  }
}
