// From the bytes of a request to its events, each with its value and its own bytes.
//
// The depth is bounded before JSON.parse sees the text: a parsed value can be nested deeper than any code that
// walks it can go, and a text of nothing but brackets takes far longer to parse than to count.
import { isUtf8 } from "node:buffer";
import { scanBatch, scanLine } from "./batch-scan.js";
import type { EventLayout } from "./event-layout.js";
import type { EventFailureCode, Refusal } from "./failure.js";
import {
  CLOSE_OBJECT,
  endOfString,
  endOfValue,
  isNamed,
  jsonDepth,
  OPEN_ARRAY,
  parseJson,
  skipSpace,
  sliceElements,
  startOfNext,
  startOfValue,
  type Slice,
} from "./json.js";
import { isJsonObject } from "./json-object.js";

/** One event as it was sent, not judged yet. */
export interface SourceEvent {
  readonly bytes: Uint8Array;
  /** What the bytes say; absent where they are not JSON, or are nested too deeply to be looked at. */
  readonly value?: unknown;
  /** What its protocol has found already. Without a value there is at least one. */
  readonly findings?: readonly SourceFinding[];
  /** How the bytes are laid out, where that is known already and they may stay as they are. */
  readonly layout?: EventLayout;
}

export interface SourceFinding {
  readonly code: EventFailureCode;
  /** Where in the event, from its root. */
  readonly path: readonly (string | number)[];
}

export interface BatchLimits {
  /** Events of one request. */
  readonly eventsMax: number;
  /** Levels of the whole text. An event that is a little too deep for its own limit is judged alone. */
  readonly bodyDepthMax: number;
}

/** Almost four times what an event may use, and half of where older releases of jq stop reading a line. */
export const BODY_DEPTH_MAX = 128;

export type BatchReading =
  { readonly ok: true; readonly events: SourceEvent[] } | { readonly ok: false; readonly refusal: Refusal };

/** Reads `{"events":[…]}`. Other members of the document are ignored; of a doubled one the last counts. */
export function readBatch(body: Uint8Array, limits: BatchLimits): BatchReading {
  if (!isUtf8(body)) return refuse("malformed_json", "the body is not UTF-8");
  const events = scanBatch(bufferOf(body), limits.bodyDepthMax);
  if (events === undefined) return parseBatch(body, limits);
  return events.length > limits.eventsMax ? refuse("batch_too_large", tooMany(limits)) : { ok: true, events };
}

function parseBatch(body: Uint8Array, limits: BatchLimits): BatchReading {
  if (jsonDepth(body, limits.bodyDepthMax) > limits.bodyDepthMax) {
    return refuse("body_too_deep", `the body must have at most ${limits.bodyDepthMax} levels`);
  }
  const document = parseJson(bufferOf(body));
  if (document === undefined) return refuse("malformed_json", "the body is not JSON");
  const values =
    isJsonObject(document.value) && Object.hasOwn(document.value, "events")
      ? document.value["events"]
      : undefined;
  if (!Array.isArray(values))
    return refuse("invalid_batch", 'the body must be an object with an array "events"');
  if (values.length === 0) return refuse("empty_batch", "the batch holds no event");
  if (values.length > limits.eventsMax) return refuse("batch_too_large", tooMany(limits));
  return { ok: true, events: cutEvents(body, values) };
}

function cutEvents(body: Uint8Array, values: readonly unknown[]): SourceEvent[] {
  const slices = sliceEvents(body);
  if (slices.length !== values.length) throw new Error("the slices of a batch differ from its values");
  return slices.map(({ start, end }, index) => ({ bytes: body.subarray(start, end), value: values[index] }));
}

/** Reads NDJSON: one event a line, blank lines between them do not count. A malformed line is judged alone. */
export function readLines(body: Uint8Array, limits: BatchLimits): BatchReading {
  const events: SourceEvent[] = [];
  let start = 0;
  while (start < body.length) {
    const feed = body.indexOf(0x0a, start);
    const end = feed < 0 ? body.length : feed;
    const line = body.subarray(start, end);
    start = end + 1;
    if (skipSpace(line, 0) === line.length) continue;
    if (events.length === limits.eventsMax) return refuse("batch_too_large", tooMany(limits));
    events.push(readLine(line, limits));
  }
  return events.length === 0 ? refuse("empty_batch", "the batch holds no event") : { ok: true, events };
}

function readLine(bytes: Uint8Array, limits: BatchLimits): SourceEvent {
  if (!isUtf8(bytes)) return unreadable(bytes, "malformed_json");
  const event = scanLine(bufferOf(bytes), limits.bodyDepthMax);
  if (event !== undefined) return event;
  if (jsonDepth(bytes, limits.bodyDepthMax) > limits.bodyDepthMax) return unreadable(bytes, "too_deep");
  const document = parseJson(bufferOf(bytes));
  return document === undefined ? unreadable(bytes, "malformed_json") : { bytes, value: document.value };
}

function unreadable(bytes: Uint8Array, code: EventFailureCode): SourceEvent {
  return { bytes, findings: [{ code, path: [] }] };
}

/** The elements of the last member "events" of the document, found in one pass over it. */
export function sliceEvents(body: Uint8Array): Slice[] {
  let events: Slice[] = [];
  let index = skipSpace(body, skipSpace(body, 0) + 1);
  while (index < body.length && body[index] !== CLOSE_OBJECT) {
    const name = { start: index, end: endOfString(body, index + 1) };
    const value = startOfValue(body, name.end);
    let end: number;
    if (body[value] === OPEN_ARRAY && isNamed(body, name, "events")) {
      ({ elements: events, end } = sliceElements(body, value));
    } else {
      end = endOfValue(body, value);
    }
    index = startOfNext(body, end);
  }
  return events;
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function refuse(code: Refusal["code"], message: string): BatchReading {
  return { ok: false, refusal: { code, message } };
}

function tooMany({ eventsMax }: BatchLimits): string {
  return `the batch must hold at most ${eventsMax} events`;
}
