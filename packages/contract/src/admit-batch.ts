// The verdicts on the events of one request, and their records in one piece.
//
// Invariant: verdicts and records are those of `admitEncoded`, byte for byte. What the events have in common is made
// once, and of an event that was scanned nothing is made but its record.
import { admitEncoded, type Arrival } from "./admit.js";
import type { SourceEvent } from "./batch.js";
import type { EventLimits } from "./event-limits.js";
import { traceMembers } from "./event-line.js";
import { ScannedEvent } from "./event-scan.js";
import type { Violation } from "./failure.js";
import { RecordPack } from "./record-pack.js";
import { quote } from "./text.js";

/** Ids that are alike but for their last eight digits. They are ASCII and need no escapes in JSON. */
export interface IdSeries {
  readonly prefix: string;
  /** The number that the last digits of the next id spell. */
  next(): number;
}

const DIGITS = 8;

export function spellId({ prefix }: IdSeries, number: number): string {
  return prefix + number.toString(16).padStart(DIGITS, "0");
}

export interface BatchArrival extends Omit<Arrival, "makeEventId"> {
  readonly ids: IdSeries;
}

export interface RejectedEvent {
  /** The id it came with, if that could be read. */
  readonly eventId: string | undefined;
  readonly violations: readonly Violation[];
}

export interface BatchAdmission {
  /** How many were judged. */
  readonly events: number;
  readonly records: RecordPack;
  /** The rejected events by their place in the batch. */
  readonly rejected: ReadonlyMap<number, RejectedEvent>;
  /** The id of the accepted event at that place. */
  eventIdAt(index: number): string;
}

export function admitBatch(
  events: readonly SourceEvent[],
  limits: EventLimits,
  arrival: BatchArrival,
): BatchAdmission {
  const desk = new Desk(limits, arrival);
  desk.reserve(events);
  for (const event of events) desk.admit(event);
  return desk;
}

const BEGIN = '{"kind":"event","id":"';
const ID_MEMBER = ',"event_id":"';
const BEFORE_TYPE = Buffer.from('","type":"', "latin1");
const BEFORE_VALUE = Buffer.from(',"value":', "latin1");
const QUOTE_BYTES = Buffer.from('"', "latin1");

class Desk implements BatchAdmission {
  readonly records: RecordPack = new RecordPack();
  readonly rejected: Map<number, RejectedEvent> = new Map();
  readonly #limits: EventLimits;
  readonly #arrival: Arrival;
  readonly #ids: IdSeries;
  /** Of each event its id: the number of one that was made, and the text of its own. */
  readonly #eventIds: (string | number)[] = [];
  readonly #begin: string;
  readonly #beforeKey: string;
  readonly #trace: string;
  readonly #idMember: string;
  readonly #end: string;
  /** Bytes of a record but for what the event brings. */
  readonly #aroundBytes: number;

  constructor(limits: EventLimits, { ids, ...arrival }: BatchArrival) {
    const at = quote(arrival.receivedAt);
    const blank = ids.prefix + "0".repeat(DIGITS);
    this.#limits = limits;
    this.#ids = ids;
    this.#arrival = { ...arrival, makeEventId: () => spellId(ids, ids.next()) };
    this.#beforeKey = `","at":${at},"key":"`;
    this.#begin = BEGIN + blank + this.#beforeKey;
    this.#trace = traceMembers(arrival);
    this.#end = `,"received_at":${at}}}`;
    this.#idMember = `${ID_MEMBER}${blank}"${this.#end}`;
    this.#aroundBytes =
      this.#begin.length +
      BEFORE_TYPE.length +
      Buffer.byteLength(this.#trace) +
      BEFORE_VALUE.length +
      this.#idMember.length +
      1;
  }

  reserve(events: readonly SourceEvent[]): void {
    let bytes = events.length * this.#aroundBytes;
    for (const event of events) {
      bytes += event instanceof ScannedEvent ? event.bytesMax : event.bytes.length;
    }
    this.records.reserve(bytes);
  }

  admit(source: SourceEvent): void {
    if (source instanceof ScannedEvent && source.keeps(this.#limits)) return this.#accept(source);
    const { payload, ...verdict } = admitEncoded(source, this.#limits, this.#arrival);
    if (!verdict.ok) {
      const { eventId, violations } = verdict;
      this.rejected.set(this.#eventIds.length, { eventId, violations });
    }
    this.#eventIds.push(verdict.eventId ?? "");
    this.records.add(payload);
  }

  /** Writes the record straight from the bytes of the event. */
  #accept(event: ScannedEvent): void {
    const { records } = this;
    const { body, hasId } = event;
    const number = hasId ? 0 : this.#ids.next();
    records.reserve(this.#aroundBytes + event.bytesMax);
    if (hasId) {
      records.ascii(BEGIN);
      records.few(body, event.idStart, event.idEnd);
      records.ascii(this.#beforeKey);
      this.#eventIds.push(body.toString("utf8", event.idStart, event.idEnd));
    } else {
      records.numbered(this.#begin, BEGIN.length + this.#ids.prefix.length, number);
      this.#eventIds.push(number);
    }
    records.few(body, event.keyStart, event.keyEnd);
    records.few(BEFORE_TYPE, 0, BEFORE_TYPE.length);
    records.few(body, event.typeStart, event.typeEnd);
    records.few(QUOTE_BYTES, 0, 1);
    if (this.#trace !== "") records.text(this.#trace);
    records.few(BEFORE_VALUE, 0, BEFORE_VALUE.length);
    records.json(body, event.start, event.close, event.isOneLine);
    if (hasId) records.ascii(this.#end);
    else records.numbered(this.#idMember, ID_MEMBER.length + this.#ids.prefix.length, number);
    records.finish();
  }

  get events(): number {
    return this.#eventIds.length;
  }

  eventIdAt(index: number): string {
    const id = this.#eventIds[index] ?? "";
    return typeof id === "string" ? id : spellId(this.#ids, id);
  }
}
