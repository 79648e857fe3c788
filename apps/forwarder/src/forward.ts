/**
 * The loop that moves events from the spool to Kafka: wait, read a window, deliver it, go on behind it.
 *
 * Where to read is decided by positions alone. In exactly-once mode the broker's committed positions win over what
 * this process believes, at the start and whenever a producer had to be opened anew.
 *
 * **Invariant:** one window is under way at a time; while there is a backlog the next one is read during the commit,
 * never more.
 */
import { failpoint } from "@event-collector/spool";
import { itemsIn } from "@event-collector/spool";
import type { ReadLimits, SpoolPiece, SpoolReader } from "@event-collector/spool";
import { pause } from "./backoff.js";
import { StoppedError } from "./delivery.js";
import type { Committed } from "./delivery.js";
import { freightOf, itemsOfFreight } from "./event-run.js";
import type { Freight } from "./event-run.js";
import { deliverInOrder, openForever } from "./isolate.js";
import type { Desk, Terms } from "./isolate.js";
import type { Pruning } from "./pruning.js";
import { settle } from "./settle.js";
import type { Wake } from "./wake.js";
import type { WindowSize } from "./window-size.js";

/** A disk that does not answer is asked again after this. Milliseconds. */
const READ_PAUSE_MS = 1_000;

export interface ForwardParts {
  readonly reader: SpoolReader;
  readonly desk: Desk;
  readonly wake: Wake;
  readonly pruning: Pruning;
  readonly size: WindowSize;
}

export interface ForwardSignals {
  /** Deliver what is in the spool, then end. */
  readonly drain: AbortSignal;
  /** End now; what is not confirmed is left for the next start. */
  readonly stop: AbortSignal;
}

/** Ends when it is told to. Rejects with a FencedError if another forwarder took over. */
export async function forward(parts: ForwardParts, signals: ForwardSignals): Promise<void> {
  try {
    await goTo(parts, await openForever(parts.desk, signals.stop));
    await forwardWindows(parts, signals);
  } catch (error) {
    if (!(error instanceof StoppedError)) throw error;
  } finally {
    await parts.desk.delivery.close();
  }
}

async function forwardWindows(parts: ForwardParts, { drain, stop }: ForwardSignals): Promise<void> {
  const { wake, size } = parts;
  const ahead = createReadAhead(parts, stop);
  try {
    while (!stop.aborted) {
      const reopened = await prove(parts, stop);
      if (reopened !== undefined) await ahead.drop();
      if (reopened !== undefined) await goTo(parts, reopened);
      const window = await ahead.take();
      if (window === undefined) continue;
      const { pieces, entries, hasMore } = window;
      if (entries.length === 0) {
        if (drain.aborted) return;
        await wake.next(drain);
        continue;
      }
      await failpoint("window.read");
      const onSent = (): void => {
        size.sent();
        if (hasMore) ahead.start();
      };
      size.begun();
      const committed = await forwardWindow(parts, entries, { stop, onSent });
      size.confirmed({ hasMore, isHeavy: entries.length > itemsOfFreight(entries) / 2 });
      if (committed === undefined) {
        parts.reader.reuse(pieces);
        continue;
      }
      await ahead.drop();
      await goTo(parts, committed);
    }
  } finally {
    await ahead.drop();
  }
}

/** Resolves with where to go on, if that is not simply behind these entries. */
async function forwardWindow(
  { desk }: ForwardParts,
  entries: readonly Freight[],
  terms: Terms,
): Promise<Committed | undefined> {
  const startedAt = desk.clock.monotonic();
  desk.observer.windowBegun(entries);
  try {
    const committed = await deliverInOrder(desk, entries, terms);
    if (committed === undefined)
      desk.observer.windowDone(entries, (desk.clock.monotonic() - startedAt) / 1000);
    return committed;
  } finally {
    desk.observer.windowEnded();
  }
}

interface Window {
  /** What was read. */
  readonly pieces: readonly SpoolPiece[];
  readonly entries: readonly Freight[];
  /** So much was read that more may wait. */
  readonly hasMore: boolean;
}

interface ReadAhead {
  /** The next window; undefined if the disk did not let it be read. */
  take(): Promise<Window | undefined>;
  /** Begins to read the one after that, if it was not begun yet. */
  start(): void;
  /** Waits for what is being read and forgets it: reading starts elsewhere. */
  drop(): Promise<void>;
}

function createReadAhead(parts: ForwardParts, stop: AbortSignal): ReadAhead {
  let ahead: Promise<Window | undefined> | undefined;
  return {
    take: async () => {
      const window = await (ahead ?? readWindow(parts, stop));
      ahead = undefined;
      return window;
    },
    start: () => {
      if (ahead !== undefined) return;
      ahead = readWindow(parts, stop);
      // Whoever takes it hears of a stop; nobody has to take it.
      ahead.catch(() => undefined);
    },
    drop: async () => {
      await ahead?.catch(() => undefined);
      ahead = undefined;
    },
  };
}

async function readWindow(
  { reader, desk, size }: ForwardParts,
  stop: AbortSignal,
): Promise<Window | undefined> {
  const limits = size.limits();
  let items: readonly SpoolPiece[];
  try {
    items = await reader.readPieces(limits);
  } catch (error) {
    desk.observer.unreadable(error);
    await pause(READ_PAUSE_MS, stop);
    return undefined;
  }
  return { pieces: items, entries: await loadOf(desk, items, stop), hasMore: isBacklog(items, limits) };
}

/** True if so much was read that more may wait. */
function isBacklog(items: readonly SpoolPiece[], { linesMax, bytesMax }: ReadLimits): boolean {
  let [lines, bytes] = [0, 0];
  for (const item of items) {
    lines += itemsIn(item);
    bytes += item.length;
  }
  return lines >= linesMax / 2 || bytes >= bytesMax / 2;
}

async function loadOf(
  { entryOptions, clock, quarantine }: Desk,
  items: readonly SpoolPiece[],
  stop: AbortSignal,
): Promise<Freight[]> {
  const now = new Date(clock.now()).toISOString();
  for (const item of items) {
    while (item.type === "damage" && !(await quarantine.keepDamage(item))) {
      if (stop.aborted) throw new StoppedError();
      await pause(READ_PAUSE_MS, stop);
    }
  }
  return freightOf(items, entryOptions, now);
}

async function goTo({ reader, desk }: ForwardParts, { positions }: Committed): Promise<void> {
  desk.progress.reset(positions);
  await reader.seek(positions);
}

/**
 * Now and then, even when nothing comes: shows that the spool is still this forwarder's, and prunes. Resolves with
 * where to go on if the delivery had to be opened anew.
 */
async function prove({ desk, pruning }: ForwardParts, stop: AbortSignal): Promise<Committed | undefined> {
  if (!pruning.due()) return undefined;
  const gone = pruning.gone();
  const outcome = await desk.delivery.deliver(
    { messages: [], count: 0, events: 0, positions: new Map(), gone },
    stop,
  );
  if (outcome.type === "delivered") {
    desk.progress.forget(gone);
    pruning.start();
    return undefined;
  }
  desk.observer.failed(outcome.failure, 1);
  if (settle(outcome.failure, { alone: false, stage: "event" }) !== "reopen") return undefined;
  const committed = await openForever(desk, stop);
  return desk.delivery.atomic ? committed : undefined;
}
