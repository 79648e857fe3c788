/**
 * Fills a spool as an ingress does: the contract's verdict and record, the spool's writer, and every byte of it
 * remembered in the stock. One feed is one writer instance.
 */
import { admitEvent, encodeRecord, EVENT_LIMITS, type SpoolRecord } from "@event-collector/contract";
import { nodeDisk, openWriter, systemClock, type SpoolWriter } from "@event-collector/spool";
import { setTimeout as delay } from "node:timers/promises";
import { eventId, issuedEvent } from "../torture/issued-event.js";
import type { Random } from "../torture/random.js";
import type { Stock } from "./stock.js";

export interface FeedOptions {
  /** The spool directory. */
  spool: string;
  /** Begins the names of the learners; no two feeds of a stock share it. No dot. */
  name: string;
  /** How many learners there are. */
  learners?: number;
  /** Small, so that rotation and pruning are common. */
  segmentBytesMax?: number;
}

export interface Feed {
  /** The writer's instance. */
  readonly instance: string;
  /** Stores the next `count` events, one in 31 of them invalid, as one append. Resolves with their ids. */
  append(count: number): Promise<string[]>;
  /** Stores this event, whatever it is. */
  appendJson(id: string, json: object): Promise<void>;
  /** Stores a payload that is not in the stock. */
  appendPayload(payload: Uint8Array): Promise<void>;
  /** Name of the segment that takes the next line. */
  segment(): string | undefined;
  /** Seals. */
  close(): Promise<void>;
}

const LEARNERS = 5;
const SEGMENT_BYTES = 64 * 1024;
const GIB = 1024 ** 3;

export async function openFeed(stock: Stock, options: FeedOptions): Promise<Feed> {
  const writer = await openSpoolWriter(options.spool, options.segmentBytesMax ?? SEGMENT_BYTES);
  const { instance } = writer.stats();
  const numbers = Array.from({ length: options.learners ?? LEARNERS }, () => 0);
  let turn = 0;

  function next(): { id: string; json: object } {
    const learner = turn++ % numbers.length;
    const number = numbers[learner] ?? 0;
    numbers[learner] = number + 1;
    return issuedEvent(eventId(`${options.name}-${learner}`, number));
  }

  async function store(events: readonly { id: string; json: object }[]): Promise<void> {
    const receivedAt = new Date().toISOString();
    const payloads = events.map(({ id, json }) => {
      const record = recordOf(id, json, receivedAt);
      stock.add(instance, id, record);
      return encodeRecord(record);
    });
    await writer.append(payloads);
  }

  return {
    instance,
    append: async (count) => {
      const events = Array.from({ length: count }, next);
      await store(events);
      return events.map(({ id }) => id);
    },
    appendJson: (id, json) => store([{ id, json }]),
    appendPayload: (payload) => writer.append([payload]),
    segment: () => writer.stats().segment,
    close: () => writer.close(),
  };
}

export function openSpoolWriter(spool: string, segmentBytesMax: number): Promise<SpoolWriter> {
  return openWriter(nodeDisk, systemClock, {
    directory: spool,
    segmentBytesMax,
    segmentAgeMs: 60_000,
    spoolBytesMax: 64 * GIB,
    freeBytesMin: 0,
    lineBytesMax: 64 * 1024 * 1024,
    queueBytesMax: 256 * 1024 * 1024,
    appendTimeoutMs: 60_000,
    checkIntervalMs: 1_000,
  });
}

export function recordOf(id: string, json: object, receivedAt: string): SpoolRecord {
  const source = { bytes: Buffer.from(JSON.stringify(json)), value: json };
  return admitEvent(source, EVENT_LIMITS, { makeEventId: () => id, receivedAt, protocol: "rest" }).record;
}

export interface Pump {
  /** Resolves when the last append is stored. */
  stop(): Promise<void>;
}

const PUMP_INTERVAL_MS = 10;

/** Keeps the feed busy with appends of random size, about so many events a second in all. */
export function startPump(feed: Feed, random: Random, eventsPerSecond: number): Pump {
  let stopped = false;
  const perTurn = (eventsPerSecond * PUMP_INTERVAL_MS) / 1000;
  const run = async (): Promise<void> => {
    while (!stopped) {
      await feed.append(1 + random.below(2 * perTurn - 1));
      await delay(PUMP_INTERVAL_MS);
    }
  };
  const ended = run();
  return {
    stop: () => {
      stopped = true;
      return ended;
    },
  };
}
