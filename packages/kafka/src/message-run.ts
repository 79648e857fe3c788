/**
 * Messages of common events for one topic, kept as places in the bytes in which their keys and values stand.
 *
 * A window of a backlog is a few of these. What has to be looked at by itself is had as a `Message`.
 */
import { GLANCE_PLACES } from "@event-collector/contract";
import { COMMON_HEADERS } from "./event-message.js";
import type { Message } from "./message.js";

export class MessageRun {
  readonly topic: string;
  readonly source: Uint8Array;
  /** For each message: where its key begins and ends in `source`, and where its value does. */
  readonly places: Int32Array;
  /** Of its messages, counted in `places`. */
  readonly first: number;
  readonly count: number;

  constructor(topic: string, source: Uint8Array, places: Int32Array, first: number, count: number) {
    this.topic = topic;
    this.source = source;
    this.places = places;
    this.first = first;
    this.count = count;
  }

  /** One of its messages by itself. */
  message(index: number): Message {
    const at = GLANCE_PLACES * (this.first + index);
    return {
      topic: this.topic,
      key: this.#view(at),
      value: this.#view(at + 2),
      headers: COMMON_HEADERS,
    };
  }

  #view(at: number): Uint8Array {
    return this.source.subarray(this.places[at], this.places[at + 1]);
  }
}

/** What is handed over for one topic: a message, or a run of them. */
export type Parcel = Message | MessageRun;

/** How many messages a parcel is. */
export function messagesIn(parcel: Parcel): number {
  return parcel instanceof MessageRun ? parcel.count : 1;
}

/** The messages of a parcel, each by itself. */
export function messagesOf(parcel: Parcel): Message[] {
  if (!(parcel instanceof MessageRun)) return [parcel];
  return Array.from({ length: parcel.count }, (_, index) => parcel.message(index));
}
