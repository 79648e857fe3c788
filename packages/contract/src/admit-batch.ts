// The verdicts on the events of one request, and their records in one piece.
//
// Invariant: verdicts and records are those of `admitEvent` and `encodeRecord`, byte for byte. What the events have in
// common is made once, and of an event that was scanned nothing is made but its record.
import { judge, recordOf, reject, type Arrival } from "./admit.js";
import type { SourceEvent } from "./batch.js";
import type { LearnerEvent } from "./event.js";
import type { EventLimits } from "./event-limits.js";
import { traceMembers, writeEventLine, type TraceContext } from "./event-line.js";
import { ScannedEvent } from "./event-scan.js";
import type { Violation } from "./failure.js";
import { encodeRecord } from "./record.js";
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

/** What is known about the request that the events came with. */
export interface BatchArrival extends Pick<Arrival, "receivedAt" | "protocol"> {
  /** Asked for each accepted event that came without an id. */
  readonly ids: IdSeries;
  readonly trace?: TraceContext | undefined;
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

const BEGIN = Buffer.from('{"kind":"event","id":"', "latin1");
const ID_MEMBER = ',"event_id":"';
const BLANK = "0".repeat(DIGITS);
const BEFORE_TYPE = Buffer.from('","type":"', "latin1");
const AFTER_TYPE = Buffer.from('"', "latin1");
const BEFORE_VALUE = Buffer.from(',"value":', "latin1");

/** A record takes about so much more than its event and its trace context; it is made room for as it is written. */
const AROUND_BYTES = 256;

const NONE: ReadonlyMap<number, RejectedEvent> = new Map();

class Desk implements BatchAdmission {
  readonly records: RecordPack = new RecordPack();
  readonly #limits: EventLimits;
  readonly #arrival: BatchArrival;
  readonly #trace: string;
  readonly #traceBytes: number;
  /** Of each event its id: the number of one that was made, and the text of its own. */
  readonly #eventIds: (string | number)[] = [];
  #rejected: Map<number, RejectedEvent> | undefined;
  #frame: Frame | undefined;

  constructor(limits: EventLimits, arrival: BatchArrival) {
    this.#limits = limits;
    this.#arrival = arrival;
    this.#trace = traceMembers(arrival.trace);
    this.#traceBytes = this.#trace === "" ? 0 : Buffer.byteLength(this.#trace);
  }

  reserve(events: readonly SourceEvent[]): void {
    let bytes = events.length * (AROUND_BYTES + this.#traceBytes);
    for (const event of events) {
      bytes += event instanceof ScannedEvent ? event.bytesMax : event.bytes.length;
    }
    this.records.reserve(bytes);
  }

  admit(source: SourceEvent): void {
    if (source instanceof ScannedEvent && source.keeps(this.#limits)) return this.#acceptScanned(source);
    const verdict = judge(source, this.#limits);
    if (verdict.ok) this.#accept(source, verdict.event);
    else this.#reject(source, verdict.violations);
  }

  /** Writes the record straight from the bytes of the event. */
  #acceptScanned(event: ScannedEvent): void {
    const { records } = this;
    const { body, hasId } = event;
    const { ids } = this.#arrival;
    const frame = (this.#frame ??= frameOf(this.#arrival));
    const number = hasId ? 0 : ids.next();
    records.reserve(frame.bytes + this.#traceBytes + event.bytesMax);
    if (hasId) {
      records.part(BEGIN);
      records.few(body, event.idStart, event.idEnd);
      records.part(frame.beforeKey);
    } else {
      records.numbered(frame.begin, BEGIN.length + ids.prefix.length, number);
    }
    records.few(body, event.keyStart, event.keyEnd);
    records.few(BEFORE_TYPE, 0, BEFORE_TYPE.length);
    records.few(body, event.typeStart, event.typeEnd);
    records.few(AFTER_TYPE, 0, AFTER_TYPE.length);
    if (this.#trace !== "") records.text(this.#trace);
    records.few(BEFORE_VALUE, 0, BEFORE_VALUE.length);
    records.json(body, event.start, event.close, event.isOneLine);
    if (hasId) records.part(frame.end);
    else records.numbered(frame.endWithId, ID_MEMBER.length + ids.prefix.length, number);
    records.finish();
    this.#eventIds.push(hasId ? body.toString("utf8", event.idStart, event.idEnd) : number);
  }

  #accept(source: SourceEvent, event: LearnerEvent): void {
    const { ids, receivedAt } = this.#arrival;
    const eventId = event.event_id ?? spellId(ids, ids.next());
    this.#eventIds.push(eventId);
    if (source.layout === undefined) {
      this.records.add(encodeRecord(recordOf(source, event, this.#arrivalOf(eventId))));
      return;
    }
    const head = {
      eventId,
      receivedAt,
      key: event.learner_id,
      eventType: event.event_type,
      trace: this.#trace,
    };
    writeEventLine(this.records, source.bytes, source.layout, head);
  }

  #reject(source: SourceEvent, violations: readonly Violation[]): void {
    const { record, ...rejection } = reject(source, violations, this.#limits, this.#arrivalOf(""));
    const { eventId } = rejection;
    this.#rejected ??= new Map();
    this.#rejected.set(this.#eventIds.length, { eventId, violations: rejection.violations });
    this.#eventIds.push(eventId ?? "");
    this.records.add(encodeRecord(record));
  }

  #arrivalOf(eventId: string): Arrival {
    const { receivedAt, protocol, trace } = this.#arrival;
    return { makeEventId: () => eventId, receivedAt, protocol, ...trace };
  }

  get events(): number {
    return this.#eventIds.length;
  }

  get rejected(): ReadonlyMap<number, RejectedEvent> {
    return this.#rejected ?? NONE;
  }

  eventIdAt(index: number): string {
    const id = this.#eventIds[index] ?? "";
    return typeof id === "string" ? id : spellId(this.#arrival.ids, id);
  }
}

/** What is the same around every event of the batch, with blank digits where its id is made. */
interface Frame {
  readonly begin: Buffer;
  readonly beforeKey: Buffer;
  readonly end: Buffer;
  readonly endWithId: Buffer;
  /** Of a record but for what the event and the trace bring: an upper bound. */
  readonly bytes: number;
}

/** The last one. Most batches come in the same millisecond as another, and differ in the prefix of their ids alone. */
let known: { readonly receivedAt: string; readonly prefixLength: number; readonly frame: Frame } | undefined;

/** Only to be used until the next batch: its bytes are written anew. */
function frameOf({ ids: { prefix }, receivedAt }: BatchArrival): Frame {
  if (known?.receivedAt !== receivedAt || known.prefixLength !== prefix.length) {
    known = { receivedAt, prefixLength: prefix.length, frame: makeFrame(receivedAt, prefix) };
  }
  const { frame } = known;
  frame.begin.write(prefix, BEGIN.length, "latin1");
  frame.endWithId.write(prefix, ID_MEMBER.length, "latin1");
  return frame;
}

function makeFrame(receivedAt: string, prefix: string): Frame {
  const at = quote(receivedAt);
  const beforeKey = Buffer.from(`","at":${at},"key":"`, "latin1");
  const begin = Buffer.concat([BEGIN, Buffer.from(prefix + BLANK, "latin1"), beforeKey]);
  const end = Buffer.from(`,"received_at":${at}}}`, "latin1");
  const endWithId = Buffer.concat([Buffer.from(`${ID_MEMBER}${prefix}${BLANK}"`, "latin1"), end]);
  const around = BEFORE_TYPE.length + AFTER_TYPE.length + BEFORE_VALUE.length;
  return { begin, beforeKey, end, endWithId, bytes: begin.length + around + endWithId.length };
}
