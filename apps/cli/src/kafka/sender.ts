/** Sends messages and learns the fate of each: what is not confirmed by the broker counts as not sent. */
import { setTimeout as wait } from "node:timers/promises";
import { asNativeError, brokerFailure } from "@event-collector/kafka";
import type { BrokerFailure, Client, Message, NativeError } from "@event-collector/kafka";

/** Undefined once the broker has confirmed the message. */
export type Fate = (failure: BrokerFailure | undefined) => void;

export interface Sender {
  /** Resolves when the message is queued and there is room for another; its fate is told later. */
  queue(message: Message, fate: Fate): Promise<void>;
  /** Resolves when the fate of every message is known. */
  settle(): Promise<void>;
  close(): Promise<void>;
}

/** What of a producer of node-rdkafka is needed. */
export interface NativeProducer {
  setPollInterval(milliseconds: number): unknown;
  on(
    event: "delivery-report",
    listener: (error: NativeError | null, report: { opaque?: unknown }) => void,
  ): unknown;
  produce(
    topic: string,
    partition: number | null,
    value: Buffer | null,
    key: Buffer | null,
    timestamp: null,
    tag: number,
    headers: Record<string, string>[],
  ): unknown;
}

/** Under way at a time. */
const MESSAGES_MAX = 5_000;
const POLL_MS = 5;
const QUEUE_FULL = -184;

export function createSender(client: Pick<Client<NativeProducer>, "native" | "close">): Sender {
  const { native } = client;
  const fates = new Map<number, Fate>();
  let tag = 0;
  native.setPollInterval(POLL_MS);
  native.on("delivery-report", (error, report) => {
    const number = Number(report.opaque);
    const fate = fates.get(number);
    fates.delete(number);
    fate?.(error === null ? undefined : brokerFailure(error));
  });

  /** False if librdkafka has no room for it now. */
  function produce({ topic, partition, key, value, headers }: Message, number: number): boolean {
    try {
      native.produce(topic, partition ?? null, asBuffer(value), asBuffer(key), null, number, [...headers]);
      return true;
    } catch (error) {
      const failure = brokerFailure(asNativeError(error));
      if (failure.code === QUEUE_FULL) return false;
      fates.get(number)?.(failure);
      fates.delete(number);
      return true;
    }
  }

  return {
    queue: async (message, fate) => {
      tag += 1;
      const number = tag;
      fates.set(number, fate);
      while (!produce(message, number)) await wait(POLL_MS);
      while (fates.size >= MESSAGES_MAX) await wait(POLL_MS);
    },
    settle: async () => {
      while (fates.size > 0) await wait(POLL_MS);
    },
    close: () => client.close(),
  };
}

function asBuffer(bytes: Uint8Array | null): Buffer | null {
  return bytes === null ? null : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
