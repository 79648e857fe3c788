// The common batch, `{"events":[{…},{…}]}` with nothing but events whose bytes may stay as they are, looked through
// once: how deep it is, where its events stand, and how they are laid out.
//
// The text need not be JSON yet. Up to its first mistake all answers hold, and JSON.parse, which is asked next, gets no
// further than that: so no depth escapes the bound, and on a text that it accepts everything holds.
import { readLayout, type EventLayout } from "./event-layout.js";
import {
  CARRIAGE_RETURN,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  endOfString,
  LINE_FEED,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
  skipSpace,
  startOfNext,
  startOfValue,
  type Slice,
} from "./json.js";

export interface LaidOutEvent extends Slice {
  /** Counted from the start of the event. */
  readonly layout: EventLayout;
}

const EVENTS = Buffer.from('"events"', "latin1");

/** The document and its array. */
const LEVELS_AROUND = 2;

/** Undefined if the batch is not of this kind, or is deeper than `depthMax`. */
export function layOutBatch(body: Uint8Array, depthMax: number): LaidOutEvent[] | undefined {
  const array = startOfEvents(body);
  if (array === undefined) return undefined;
  const levels = depthMax - LEVELS_AROUND - 1;
  const isOneLine = !body.includes(LINE_FEED) && !body.includes(CARRIAGE_RETURN);
  const events: LaidOutEvent[] = [];
  let index = skipSpace(body, array + 1);
  while (body[index] === OPEN_OBJECT) {
    const layout = readLayout(body, index, levels);
    if (layout === undefined) return undefined;
    const { close, isEmpty, hasId } = layout;
    events.push({
      start: index,
      end: close + 1,
      layout: { close: close - index, isEmpty, hasId, isOneLine },
    });
    index = startOfNext(body, close + 1);
  }
  if (body[index] !== CLOSE_ARRAY) return undefined;
  const end = skipSpace(body, index + 1);
  return body[end] === CLOSE_OBJECT && skipSpace(body, end + 1) === body.length ? events : undefined;
}

/** Where the array stands, if it is the first member. */
function startOfEvents(body: Uint8Array): number | undefined {
  const start = skipSpace(body, 0);
  const name = skipSpace(body, start + 1);
  if (body[start] !== OPEN_OBJECT || body[name] !== QUOTE) return undefined;
  const nameEnd = endOfString(body, name + 1);
  if (nameEnd - name !== EVENTS.length) return undefined;
  for (let index = 0; index < EVENTS.length; index += 1) {
    if (body[name + index] !== EVENTS[index]) return undefined;
  }
  const value = startOfValue(body, nameEnd);
  return body[value] === OPEN_ARRAY ? value : undefined;
}
