// Reads the common event from its bytes alone: no value is made of it, and nothing is left for the garbage collector.
//
// Invariant: it recognises an event only where JSON.parse, the layout and the check would accept it, under limits that
// the facts are held against afterwards, and then with the same record. Whatever is unusual (a name that is not known,
// is doubled or has an escape; an escape in an identifier; half of a surrogate pair) it leaves to those. Property tests
// hold both against each other.
import type { SourceEvent } from "./batch.js";
import { fieldAt, FIELDS, type EventLayout, type Field } from "./event-layout.js";
import { TIMESTAMP_CHARACTERS_MAX, type EventLimits } from "./event-limits.js";
import { CLOSE_OBJECT, COMMA, OPEN_OBJECT } from "./json.js";
import { JsonScanner, NOTHING } from "./json-scan.js";
import { isTimestampAt } from "./timestamp.js";

/** An event that keeps all rules but those that need limits, as places in the body it came in. */
export class ScannedEvent implements SourceEvent {
  readonly body: Buffer;
  readonly start: number;
  /** The event may be followed by white space. */
  end = 0;
  /** Where the closing brace stands. */
  close = 0;
  /** Of the texts, without their quotes. An own id that is none begins and ends at 0. */
  keyStart = 0;
  keyEnd = 0;
  typeStart = 0;
  typeEnd = 0;
  idStart = 0;
  idEnd = 0;
  /** The longest identifier. A character has at least one byte. */
  idBytes = 0;
  /** Of `event_data` or `metadata`, whichever has more. */
  depth = 0;
  keys = 0;
  /** True if it is known that no raw line break stands between its tokens. */
  readonly isOneLine: boolean;

  constructor(body: Buffer, start: number, isOneLine: boolean) {
    this.body = body;
    this.start = start;
    this.isOneLine = isOneLine;
  }

  get bytes(): Uint8Array {
    return this.body.subarray(this.start, this.end);
  }

  get value(): unknown {
    return JSON.parse(this.body.toString("utf8", this.start, this.end));
  }

  get layout(): EventLayout {
    const { close, start, hasId, isOneLine } = this;
    return { close: close - start, isEmpty: false, hasId, isOneLine };
  }

  /** An upper bound of what the event brings to its record. */
  get bytesMax(): number {
    const { end, start, keyEnd, keyStart, typeEnd, typeStart, idEnd, idStart } = this;
    return end - start + (keyEnd - keyStart) + (typeEnd - typeStart) + (idEnd - idStart);
  }

  get hasId(): boolean {
    return this.idEnd > 0;
  }

  /** True if it keeps the rules that need limits, too. Where it does not, the check says which it breaks. */
  keeps(limits: EventLimits): boolean {
    return (
      this.end - this.start <= limits.eventBytesMax &&
      this.idBytes <= limits.idCharactersMax &&
      this.typeEnd - this.typeStart <= limits.typeCharactersMax &&
      this.depth <= limits.depthMax &&
      this.keys <= limits.keysMax &&
      isKnownType(this.body, this.typeStart, this.typeEnd, limits)
    );
  }
}

const typesOf = new WeakMap<EventLimits, readonly Buffer[]>();

function isKnownType(body: Uint8Array, start: number, end: number, limits: EventLimits): boolean {
  let types = typesOf.get(limits);
  if (types === undefined) {
    types = [...limits.eventTypes].map((type) => Buffer.from(type, "utf8"));
    typesOf.set(limits, types);
  }
  for (const type of types) {
    if (type.length !== end - start) continue;
    let index = 0;
    while (index < type.length && body[start + index] === type[index]) index += 1;
    if (index === type.length) return true;
  }
  return false;
}

const REQUIRED = bitsOf("learner_id", "course_id", "lesson_id", "event_type", "event_data", "timestamp");

function bitsOf(...names: string[]): number {
  return FIELDS.reduce((bits, { bit, name }) => (names.includes(name) ? bits | bit : bits), 0);
}

/** Reads the events of one body, each from where its brace is expected. */
export class EventScanner extends JsonScanner {
  readonly #body: Buffer;
  readonly #isOneLine: boolean;

  /** `levelsMax` bounds the levels of `event_data` and of `metadata`. */
  constructor(body: Buffer, levelsMax: number, isOneLine: boolean) {
    super(body, levelsMax);
    this.#body = body;
    this.#isOneLine = isOneLine;
  }

  /** The event that begins there and ends with its brace; undefined if others must look at it. */
  event(at: number): ScannedEvent | undefined {
    if (this.byte(at) !== OPEN_OBJECT) return undefined;
    const event = new ScannedEvent(this.#body, at, this.#isOneLine);
    let index = this.space(at + 1);
    let seen = 0;
    for (let turn = 0; ; turn += 1) {
      const field = this.#field(index, turn);
      if (field === undefined || (seen & field.bit) !== 0) return undefined;
      seen |= field.bit;
      const value = this.colon(index + field.label.length - 1);
      if (value < 0) return undefined;
      const end = this.#member(event, field, value);
      if (end < 0) return undefined;
      index = this.space(end);
      const byte = this.byte(index);
      if (byte === CLOSE_OBJECT) break;
      if (byte !== COMMA) return undefined;
      index = this.space(index + 1);
    }
    if ((seen & REQUIRED) !== REQUIRED) return undefined;
    event.close = index;
    event.end = index + 1;
    return event;
  }

  /** The field whose name stands there. Most senders write them in the order of the documentation. */
  #field(at: number, turn: number): Field | undefined {
    const expected = FIELDS[turn];
    if (expected !== undefined && this.stands(at, expected.label)) return expected;
    const end = this.identifier(at);
    return end < 0 ? undefined : fieldAt(this.bytes, at, end);
  }

  /** Where the value ends; NOTHING if it is not as it must be. */
  #member(event: ScannedEvent, field: Field, at: number): number {
    switch (field.name) {
      case "event_data":
        return this.#object(event, at);
      case "metadata": {
        const end = this.null(at);
        return end < 0 ? this.#object(event, at) : end;
      }
      case "timestamp":
        return this.#timestamp(at);
      case "session_id": {
        const end = this.null(at);
        return end < 0 ? this.#identifier(event, at, 0) : end;
      }
      default:
        return this.#required(event, field, at);
    }
  }

  /** An identifier that must say something. */
  #required(event: ScannedEvent, { name }: Field, at: number): number {
    if (name === "event_type") {
      const end = this.identifier(at);
      event.typeStart = at + 1;
      event.typeEnd = end - 1;
      return end > at + 2 ? end : NOTHING;
    }
    const end = this.#identifier(event, at, 1);
    if (name === "learner_id") {
      event.keyStart = at + 1;
      event.keyEnd = end - 1;
    } else if (name === "event_id") {
      event.idStart = at + 1;
      event.idEnd = end - 1;
    }
    return end;
  }

  #identifier(event: ScannedEvent, at: number, bytesMin: number): number {
    const end = this.identifier(at);
    const bytes = end - at - 2;
    if (bytes < bytesMin) return NOTHING;
    if (bytes > event.idBytes) event.idBytes = bytes;
    return end;
  }

  #timestamp(at: number): number {
    const end = this.identifier(at);
    if (end < 0 || end - at - 2 > TIMESTAMP_CHARACTERS_MAX) return NOTHING;
    return isTimestampAt(this.bytes, at + 1, end - 1) ? end : NOTHING;
  }

  #object(event: ScannedEvent, at: number): number {
    this.depth = 0;
    this.keys = 0;
    const end = this.object(at, 1);
    if (this.depth > event.depth) event.depth = this.depth;
    if (this.keys > event.keys) event.keys = this.keys;
    return end;
  }
}
