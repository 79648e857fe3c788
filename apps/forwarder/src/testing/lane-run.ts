/** Lanes, their producers, and runs of messages for them. */
import rdkafka from "node-rdkafka";
import type { Message } from "node-rdkafka";
import type { Test } from "tap";
import { openMessageLane, whyNoMessageLane } from "../message-lane.js";
import type { MessageLane } from "../message-lane.js";
import { promised } from "./mock-cluster.js";

export type Properties = Readonly<Record<string, string | number | boolean>>;

export interface Entry {
  readonly key: Buffer;
  readonly value: Buffer;
}

export interface Run {
  readonly source: Buffer;
  readonly places: Int32Array;
}

export interface Sent {
  readonly taken: number;
  readonly code: number;
}

export const TOPIC = "learner.events";
/** Of librdkafka. */
export const CODES: Readonly<Record<"queueFull" | "state" | "tooLarge", number>> = {
  queueFull: -184,
  state: -172,
  tooLarge: 10,
};
/** As the forwarder configures them. */
export const LIKE_JAVA: Properties = { acks: -1, partitioner: "murmur2_random" };
const TIMEOUT_MS = 60_000;

/** False, or why there are none here: the forwarder goes without where nothing compiles. On Linux it must not. */
export function noLanes(): false | string {
  const reason = whyNoMessageLane();
  return process.platform !== "linux" && reason !== undefined ? reason : false;
}

export function openLane(): MessageLane {
  const opened = openMessageLane();
  if (opened === undefined) throw new Error(whyNoMessageLane());
  return opened;
}

export function texts(count: number, prefix = "message"): Entry[] {
  return Array.from({ length: count }, (_, number) => ({
    key: Buffer.from(`learner-${number % 7}`),
    value: Buffer.from(`${prefix}-${number}`),
  }));
}

/** As a window has them: what is in between belongs to no message. */
export function runOf(entries: readonly Entry[]): Run {
  const places = new Int32Array(entries.length * 4);
  const parts: Buffer[] = [];
  let end = 0;
  const add = (bytes: Buffer, place: number): void => {
    parts.push(Buffer.from("|"), bytes);
    places[place] = end + 1;
    end += 1 + bytes.length;
    places[place + 1] = end;
  };
  entries.forEach(({ key, value }, number) => {
    add(key, number * 4);
    add(value, number * 4 + 2);
  });
  return { source: Buffer.concat(parts), places };
}

export function sendAll(lane: MessageLane, { source, places }: Run): Sent {
  return lane.send(TOPIC, source, places, 0, places.length / 4);
}

export async function openProducer(
  t: Pick<Test, "teardown">,
  bootstrap: string,
  properties: Properties = {},
  topic: Properties = LIKE_JAVA,
): Promise<rdkafka.Producer> {
  const producer = new rdkafka.Producer(
    { "bootstrap.servers": bootstrap, "delivery.report.only.error": true, dr_cb: true, ...properties },
    topic,
  );
  t.teardown(() => close(producer));
  await promised((done) => producer.connect({ timeout: TIMEOUT_MS }, done));
  return producer;
}

export function close(producer: rdkafka.Producer): Promise<void> {
  return new Promise((resolve) => {
    if (producer.isConnected()) producer.disconnect(0, () => resolve());
    else resolve();
  });
}

export function flush(producer: rdkafka.Producer): Promise<unknown> {
  return promised((done) => producer.flush(TIMEOUT_MS, (error) => done(error, undefined)));
}

export function valuesOf(messages: readonly Message[]): string[] {
  return messages.map(({ value }) => String(value));
}
