// The common batch, `{"events":[{…},{…}]}`, read in one pass over its bytes. An event that is not of the common kind is
// cut out and parsed by itself, and costs its neighbours nothing.
//
// Invariant: what it recognises is JSON, and no deeper than it may be; then its events are those that JSON.parse sees.
// For its strict grammar, with JSON's own at each place where it gives up, leaves nothing between the events unseen.
import type { SourceEvent } from "./batch.js";
import { EventScanner, type ScannedEvent } from "./event-scan.js";
import {
  CARRIAGE_RETURN,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COMMA,
  endOfValueWithin,
  LINE_FEED,
  OPEN_ARRAY,
  OPEN_OBJECT,
  parseJson,
} from "./json.js";
import { NOTHING } from "./json-scan.js";

const EVENTS = Buffer.from('"events"', "latin1");

/** The document and its array. */
const LEVELS_AROUND = 2;

/** Undefined if the body, which is UTF-8, must be looked at as a whole. */
export function scanBatch(body: Buffer, depthMax: number): SourceEvent[] | undefined {
  const levels = depthMax - LEVELS_AROUND;
  const scanner = new EventScanner(body, levels - 1, isOneLine(body));
  const array = startOfEvents(scanner);
  if (array < 0) return undefined;
  const events: SourceEvent[] = [];
  let index = scanner.space(array + 1);
  for (;;) {
    const event = scanner.event(index);
    const end = event?.end ?? endOfValueWithin(body, index, levels);
    const source = event ?? parseEvent(body, index, end);
    if (source === undefined) return undefined;
    events.push(source);
    index = scanner.space(end);
    if (scanner.byte(index) !== COMMA) break;
    index = scanner.space(index + 1);
  }
  if (scanner.byte(index) !== CLOSE_ARRAY) return undefined;
  const end = scanner.space(index + 1);
  return scanner.byte(end) === CLOSE_OBJECT && scanner.space(end + 1) === body.length ? events : undefined;
}

/** The event between these places; undefined if there is no JSON, or it is too deep. */
function parseEvent(body: Buffer, start: number, end: number): SourceEvent | undefined {
  if (end < 0) return undefined;
  const bytes = body.subarray(start, end);
  const document = parseJson(bytes);
  return document && { bytes, value: document.value };
}

/** Where the array stands, if it is the first member. */
function startOfEvents(scanner: EventScanner): number {
  const start = scanner.space(0);
  const name = scanner.space(start + 1);
  if (scanner.byte(start) !== OPEN_OBJECT || !scanner.stands(name, EVENTS)) return NOTHING;
  const value = scanner.colon(name + EVENTS.length);
  return value >= 0 && scanner.byte(value) === OPEN_ARRAY ? value : NOTHING;
}

/** The event of a line that begins with a common one and holds nothing else. */
export function scanLine(line: Buffer, depthMax: number): ScannedEvent | undefined {
  const scanner = new EventScanner(line, depthMax - 1, !line.includes(CARRIAGE_RETURN));
  const event = scanner.event(0);
  if (event === undefined || scanner.space(event.end) !== line.length) return undefined;
  event.end = line.length;
  return event;
}

function isOneLine(body: Uint8Array): boolean {
  return !body.includes(LINE_FEED) && !body.includes(CARRIAGE_RETURN);
}
