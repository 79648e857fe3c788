/**
 * Compares what was stored with what the topics hold: each event exactly once, where it belongs, byte for byte, and
 * the events of one learner in the order in which one writer stored them.
 *
 * Invariant: nothing here asks the forwarder. The messages come from a reader of committed messages alone.
 */
import type { TopicMessage } from "../kafka/index.js";
import { idOf } from "../published.js";
import type { Stock, StockItem } from "./stock.js";

export interface Audit {
  /** Events in stock. */
  stored: number;
  /** Messages found in the topics of events, and in the dead-letter topic. */
  published: number;
  deadLetters: number;
  lost: string[];
  /** One entry for each arrival after the first. */
  duplicates: string[];
  /** How many events in a row came again, each time that some did. */
  repeats: number[];
  /** Other bytes, another key or other headers than stored, or in the wrong topic. */
  altered: string[];
  /** Arrived, but never stored. */
  invented: string[];
  /** Behind an event of the same learner that the same writer stored later. */
  disordered: string[];
}

/** `events` are in the order of their partitions; messages of several topics simply follow one another. */
export function audit(
  stock: Stock,
  events: readonly TopicMessage[],
  deadLetters: readonly TopicMessage[],
): Audit {
  const result: Audit = {
    stored: stock.size,
    published: events.length,
    deadLetters: deadLetters.length,
    lost: [],
    duplicates: [],
    repeats: [],
    altered: [],
    invented: [],
    disordered: [],
  };
  const seen = new Set<string>();
  const inOrder: StockItem[] = [];
  const again: StockItem[] = [];
  const enter = (message: TopicMessage, place: string, expected: (item: StockItem) => string[]): void => {
    const id = idOf(message);
    const at = `${id} in ${place} ${message.partition}/${message.offset}`;
    const item = stock.get(id);
    if (item === undefined) {
      result.invented.push(at);
      return;
    }
    for (const difference of expected(item)) result.altered.push(`${at}: ${difference}`);
    if (seen.has(id)) {
      result.duplicates.push(at);
      again.push(item);
    } else if (place === "events") inOrder.push(item);
    seen.add(id);
  };
  for (const message of events) enter(message, "events", (item) => eventDifferences(stock, item, message));
  for (const message of deadLetters) {
    // Of damage nobody knows whose event it was.
    if (message.headers["dlq.stage"] === "spool") continue;
    enter(message, "dead letters", (item) => letterDifferences(stock, item, message));
  }
  auditDamage(result, stock, deadLetters);
  for (const { id } of stock.items()) if (!seen.has(id)) result.lost.push(id);
  result.disordered = disorderIn(inOrder);
  result.repeats = runsIn(again);
  return result;
}

/** What is wrong, a line each; nothing if all is as it must be. */
export function faultsOf(result: Audit): string[] {
  const kinds = ["lost", "duplicates", "altered", "invented", "disordered"] as const;
  return kinds
    .filter((kind) => result[kind].length > 0)
    .map((kind) => `${result[kind].length} ${kind}: ${result[kind].slice(0, 5).join("; ")}`);
}

function auditDamage(result: Audit, stock: Stock, deadLetters: readonly TopicMessage[]): void {
  const left = new Map(stock.damage());
  for (const { headers, partition, offset } of deadLetters) {
    if (headers["dlq.stage"] !== "spool") continue;
    const reason = headers["dlq.reason"] ?? "no reason";
    const count = left.get(reason) ?? 0;
    if (count === 0) result.invented.push(`${reason} in dead letters ${partition}/${offset}`);
    else left.set(reason, count - 1);
  }
  for (const [reason, count] of left) if (count > 0) result.lost.push(`${count} of ${reason}`);
}

function eventDifferences(stock: Stock, item: StockItem, message: TopicMessage): string[] {
  const differences: string[] = [];
  const { headers } = message;
  if (item.verdict !== "accepted" || stock.deadLetterReason(item.id) !== undefined) {
    differences.push("it belongs into the dead-letter topic");
  }
  if (!message.value.equals(item.value)) differences.push("other bytes");
  if (message.key !== item.key) differences.push("another key");
  if (headers["content-type"] !== "application/json") differences.push("another content type");
  return differences;
}

function letterDifferences(stock: Stock, item: StockItem, message: TopicMessage): string[] {
  const differences: string[] = [];
  const { headers } = message;
  const stage = headers["dlq.stage"];
  const reason = stock.deadLetterReason(item.id);
  if (item.verdict === "accepted" && reason === undefined) differences.push("it belongs into its own topic");
  if (reason !== undefined && headers["dlq.reason"] !== reason) {
    differences.push(`dead for ${headers["dlq.reason"] ?? "no reason"}`);
  }
  if ((stage === "validate") !== (item.verdict === "rejected"))
    differences.push(`dead at ${stage ?? "no"} stage`);
  if (message.key !== item.key) differences.push("another key");
  const isShort = headers["dlq.truncated"] === "true";
  const expected = isShort ? item.value.subarray(0, message.value.length) : item.value;
  if (!message.value.equals(expected)) differences.push("other bytes");
  return differences;
}

/** Lengths of the runs of neighbours, in the order in which a writer stored them. */
function runsIn(items: readonly StockItem[]): number[] {
  const runs: number[] = [];
  let last: StockItem | undefined;
  for (const item of items.toSorted((a, b) => a.instance.localeCompare(b.instance) || a.number - b.number)) {
    const isNext = last?.instance === item.instance && item.number <= last.number + 1;
    if (isNext) runs.push((runs.pop() ?? 0) + 1);
    else runs.push(1);
    last = item;
  }
  return runs;
}

function disorderIn(items: readonly StockItem[]): string[] {
  const disordered: string[] = [];
  const newest = new Map<string, number>();
  for (const { id, instance, key, number } of items) {
    const line = `${instance}/${key ?? ""}`;
    if (number < (newest.get(line) ?? 0)) disordered.push(id);
    else newest.set(line, number);
  }
  return disordered;
}
