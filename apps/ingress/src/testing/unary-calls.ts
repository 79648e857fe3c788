/** Calls of one message over Connect and gRPC-Web in every shape that matters to how they are read and answered. */
import { gzipSync } from "node:zlib";
import { batchMessage, eventMessage, GRPC_CALLS } from "./grpc-calls.js";
import { sampleEvent } from "./sample-event.js";

export interface UnaryCall {
  readonly method?: "CollectEvent" | "CollectEvents";
  readonly verb?: "GET" | "POST";
  /** What follows the path. */
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** What is sent, piece by piece. */
  readonly chunks: readonly Uint8Array[];
  /** The caller does not end its body before it is answered. */
  readonly staysOpen?: boolean;
  /** The HTTP status, so that a case means what it says. */
  readonly status?: number;
}

function json(text: string | object): readonly Uint8Array[] {
  return [Buffer.from(typeof text === "string" ? text : JSON.stringify(text))];
}

const good = sampleEvent({ event_id: "mine" });
const bad = { learner_id: "", timestamp: "x" };
const goodText = JSON.stringify(good);

/** The text of the sample with this as its data. */
function withData(data: string): readonly Uint8Array[] {
  return json(goodText.replace('{"score":95}', data));
}

function nested(levels: number): readonly Uint8Array[] {
  return withData(`{"a":${"[".repeat(levels)}${"]".repeat(levels)}}`);
}

const EVENTS_IN_JSON: Readonly<Record<string, UnaryCall>> = {
  "a good event": { chunks: json(good), status: 200 },
  "an event without an id": { chunks: json(sampleEvent()), status: 200 },
  "names of protobuf's own": {
    chunks: json({
      learnerId: "l",
      courseId: "c",
      lessonId: "l",
      eventType: "lesson_completed",
      eventData: { b: [1, 2.5, null, true, { c: "é😀" }], a: {} },
      timestamp: "2024-01-15T10:30:00Z",
      sessionId: "s",
      metadata: { "10": 1, "9": 2, x: {} },
      eventId: "mine",
    }),
    status: 200,
  },
  "a member under both of its names": { chunks: json({ ...good, learnerId: "l" }), status: 400 },
  "a member under both of its names, once null": { chunks: json({ ...good, learnerId: null }), status: 400 },
  "members that are null": { chunks: json({ ...good, session_id: null, metadata: null }), status: 200 },
  "all members null": { chunks: json({ learner_id: null, event_data: null }), status: 400 },
  "texts that are empty": { chunks: json({ ...good, session_id: "", event_id: "" }), status: 200 },
  "a text that is a number": { chunks: json({ ...good, learner_id: 5 }), status: 400 },
  "data that is a list": { chunks: withData("[1]"), status: 400 },
  "data that is a text": { chunks: withData('"x"'), status: 400 },
  "members that are not known": { chunks: json({ ...good, more: { a: [1] }, received_at: 1 }), status: 200 },
  "a member that comes twice": { chunks: json(`{"learner_id":"a",${goodText.slice(1)}`), status: 400 },
  "a member that comes twice in data": { chunks: withData('{"a":1,"\\u0061":2}'), status: 400 },
  "a member that comes twice where nobody looks": {
    chunks: json(`{"more":{"a":1,"a":2},${goodText.slice(1)}`),
    status: 400,
  },
  __proto__: { chunks: withData('{"__proto__":{"a":1},"b":2}') },
  "__proto__ at the top": { chunks: json(`{"__proto__":{"a":1},${goodText.slice(1)}`) },
  "numbers that are odd": {
    chunks: withData('{"a":12345678901234567890,"b":-0,"c":1.10,"d":1e-400,"e":1E5}'),
    status: 200,
  },
  "a number that is too large": { chunks: withData('{"a":1e400}'), status: 400 },
  escapes: { chunks: withData('{"a\\"b":"\\n\\u00e9\\\\\\/","c":"\\\\ud800"}'), status: 200 },
  "an escaped pair": { chunks: withData('{"a":"\\ud83d\\ude00"}'), status: 200 },
  "half a pair": { chunks: withData('{"a":"\\ud83d"}') },
  "half a pair in an id": { chunks: json(goodText.replace("learner123", "\\uDC00")), status: 400 },
  "white space": { chunks: json(JSON.stringify(good, undefined, "\r\n\t ")), status: 200 },
  "levels that are allowed": { chunks: nested(20), status: 200 },
  "levels that are too many": { chunks: nested(35), status: 400 },
  "levels that are far too many": { chunks: nested(60), status: 400 },
  "levels without end": { chunks: nested(2000), status: 400 },
  "bytes behind the event": { chunks: json(`${goodText}x`), status: 400 },
  "half an event": { chunks: json(goodText.slice(0, 40)), status: 400 },
  "a byte order mark": { chunks: json(`\ufeff${goodText}`), status: 200 },
  "a text that is no UTF-8": { chunks: [Buffer.from(goodText.replace("learner123", "\xff"), "latin1")] },
  "a body in pieces": { chunks: [...Buffer.from(goodText)].map((byte) => Buffer.of(byte)), status: 200 },
  "no body": { chunks: [], status: 400 },
  null: { chunks: json("null"), status: 400 },
  "a list": { chunks: json("[]"), status: 400 },
  "an event of nothing": { chunks: json("{}"), status: 400 },
  "an event that is rejected": { chunks: json(sampleEvent(bad)), status: 400 },
  "an event that is rejected at length": {
    headers: { "accept-encoding": "gzip, deflate, br" },
    chunks: json({ event_id: "mine", event_data: null, session_id: "\u0000", learner_id: "\u0001" }),
    status: 400,
  },
  "an event that is announced as too large": {
    headers: { "content-length": "9000" },
    chunks: [Buffer.alloc(9000)],
    status: 413,
  },
  "an event that turns out to be too large": { chunks: [Buffer.alloc(9000)] },
  "an event that turns out to be too large, and more to come": {
    chunks: [Buffer.alloc(9000)],
    staysOpen: true,
  },
};

const SHAPES_OF_JSON: Readonly<Record<string, UnaryCall>> = {
  "a content type with a charset": {
    headers: { "content-type": "application/json; charset=utf-8" },
    chunks: json(good),
    status: 200,
  },
  "a content type in capitals": {
    headers: { "content-type": "Application/JSON" },
    chunks: json(good),
    status: 200,
  },
  "a content type that is not known": {
    headers: { "content-type": "application/xml" },
    chunks: json(good),
    status: 415,
  },
  "a query": { query: "?a=b", chunks: json(good), status: 200 },
  "the version of the protocol": {
    headers: { "connect-protocol-version": "1" },
    chunks: json(good),
    status: 200,
  },
  "another version": { headers: { "connect-protocol-version": "2" }, chunks: json(good), status: 200 },
  "a call by GET": { verb: "GET", chunks: [], status: 405 },
  "a compressed message": {
    headers: { "content-encoding": "gzip" },
    chunks: [gzipSync(goodText)],
    status: 200,
  },
  "a message that is said to be compressed": {
    headers: { "content-encoding": "gzip" },
    chunks: json(good),
  },
  "an encoding that is not known": {
    headers: { "content-encoding": "snappy" },
    chunks: json(good),
    status: 501,
  },
  identity: { headers: { "content-encoding": "identity" }, chunks: json(good), status: 200 },
  "an answer that may be compressed, and is short": {
    headers: { "accept-encoding": "gzip, deflate, br, zstd" },
    chunks: json(good),
    status: 200,
  },
  "the trace of the caller": {
    headers: { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate: "a=b" },
    chunks: json(good),
    status: 200,
  },
  "a page of an origin that may": {
    headers: { origin: "https://learn.example" },
    chunks: json(good),
    status: 200,
  },
  "a page of an origin that may not": {
    headers: { origin: "https://else.example" },
    chunks: json(good),
    status: 403,
  },
  "no key": { headers: { authorization: "" }, chunks: json(good), status: 401 },
};

const many = Array.from({ length: 10 }, (_, n) => sampleEvent({ ...bad, event_id: `mine-${n}` }));

const BATCHES_IN_JSON: Readonly<Record<string, UnaryCall>> = {
  "a batch": { chunks: json({ events: [good, sampleEvent()] }), status: 200 },
  "a batch of good and bad": { chunks: json({ events: [good, sampleEvent(bad)] }), status: 200 },
  "a batch with a long answer": { chunks: json({ events: many }), status: 200 },
  "a batch with an answer that is compressed": {
    headers: { "accept-encoding": "deflate, gzip;q=1, br" },
    chunks: json({ events: many }),
    status: 200,
  },
  "a batch of nothing": { chunks: json({ events: [] }), status: 400 },
  "a batch that is null": { chunks: json({ events: null }), status: 400 },
  "a batch without events": { chunks: json({}), status: 400 },
  "a batch with null": { chunks: json({ events: [good, null] }), status: 400 },
  "a batch that is no list": { chunks: json({ events: good }), status: 400 },
  "a batch of too many": { chunks: json({ events: Array.from({ length: 11 }, () => good) }), status: 400 },
};

const proto = { "content-type": "application/proto" };

const BINARY: Readonly<Record<string, UnaryCall>> = {
  "a message": { headers: proto, chunks: [eventMessage({ event_id: "mine" })], status: 200 },
  "a message that is rejected": { headers: proto, chunks: [eventMessage(bad)], status: 400 },
  "a message of nothing": { headers: proto, chunks: [], status: 400 },
  "a field that is not known": {
    headers: proto,
    chunks: [eventMessage({ event_id: "mine" }), Buffer.of(0x52, 1, 0x61)],
    status: 200,
  },
  "bytes that are no message": { headers: proto, chunks: [Buffer.of(0xff, 0xff)], status: 400 },
  "a batch of messages": {
    method: "CollectEvents",
    headers: proto,
    chunks: [batchMessage({ event_id: "a" }, bad)],
    status: 200,
  },
};

export const CONNECT_CALLS: Readonly<Record<string, UnaryCall>> = {
  ...EVENTS_IN_JSON,
  ...SHAPES_OF_JSON,
  ...Object.fromEntries(
    Object.entries(BATCHES_IN_JSON).map(([name, call]) => [name, { ...call, method: "CollectEvents" }]),
  ),
  ...BINARY,
};

/** Those of gRPC with one message, as gRPC-Web has them. */
export const WEB_CALLS: Readonly<Record<string, UnaryCall>> = Object.fromEntries(
  Object.entries(GRPC_CALLS).flatMap(([name, { method = "CollectEvent", status: _status, ...call }]) => {
    if (method === "StreamEvents") return [];
    const type = call.headers?.["content-type"] ?? "application/grpc";
    const headers = { ...call.headers, "content-type": type.replace("grpc", "grpc-web") };
    return [[name, { ...call, method, headers }]];
  }),
);
