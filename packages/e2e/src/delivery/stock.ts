/**
 * What is in a spool for certain, event by event and byte by byte: the books against which the topics are audited.
 *
 * Invariant: a record stands here before its first byte reaches the disk, so whatever arrives was expected.
 */
import type { SpoolRecord } from "@event-collector/contract";

export interface StockItem {
  readonly id: string;
  /** Accepted events go to the topic they are for, rejected ones to the dead-letter topic. */
  readonly verdict: "accepted" | "rejected";
  readonly key: string | null;
  readonly eventType: string | undefined;
  readonly receivedAt: string;
  /** The bytes that must arrive. */
  readonly value: Buffer;
  /** The writer that stored it, and its place among what that writer stored. */
  readonly instance: string;
  readonly number: number;
}

export interface Stock {
  add(instance: string, id: string, record: SpoolRecord): void;
  get(id: string): StockItem | undefined;
  /** This accepted event must arrive in the dead-letter topic instead, for this reason. */
  expectDeadLetter(id: string, reason: string): void;
  /** The reason, or undefined for what must arrive where it was sent. */
  deadLetterReason(id: string): string | undefined;
  /** So many dead letters must arrive for damage of this kind in the spool. */
  expectDamage(reason: string, count: number): void;
  damage(): ReadonlyMap<string, number>;
  items(): Iterable<StockItem>;
  readonly size: number;
}

export function createStock(): Stock {
  const items = new Map<string, StockItem>();
  const reasons = new Map<string, string>();
  const damage = new Map<string, number>();
  const counts = new Map<string, number>();
  return {
    add: (instance, id, record) => {
      if (items.has(id)) throw new Error(`${id} is in stock already`);
      const number = (counts.get(instance) ?? 0) + 1;
      counts.set(instance, number);
      items.set(id, {
        id,
        verdict: record.kind === "event" ? "accepted" : "rejected",
        key: record.key ?? null,
        eventType: record.kind === "event" ? record.eventType : undefined,
        receivedAt: record.receivedAt,
        value: Buffer.from(record.value),
        instance,
        number,
      });
    },
    get: (id) => items.get(id),
    expectDeadLetter: (id, reason) => {
      if (!items.has(id)) throw new Error(`${id} is not in stock`);
      reasons.set(id, reason);
    },
    deadLetterReason: (id) => reasons.get(id),
    expectDamage: (reason, count) => damage.set(reason, count),
    damage: () => damage,
    items: () => items.values(),
    get size() {
      return items.size;
    },
  };
}
