/**
 * What the topics hold, as findings for the books: the value of a message is parsed by JSON.parse alone.
 */
import type { TopicMessage } from "./kafka/index.js";
import { balance, type Books, type Finding } from "./torture/books.js";
import type { Ledger } from "./torture/ledger.js";

/** The id in an event's value, or in a dead letter's header; or where the message stands if it has none. */
export function idOf(message: TopicMessage): string {
  const { partition, offset, headers, value } = message;
  return headers["event-id"] ?? eventIdIn(value.toString()) ?? `no id at ${partition}/${offset}`;
}

/** The id as the JSON spells it, which may be no JSON any more. */
export function eventIdIn(text: string): string | undefined {
  return /"event_id":\s*"([^"]*)"/.exec(text)?.[1];
}

/** Compares what clients were told with both topics. Nothing may still be in the spool alone. */
export function balanceTopics(
  ledger: Ledger,
  events: readonly TopicMessage[],
  deadLetters: readonly TopicMessage[],
): Books {
  const published = events.map((message) => toFinding(message, "events", "accepted"));
  const dead = deadLetters.map((message) =>
    toFinding(message, "dead letters", message.headers["dlq.stage"] === "validate" ? "rejected" : "accepted"),
  );
  const books = balance(ledger, [...published, ...dead]);
  // Order is promised within the events topic; the dead letters were only read after it.
  return { ...books, disordered: balance(ledger, published).disordered };
}

function toFinding(message: TopicMessage, topic: string, verdict: Finding["verdict"]): Finding {
  const place = `${topic} ${message.partition}/${message.offset}`;
  return { id: idOf(message), verdict, event: JSON.parse(message.value.toString()) as unknown, place };
}
