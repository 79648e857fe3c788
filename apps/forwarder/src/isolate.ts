/**
 * Delivers entries in order, and finds the one that the broker does not take.
 *
 * A permanent failure fails a whole batch and names nobody. So the batch is sent again in halves, one after the
 * other and each as a batch of its own with its own cursor, until the guilty record is alone; it becomes a dead
 * letter, and its neighbours are delivered as if it had not been there. One bad record among n costs 2 log2 n
 * batches.
 *
 * **Invariant:** entries are delivered in the order given. **Invariant:** nothing is given up for a failure that
 * may pass.
 */
import { asBrokerFailure, BrokerFailure } from "@event-collector/kafka";
import type { Clock } from "@event-collector/spool";
import { backoffMs, pause } from "./backoff.js";
import { messagesIn } from "@event-collector/kafka";
import type { Parcel } from "./broker.js";
import { StoppedError } from "./delivery.js";
import type { Batch, Committed, Delivery } from "./delivery.js";
import { asDeadLetter, asShortDeadLetter, publishCause } from "./entry.js";
import type { Entry, EntryOptions, Outgoing } from "./entry.js";
import { entriesOf, EventRun, positionsAfter } from "./event-run.js";
import type { Freight } from "./event-run.js";
import type { Observer } from "./observer.js";
import type { Progress } from "./progress.js";
import type { Quarantine } from "./quarantine.js";
import { settle } from "./settle.js";

export interface Desk {
  readonly delivery: Delivery;
  readonly progress: Progress;
  readonly quarantine: Quarantine;
  readonly clock: Clock;
  readonly observer: Observer;
  readonly entryOptions: EntryOptions;
  /** Between 0 and 1, for the jitter of waits. */
  readonly random: () => number;
}

/** How often these entries were sent before, and since when they fail. */
interface History {
  readonly attempts: number;
  readonly firstFailedAt: string | undefined;
}

/** What holds for all the batches that a window becomes. */
export interface Terms {
  readonly stop: AbortSignal;
  /** Called, perhaps more than once, when messages are queued and only the broker's confirmation is awaited. */
  readonly onSent: () => void;
}

/**
 * Resolves once all is delivered; or, after the producer had to be opened anew, with what the broker then knew to
 * be committed, from where reading must start again. Rejects with a StoppedError or a FencedError.
 */
export function deliverInOrder(
  desk: Desk,
  entries: readonly Freight[],
  terms: Terms,
): Promise<Committed | undefined> {
  return deliverBatch(desk, entries, { attempts: 0, firstFailedAt: undefined }, terms);
}

async function deliverBatch(
  desk: Desk,
  entries: readonly Freight[],
  history: History,
  terms: Terms,
): Promise<Committed | undefined> {
  const { stop, onSent } = terms;
  let pending = entries;
  let { attempts, firstFailedAt } = history;
  /** Waits grow with what goes wrong here, not with how long the search for a bad record takes. */
  let retries = 0;
  for (;;) {
    attempts += 1;
    const outcome = await desk.delivery.deliver(batchOf(pending, onSent), stop);
    if (outcome.type === "delivered") {
      delivered(desk, entries, pending);
      return undefined;
    }
    const { failure } = outcome;
    firstFailedAt ??= timeText(desk.clock);
    desk.observer.failed(failure, attempts);
    // What is sent again whole may stay in one piece; what is judged record by record may not.
    const each = failure.class === "record" || !desk.delivery.atomic ? entriesOf(pending) : [];
    const sent = each.filter(isSent);
    const left = desk.delivery.atomic ? each : withoutDelivered(desk, each, sent, outcome.undelivered);
    if (!desk.delivery.atomic) pending = left;
    const suspects = left.filter(isSent);
    const culprits = outcome.culprits.flatMap((index) => sent[index] ?? []);
    const guilty = culprits.length > 0 ? culprits : suspects;
    const stage = guilty[0]?.outgoing.stage ?? "event";
    const verdict = settle(failure, { alone: culprits.length > 0 || suspects.length === 1, stage });
    if (verdict === "reopen") {
      const committed = await openForever(desk, stop);
      if (desk.delivery.atomic) return committed;
    } else if (verdict === "retry") {
      // What costs a transaction may be gone with it; only what stays is worth a wait.
      if (retries > 0 || failure.class !== "abortable")
        await pause(backoffMs(retries + 1, desk.random()), stop);
      retries += 1;
    } else if (verdict === "isolate") {
      desk.observer.isolating(suspects.length);
      const committed = await deliverHalves(desk, left, { attempts, firstFailedAt }, terms);
      if (committed === undefined) desk.progress.advance(positionsAfter(entries));
      return committed;
    } else {
      pending = await replace(desk, left, new Set(guilty), failure, { attempts, firstFailedAt }, stop);
    }
    if (stop.aborted) throw new StoppedError();
  }
}

async function deliverHalves(
  desk: Desk,
  entries: readonly Entry[],
  history: History,
  terms: Terms,
): Promise<Committed | undefined> {
  const middle = Math.ceil(entries.length / 2);
  for (const half of [entries.slice(0, middle), entries.slice(middle)]) {
    const committed = await deliverBatch(desk, half, history, terms);
    if (committed !== undefined) return committed;
  }
  return undefined;
}

/** The guilty entries in the next form that they may take; the others as they are. */
async function replace(
  desk: Desk,
  entries: readonly Entry[],
  guilty: ReadonlySet<Entry>,
  failure: BrokerFailure,
  history: History,
  stop: AbortSignal,
): Promise<readonly Entry[]> {
  const replaced: Entry[] = [];
  for (const entry of entries) {
    const { outgoing } = entry;
    const next =
      outgoing !== undefined && guilty.has(entry)
        ? await nextForm(desk, entry, outgoing, failure, history)
        : outgoing;
    replaced.push({ item: entry.item, outgoing: next });
  }
  const held = replaced.every(({ outgoing }, index) => outgoing === entries[index]?.outgoing);
  if (held) {
    desk.observer.held(failure);
    await pause(backoffMs(history.attempts, desk.random()), stop);
  }
  return replaced;
}

async function nextForm(
  desk: Desk,
  entry: Entry,
  outgoing: Outgoing,
  failure: BrokerFailure,
  { attempts, firstFailedAt }: History,
): Promise<Outgoing> {
  const now = timeText(desk.clock);
  const cause = publishCause(failure, attempts, now, firstFailedAt ?? now);
  const verdict = settle(failure, { alone: true, stage: outgoing.stage });
  if (verdict === "dead_letter") return asDeadLetter(outgoing, cause, desk.entryOptions);
  if (verdict !== "shorten") return outgoing;
  const file = await desk.quarantine.keepLine(entry.item);
  return file === undefined ? outgoing : asShortDeadLetter(outgoing, cause, file, desk.entryOptions);
}

/** Opens the delivery, however long it takes. Rejects with a StoppedError or a FencedError. */
export async function openForever(desk: Desk, stop: AbortSignal): Promise<Committed> {
  for (let attempts = 1; ; attempts += 1) {
    try {
      const committed = await desk.delivery.open(desk.progress.positions(), stop);
      desk.observer.opened();
      return committed;
    } catch (error) {
      if (!(error instanceof BrokerFailure)) throw error;
      desk.observer.failed(asBrokerFailure(error), attempts);
      if (stop.aborted) throw new StoppedError();
      await pause(backoffMs(attempts, desk.random()), stop);
      if (stop.aborted) throw new StoppedError();
    }
  }
}

type SentEntry = Entry & { readonly outgoing: Outgoing };

function isSent(entry: Entry): entry is SentEntry {
  return entry.outgoing !== undefined;
}

function batchOf(freight: readonly Freight[], onSent: () => void): Batch {
  const messages: Parcel[] = [];
  let count = 0;
  let deadLetters = 0;
  for (const each of freight) {
    const message = each instanceof EventRun ? each.messages : each.outgoing?.message;
    if (message === undefined) continue;
    messages.push(message);
    count += messagesIn(message);
    if (!(each instanceof EventRun) && each.outgoing?.stage !== "event") deadLetters += 1;
  }
  const events = count - deadLetters;
  return { messages, count, events, positions: positionsAfter(freight), gone: [], onSent };
}

/** `entries` are through; `last` of them were not before. */
function delivered(
  { observer, progress }: Desk,
  entries: readonly Freight[],
  last: readonly Freight[],
): void {
  observer.delivered(last);
  progress.advance(positionsAfter(entries));
}

/** Where messages have fates of their own: what is left to send. */
function withoutDelivered(
  { observer }: Desk,
  pending: readonly Entry[],
  sent: readonly Entry[],
  undelivered: readonly number[],
): readonly Entry[] {
  const left = new Set(undelivered.map((index) => sent[index]));
  const through = pending.filter((entry) => !left.has(entry));
  if (through.length > 0) observer.delivered(through);
  return pending.filter((entry) => left.has(entry));
}

function timeText(clock: Clock): string {
  return new Date(clock.now()).toISOString();
}
