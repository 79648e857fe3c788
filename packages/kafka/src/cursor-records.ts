/**
 * What a forwarder keeps in the compacted cursor topic: where each instance stands, and the ledger of its spool.
 *
 *   key  `<spool id>/<instance>`   value  {"segment":…,"offset":…,"sequence":…}
 *   key  `<spool id>/ledger`       value  {"owner":{…},"claim":…,"events":…,"deadLetters":…}
 *
 * All of one spool stand in the first partition, so that a reader needs no other and one end says all. They are
 * written in the transaction that they speak of: positions and totals are exact, whatever crashed.
 */
import { parsePosition } from "@event-collector/spool";
import type { Instance, Position, Positions } from "@event-collector/spool";
import type { Message } from "./message.js";

/** What was delivered from a spool since it exists, as the broker's own books say. */
export interface Totals {
  readonly events: number;
  readonly deadLetters: number;
}

/** Who runs, or ran, a forwarder. */
export interface Owner {
  /** Random, one for each process. */
  readonly run: string;
  readonly host: string;
  readonly process: number;
  /** RFC 3339. */
  readonly startedAt: string;
}

export interface Ledger {
  readonly owner: Owner;
  /** Random, new each time a forwarder takes the spool: tells one taking from the next. */
  readonly claim: string;
  readonly totals: Totals;
}

/** What the topic holds of one spool. */
export interface CursorRecords {
  /** Absent: no forwarder ever committed anything for this spool. */
  readonly ledger: Ledger | undefined;
  readonly positions: Positions;
}

const PARTITION = 0;
const LEDGER = "ledger";

/** What the keys of a spool begin with. */
export function cursorPrefix(spool: string): string {
  return `${spool}/`;
}

/** A position, or a tombstone for an instance that is gone. */
export function positionMessage(
  topic: string,
  spool: string,
  instance: Instance,
  position: Position | null,
): Message {
  return cursorMessage(topic, spool, instance, position);
}

export function ledgerMessage(topic: string, spool: string, { owner, claim, totals }: Ledger): Message {
  return cursorMessage(topic, spool, LEDGER, { owner, claim, ...totals });
}

function cursorMessage(topic: string, spool: string, name: string, value: object | null): Message {
  return {
    topic,
    partition: PARTITION,
    key: Buffer.from(cursorPrefix(spool) + name),
    value: value === null ? null : Buffer.from(JSON.stringify(value)),
    headers: [],
  };
}

/** Reads what `positionMessage` and `ledgerMessage` wrote; what is not of that form is passed over. */
export function parseCursorRecords(spool: string, records: ReadonlyMap<string, Uint8Array>): CursorRecords {
  const prefix = cursorPrefix(spool);
  const positions = new Map<Instance, Position>();
  let ledger: Ledger | undefined;
  for (const [key, bytes] of records) {
    const name = key.slice(prefix.length);
    const value = parseJson(bytes);
    if (name === LEDGER) {
      ledger = parseLedger(value);
      continue;
    }
    const position = parsePosition(value);
    if (position !== undefined) positions.set(name, position);
  }
  return { ledger, positions };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8"));
  } catch {
    return undefined;
  }
}

function parseLedger(value: unknown): Ledger | undefined {
  if (!isObject(value)) return undefined;
  const { owner, claim, events, deadLetters } = value;
  if (!isObject(owner) || typeof claim !== "string") return undefined;
  if (typeof events !== "number" || typeof deadLetters !== "number") return undefined;
  const { run, host, process, startedAt } = owner;
  if (typeof run !== "string" || typeof host !== "string") return undefined;
  if (typeof process !== "number" || typeof startedAt !== "string") return undefined;
  return { owner: { run, host, process, startedAt }, claim, totals: { events, deadLetters } };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
