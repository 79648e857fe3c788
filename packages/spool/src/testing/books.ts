/**
 * What the outside saw: which lines were handed in, which were acknowledged, which came out, and what must hold of
 * them. Knows nothing of files; every breach is an AssertionError.
 */
import { strict as assert } from "node:assert";
import { crc32 } from "node:zlib";
import type { Damage, DamageReason } from "../damage.js";
import type { Instance, Position, Positions } from "../position.js";
import { parseSegmentName } from "../segment-name.js";

/** A line's name: `<writer>.<number>`. Numbers of one writer ascend in the order of its appends. */
export type LineName = string;

export type Place = Position & { instance: Instance };

/**
 * What a power cut and a failed write may leave behind, and what is said of a disk whose reads fail. All else would be
 * a mistake of the writer or the reader.
 */
const EXPECTED_DAMAGE: ReadonlySet<DamageReason> = new Set([
  "torn_tail",
  "bad_line",
  "zero_bytes",
  "shrunk",
  "unreadable",
]);

export class Books {
  /** Every payload handed in, by name. */
  readonly #issued = new Map<LineName, string>();
  readonly #acknowledged = new Set<LineName>();
  /** Where the line stood when it came last. */
  readonly #delivered = new Map<LineName, Place>();
  /** Delivered, and a durable position says so: must never come again. */
  #settled = new Set<LineName>();
  /** Delivered since the consumer started, or settled before. */
  #covered = new Set<LineName>();
  /** The last number that came, by writer, since the consumer started. */
  #lastNumber = new Map<string, number>();
  duplicates = 0;

  issue(name: LineName, payload: string): void {
    this.#issued.set(name, payload);
  }

  acknowledge(name: LineName): void {
    this.#acknowledged.add(name);
  }

  deliver(payload: string, place: Place): void {
    const name = nameIn(payload);
    assert(
      name !== undefined && this.#issued.get(name) === payload,
      `${payload} came out and was never handed in`,
    );
    assert(!this.#settled.has(name), `${name} came again though its delivery was durable`);
    const { writer, number } = partsOf(name);
    const last = this.#lastNumber.get(writer) ?? -1;
    assert(number > last, `${name} came after ${writer}.${last}`);
    this.#lastNumber.set(writer, number);
    if (this.#delivered.has(name)) this.duplicates += 1;
    this.#delivered.set(name, place);
    this.#covered.add(name);
  }

  damage({ reason, length, message }: Damage): void {
    // The line feed of a seal may be the one byte that was not filled.
    if (reason === "bytes_after_seal" && length === 1) return;
    assert(EXPECTED_DAMAGE.has(reason), `${reason}: ${message}`);
    assert(reason !== "unreadable" || length === 0, `${length} bytes were passed over: ${message}`);
  }

  /** What the consumer's positions stand behind now, to be settled once they are durable. */
  covered(): ReadonlySet<LineName> {
    return new Set(this.#covered);
  }

  settle(names: ReadonlySet<LineName>): void {
    this.#settled = new Set(names);
  }

  /**
   * A consumer starts from these positions. They may be further than was known, if the power was cut while they were
   * written.
   */
  restart(positions: Positions): void {
    for (const [name, place] of this.#delivered) {
      const position = positions.get(place.instance);
      if (position !== undefined && isBefore(place, position)) this.#settled.add(name);
    }
    this.#covered = new Set(this.#settled);
    this.#lastNumber = new Map();
    for (const name of this.#settled) {
      const { writer, number } = partsOf(name);
      this.#lastNumber.set(writer, Math.max(this.#lastNumber.get(writer) ?? -1, number));
    }
  }

  /** Every acknowledged line is delivered or among those that can still be read. */
  assertNothingLost(readable: ReadonlySet<LineName>): void {
    for (const name of this.#acknowledged) {
      assert(this.#delivered.has(name) || readable.has(name), `${name} was acknowledged and is lost`);
    }
  }

  assertAllDelivered(): void {
    this.assertNothingLost(new Set());
  }

  assertSettled(names: Iterable<LineName>): void {
    for (const name of names)
      assert(this.#settled.has(name), `${name} was pruned before its delivery was durable`);
  }

  get acknowledgedCount(): number {
    return this.#acknowledged.size;
  }

  get deliveredCount(): number {
    return this.#delivered.size;
  }
}

/** The names of the whole lines in a segment, found without the code under test. */
export function namesIn(segment: string, bytes: Buffer): LineName[] {
  const lines = bytes.toString("latin1").split("\n");
  return lines.flatMap((line) => {
    const [, checksum = "", checked = "", payload = ""] =
      /^\{"crc":"(.{8})",("n":\d+,"d":(\{.*\})\})$/.exec(line) ?? [];
    const name = nameIn(payload);
    return name !== undefined && Number.parseInt(checksum, 16) === crc32(checked, crc32(segment)) ? name : [];
  });
}

export function payloadOf(name: LineName, padding: number): string {
  return `{"name":"${name}","padding":"${"x".repeat(padding)}"}`;
}

function nameIn(payload: string): LineName | undefined {
  return /^\{"name":"(\d+\.\d+)","padding":"x*"\}$/.exec(payload)?.[1];
}

function isBefore(place: Place, position: Position): boolean {
  const [one, other] = [
    parseSegmentName(place.segment)?.number ?? 0,
    parseSegmentName(position.segment)?.number ?? 0,
  ];
  return one === other ? place.offset < position.offset : one < other;
}

function partsOf(name: LineName): { writer: string; number: number } {
  const [writer = "", number = ""] = name.split(".");
  return { writer, number: Number(number) };
}
