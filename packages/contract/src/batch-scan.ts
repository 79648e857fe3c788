// The common batch, `{"events":[{…},{…}]}` with nothing but common events in it, read in one pass over its bytes.
//
// Invariant: what it recognises is JSON, and no deeper than it may be; then its events are those that JSON.parse sees.
import { EventScanner, type ScannedEvent } from "./event-scan.js";
import {
  CARRIAGE_RETURN,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COMMA,
  LINE_FEED,
  OPEN_ARRAY,
  OPEN_OBJECT,
} from "./json.js";
import { NOTHING } from "./json-scan.js";

const EVENTS = Buffer.from('"events"', "latin1");

/** The document, its array and the event. */
const LEVELS_AROUND = 3;

/** Undefined if others must look at the body, which is UTF-8. */
export function scanBatch(body: Buffer, depthMax: number): ScannedEvent[] | undefined {
  const scanner = new EventScanner(body, depthMax - LEVELS_AROUND, isOneLine(body));
  const array = startOfEvents(scanner);
  if (array < 0) return undefined;
  const events: ScannedEvent[] = [];
  let index = scanner.space(array + 1);
  for (;;) {
    const event = scanner.event(index);
    if (event === undefined) return undefined;
    events.push(event);
    index = scanner.space(event.end);
    if (scanner.byte(index) !== COMMA) break;
    index = scanner.space(index + 1);
  }
  if (scanner.byte(index) !== CLOSE_ARRAY) return undefined;
  const end = scanner.space(index + 1);
  return scanner.byte(end) === CLOSE_OBJECT && scanner.space(end + 1) === body.length ? events : undefined;
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
