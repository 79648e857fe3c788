// One event as the spool keeps it: a JSON object on one line, whose last member is the event's own bytes.
//
//   {"kind":"event","id":…,"at":…,"key":…,"type":…,"traceparent":…,"tracestate":…,"value":<bytes>}
//   {"kind":"rejected","id":…,"at":…,"key":…,"protocol":…,"violations":[…],"encoding":…,"value":<bytes>}
//
// `value` comes last so that reading a record parses the little before it and never the event. The first
// `,"value":` begins it: nothing before it has a member of that name, and inside a string the quotes would be
// escaped. A rejected event whose bytes are not fit to stand in a line of JSON is kept in base64.
import { copyAsOneLine } from "./json.js";
import { isEventFailureCode, type Violation } from "./failure.js";

/** An accepted event. */
export interface EventRecord {
  readonly kind: "event";
  readonly eventId: string;
  /** RFC 3339 in UTC, with milliseconds. */
  readonly receivedAt: string;
  /** The learner's id: the key of the message. */
  readonly key: string;
  readonly eventType: string;
  /** W3C trace context of the request, if it had one. */
  readonly traceparent?: string;
  readonly tracestate?: string;
  /** The JSON to publish; it holds `event_id` and `received_at`. */
  readonly value: Uint8Array;
}

/** An event that was refused; it goes to the dead-letter topic. */
export interface RejectedRecord {
  readonly kind: "rejected";
  /** The id it came with, if that could be read. */
  readonly eventId?: string;
  /** RFC 3339 in UTC, with milliseconds. */
  readonly receivedAt: string;
  /** The learner's id, if that could be read. */
  readonly key?: string;
  readonly violations: readonly Violation[];
  /** How it came: "rest", "connect", "grpc", "grpc-web". */
  readonly protocol: string;
  /** How the value stands in the record: `json` demands one JSON text; `base64` keeps any bytes. */
  readonly encoding: "json" | "base64";
  /** The bytes as they were sent; with `json`, a raw line break comes back as a space. */
  readonly value: Uint8Array;
}

export type SpoolRecord = EventRecord | RejectedRecord;

/** A payload that is not a record: the line was written by something else, or damaged past its checksum. */
export class RecordError extends Error {
  override readonly name = "RecordError";
}

/**
 * The longest record that so many bytes of an event can lead to. A rejected event is kept whole: as JSON, in which one
 * byte of a message (a control character) becomes six, or as base64. 64 KiB hold its reasons.
 */
export function recordBytesMax(eventBytesMax: number): number {
  return 6 * eventBytesMax + 64 * 1024;
}

const VALUE = Buffer.from(',"value":');
const CLOSE = 0x7d;

/** The record as one line of JSON, without its line feed. */
export function encodeRecord(record: SpoolRecord): Uint8Array {
  const head = JSON.stringify(headOf(record)).slice(0, -1) + ',"value":';
  const value = bodyOf(record);
  const headBytes = Buffer.byteLength(head);
  const payload = Buffer.allocUnsafe(headBytes + value.length + 1);
  payload.write(head, 0, "utf8");
  copyAsOneLine(payload, headBytes, value);
  payload[payload.length - 1] = CLOSE;
  return payload;
}

/** The record that `encodeRecord` made the payload of; its `value` shares the payload's memory. */
export function decodeRecord(payload: Uint8Array): SpoolRecord {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength);
  const mark = bytes.indexOf(VALUE);
  if (mark < 0 || bytes[bytes.length - 1] !== CLOSE)
    throw new RecordError("the payload has no value at its end");
  const value = bytes.subarray(mark + VALUE.length, bytes.length - 1);
  if (value.length === 0) throw new RecordError("the value is empty");
  const head = parseHead(bytes.toString("utf8", 0, mark) + "}");
  if (head["kind"] === "event") return eventRecord(head, value);
  if (head["kind"] === "rejected") return rejectedRecord(head, value);
  throw new RecordError("the kind of the record is not known");
}

function headOf(record: SpoolRecord): object {
  // An absent member is undefined here and left out by JSON.stringify.
  return record.kind === "event"
    ? {
        kind: record.kind,
        id: record.eventId,
        at: record.receivedAt,
        key: record.key,
        type: record.eventType,
        traceparent: record.traceparent,
        tracestate: record.tracestate,
      }
    : {
        kind: record.kind,
        id: record.eventId,
        at: record.receivedAt,
        key: record.key,
        protocol: record.protocol,
        violations: record.violations.map(({ code, pointer, message }) => ({ code, pointer, message })),
        encoding: record.encoding,
      };
}

function bodyOf(record: SpoolRecord): Uint8Array {
  if (record.kind === "event" || record.encoding === "json") return record.value;
  const { buffer, byteOffset, byteLength } = record.value;
  return Buffer.from(`"${Buffer.from(buffer, byteOffset, byteLength).toString("base64")}"`, "latin1");
}

type Head = Readonly<Record<string, unknown>>;

function parseHead(text: string): Head {
  let head: unknown;
  try {
    head = JSON.parse(text);
  } catch (cause) {
    throw new RecordError("what stands before the value is not JSON", { cause });
  }
  if (!isHead(head)) throw new RecordError("the record is not an object");
  return head;
}

function isHead(value: unknown): value is Head {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function eventRecord(head: Head, value: Uint8Array): EventRecord {
  return {
    kind: "event",
    eventId: text(head, "id"),
    receivedAt: text(head, "at"),
    key: text(head, "key"),
    eventType: text(head, "type"),
    ...optionalText("traceparent", head["traceparent"]),
    ...optionalText("tracestate", head["tracestate"]),
    value,
  };
}

function rejectedRecord(head: Head, value: Uint8Array): RejectedRecord {
  const encoding = head["encoding"];
  if (encoding !== "json" && encoding !== "base64") throw new RecordError("the encoding is not known");
  return {
    kind: "rejected",
    ...optionalText("eventId", head["id"]),
    receivedAt: text(head, "at"),
    ...optionalText("key", head["key"]),
    violations: violations(head["violations"]),
    protocol: text(head, "protocol"),
    encoding,
    value: encoding === "json" ? value : fromBase64(value),
  };
}

function text(head: Head, name: string): string {
  const value = head[name];
  if (typeof value !== "string") throw new RecordError(`${name} is not a string`);
  return value;
}

function optionalText<Name extends string>(name: Name, value: unknown): { [_ in Name]?: string } {
  if (value === undefined) return {};
  if (typeof value !== "string") throw new RecordError(`${name} is not a string`);
  const member: { [_ in Name]?: string } = {};
  member[name] = value;
  return member;
}

function violations(value: unknown): Violation[] {
  if (!Array.isArray(value)) throw new RecordError("violations is not an array");
  return value.map((entry: unknown) => {
    if (!isHead(entry)) throw new RecordError("a violation is not an object");
    const code = text(entry, "code");
    if (!isEventFailureCode(code)) throw new RecordError("a violation has a code that is not known");
    return { code, pointer: text(entry, "pointer"), message: text(entry, "message") };
  });
}

function fromBase64(value: Buffer | Uint8Array): Buffer {
  const encoded = Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("latin1");
  const bytes = Buffer.from(encoded.slice(1, -1), "base64");
  // Buffer skips what is not base64; only what it would write itself is taken.
  if (`"${bytes.toString("base64")}"` !== encoded) throw new RecordError("the value is not base64");
  return bytes;
}
