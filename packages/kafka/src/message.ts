/** A Kafka message, as this product sends it. */

/** One header: an object with a single member, as node-rdkafka takes them. */
export type Header = Readonly<Record<string, string>>;

export interface Message {
  readonly topic: string;
  /** Absent: by the key, as Java clients do (murmur2). */
  readonly partition?: number;
  /** Bytes, never a string: node-rdkafka cuts a string at its first NUL. */
  readonly key: Uint8Array | null;
  /** null deletes the key in a compacted topic. */
  readonly value: Uint8Array | null;
  readonly headers: readonly Header[];
}
