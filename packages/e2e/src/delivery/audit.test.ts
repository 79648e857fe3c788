/** The audit finds what is wrong: without this, nothing that the other tests show would count. */
import t from "tap";
import type { TopicMessage } from "../kafka/index.js";
import { idOf } from "../published.js";
import { issuedEvent } from "../torture/issued-event.js";
import { audit, faultsOf } from "./audit.js";
import { recordOf } from "./feed.js";
import { createStock, type Stock, type StockItem } from "./stock.js";

const RECEIVED_AT = "2024-01-15T10:30:00.000Z";
const IDS = Array.from({ length: 60 }, (_, number) => `a-${number % 2}.${number}`);

/** Two learners of one writer; some of their events are invalid. */
function stockOf(ids: readonly string[]): Stock {
  const stock = createStock();
  for (const id of ids) stock.add("writer", id, recordOf(id, issuedEvent(id).json, RECEIVED_AT));
  return stock;
}

function message(item: StockItem, offset: number): TopicMessage {
  const rejected = item.verdict === "rejected";
  return {
    partition: 0,
    offset,
    key: item.key,
    value: Buffer.from(item.value),
    headers: {
      "content-type": "application/json",
      ...(rejected && {
        "event-id": item.id,
        "received-at": item.receivedAt,
        "dlq.stage": "validate",
        "dlq.reason": "unknown_event_type",
      }),
    },
    timestamp: 0,
  };
}

interface Topics {
  events: TopicMessage[];
  deadLetters: TopicMessage[];
}

function topicsOf(stock: Stock): Topics {
  const items = [...stock.items()];
  const of = (verdict: StockItem["verdict"]): TopicMessage[] =>
    items.filter((item) => item.verdict === verdict).map(message);
  return { events: of("accepted"), deadLetters: of("rejected") };
}

function faults(stock: Stock, { events, deadLetters }: Topics): string {
  return faultsOf(audit(stock, events, deadLetters)).join("\n");
}

await t.test("the audit is content with everything once, in order and as it was", async (t) => {
  const stock = stockOf(IDS);
  const topics = topicsOf(stock);
  t.ok(topics.events.length > 0 && topics.deadLetters.length > 0, "there are events of both kinds");
  t.equal(faults(stock, topics), "");
});

type Spoil = (topics: Topics, stock: Stock) => void;

/** The second event of the first learner. */
const AT = 2;

function spoiled(topics: Topics): TopicMessage {
  const found = topics.events[AT];
  if (found === undefined) throw new Error("too few events");
  return found;
}

const SPOILS: Record<string, { spoil: Spoil; fault: RegExp }> = {
  "an event is missing": { spoil: ({ events }) => events.splice(AT, 1), fault: /^1 lost: a-0\.\d+$/ },
  "a rejected event is missing": {
    spoil: ({ deadLetters }) => deadLetters.splice(0, 1),
    fault: /^1 lost: a-/,
  },
  "an event is there twice": {
    spoil: (topics) => topics.events.push({ ...spoiled(topics), offset: 999 }),
    fault: /^1 duplicates: a-0\.\d+ in events 0\/999$/,
  },
  "an event is in both topics": {
    spoil: (topics) => topics.deadLetters.push(spoiled(topics)),
    fault: /1 duplicates: .*\n.*belongs into its own topic/,
  },
  "a byte has changed": {
    spoil: (topics) => spoiled(topics).value.writeUInt8(0x21, 7),
    fault: /^1 altered: .*other bytes$/,
  },
  "a key has changed": {
    spoil: (topics) => topics.events.splice(AT, 1, { ...spoiled(topics), key: "a-1" }),
    fault: /^1 altered: .*another key$/,
  },
  "a header is missing": {
    spoil: (topics) => {
      const { "content-type": _, ...headers } = spoiled(topics).headers;
      topics.events.splice(AT, 1, { ...spoiled(topics), headers });
    },
    fault: /^1 altered: .*another content type$/,
  },
  "an event was never stored": {
    spoil: (topics) => {
      topics.events.push({ ...spoiled(topics), value: Buffer.from('{"event_id":"b-0.1"}') });
    },
    fault: /^1 invented: b-0\.1/,
  },
  "a message has no id": {
    spoil: (topics) => topics.events.push({ ...spoiled(topics), offset: 7, value: Buffer.from("{}") }),
    fault: /^1 invented: no id at 0\/7/,
  },
  "two events of one learner changed places": {
    spoil: ({ events }) => events.splice(AT, 0, ...events.splice(AT + 4, 1)),
    fault: /^\d+ disordered: /,
  },
  "a rejected event was published": {
    spoil: ({ events, deadLetters }) => events.push(...deadLetters.splice(0, 1)),
    fault: /altered: .*belongs into the dead-letter topic/,
  },
  "an event that must die was published": {
    spoil: (topics, stock) => stock.expectDeadLetter(idOf(spoiled(topics)), "record_too_large"),
    fault: /altered: .*belongs into the dead-letter topic/,
  },
  "a dead letter speaks of damage that nobody did": {
    spoil: (topics) => {
      const headers = { "dlq.stage": "spool", "dlq.reason": "bad_line" };
      topics.deadLetters.push({ ...spoiled(topics), offset: 8, headers });
    },
    fault: /^1 invented: bad_line in dead letters 0\/8$/,
  },
  "no dead letter speaks of damage": {
    spoil: (_, stock) => stock.expectDamage("bad_line", 2),
    fault: /^1 lost: 2 of bad_line$/,
  },
};

for (const [name, { spoil, fault }] of Object.entries(SPOILS)) {
  await t.test(`the audit complains when ${name}`, async (t) => {
    const stock = stockOf(IDS);
    const topics = topicsOf(stock);
    spoil(topics, stock);
    t.match(faults(stock, topics), fault);
  });
}
