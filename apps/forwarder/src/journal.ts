/** What goes into the log, for whoever looks for the reason of an alarm. */
import type { BrokerFailure } from "@event-collector/kafka";
import type { PruneReport } from "@event-collector/spool";
import type { Logger } from "pino";
import type { BrokerObserver } from "./broker.js";
import { EventRun, itemsOfFreight } from "./event-run.js";
import type { Freight } from "./event-run.js";
import type { Observer } from "./observer.js";

export interface Journal {
  readonly observer: Observer;
  readonly broker: Pick<BrokerObserver, "heard" | "logged">;
  stalled(failure: BrokerFailure): void;
  pruned(report: PruneReport): void;
  cursorFailed(error: unknown): void;
  quarantineFailed(error: unknown): void;
  watchFailed(error: unknown): void;
  pruneFailed(error: unknown): void;
}

/** As in syslog(3): up to here it is an error. */
const SEVERITY_ERROR = 3;
const SEVERITY_WARNING = 4;

export function createJournal(logger: Logger): Journal {
  return {
    observer: {
      windowBegun: () => undefined,
      windowEnded: () => undefined,
      delivered: (entries) => logDeadLetters(logger, entries),
      windowDone: (entries, seconds) =>
        logger.debug({ lines: itemsOfFreight(entries), seconds }, "window delivered"),
      failed: (failure, attempts) => logFailure(logger, failure, attempts),
      isolating: (records) => logger.debug({ records }, "halving the batch to find the record"),
      held: ({ code, message }) =>
        logger.error(
          { code, reason: message },
          "a dead letter cannot be delivered and the cursor waits; let its topic take larger messages",
        ),
      opened: () => logger.info("producer open"),
      unreadable: (error) =>
        logger.error(
          { error },
          "the spool cannot be read; trying again, look at the disk and the rights of BUFFER_DIR",
        ),
    },
    broker: {
      heard: ({ class: failureClass, code, message }) =>
        logger.warn(
          { class: failureClass, code, reason: message },
          "the Kafka client reports a problem; nothing to do unless it stays",
        ),
      logged: (severity, line) => {
        // The failure itself is logged by whoever meets it.
        if (line.startsWith("TXNERR")) logger.debug({ line }, "librdkafka");
        else if (severity <= SEVERITY_ERROR) logger.warn({ line }, "librdkafka");
        else if (severity <= SEVERITY_WARNING) logger.info({ line }, "librdkafka");
        else logger.debug({ line }, "librdkafka");
      },
    },
    stalled: ({ code, message }) =>
      logger.warn({ code, reason: message }, "the broker does not answer; waiting, the spool is the buffer"),
    pruned: (report) => logPruned(logger, report),
    cursorFailed: (error) =>
      logger.error({ error }, "the local cursor cannot be written; trying again, look at the disk"),
    quarantineFailed: (error) =>
      logger.error({ error }, "bytes cannot be kept in quarantine and delivery waits; look at the disk"),
    watchFailed: (error) =>
      logger.warn(
        { error },
        "the watcher has a problem, perhaps too few inotify watches; the rescan goes on",
      ),
    pruneFailed: (error) =>
      logger.error({ error }, "pruning failed; trying again, look at the disk and the rights of BUFFER_DIR"),
  };
}

function logFailure(logger: Logger, failure: BrokerFailure, attempts: number): void {
  const details = { class: failure.class, code: failure.code, reason: failure.message, attempts };
  if (failure.class === "configuration") logger.error(details, "delivery waits until somebody changes this");
  else if (failure.class === "record" && attempts > 1) logger.debug(details, "the broker refuses a record");
  else if (failure.class === "record") logger.info(details, "the broker refuses a record; looking for it");
  else logger.warn(details, "delivery failed; trying again");
}

function logDeadLetters(logger: Logger, entries: readonly Freight[]): void {
  const reasons: Record<string, number> = {};
  for (const each of entries) {
    const reason = each instanceof EventRun ? undefined : each.outgoing?.cause?.reason;
    if (reason !== undefined) reasons[reason] = (reasons[reason] ?? 0) + 1;
  }
  if (Object.keys(reasons).length > 0) logger.info({ reasons }, "dead letters delivered");
}

function logPruned(logger: Logger, { pruned, overdue, failed }: PruneReport): void {
  if (pruned.length > 0) {
    const bytes = pruned.reduce((sum, segment) => sum + segment.bytes, 0);
    logger.info({ segments: pruned.length, bytes }, "delivered segments deleted");
  }
  if (failed.length > 0)
    logger.error(
      { segments: failed },
      "delivered segments cannot be deleted; trying again, look at their rights",
    );
  if (overdue.length > 0) {
    const oldest = Math.max(...overdue.map(({ ageMs }) => ageMs));
    logger.error(
      { segments: overdue.length, oldestAgeHours: oldest / 3_600_000 },
      "segments are older than the retention and not delivered; they are kept, find out why delivery does not get on",
    );
  }
}
