/** The same calls go both ways, and nobody can tell the answers, the records and the log apart. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  CollectEventResponseSchema,
  CollectEventsRequestSchema,
  CollectEventsResponseSchema,
  EventSchema,
  eventToMessage,
} from "@event-collector/contract";
import type { JsonObject, LearnerEvent, SpoolRecord } from "@event-collector/contract";
import { nodeDisk } from "@event-collector/spool";
import { once } from "node:events";
import { connect } from "node:http2";
import type { ClientHttp2Session, IncomingHttpHeaders } from "node:http2";
import { brotliDecompressSync, gunzipSync, gzipSync } from "node:zlib";
import t from "tap";
import type { Test } from "tap";
import { liveIngress } from "../testing/live-ingress.js";
import type { LiveIngress } from "../testing/live-ingress.js";
import { sampleEvent } from "../testing/sample-event.js";
import { createLeanCalls } from "./lean-calls.js";

const SERVICE = "/event_collector.v1.EventCollectorService";

/** A deadline makes a call go the library's way; an hour changes nothing else. */
const WAYS = { lean: {}, library: { "grpc-timeout": "1H" } } as const;

interface Case {
  readonly method?: "CollectEvent" | "CollectEvents";
  readonly headers?: Readonly<Record<string, string>>;
  /** What is sent, piece by piece. */
  readonly chunks: readonly Uint8Array[];
  /** Of the outcome, so that a case means what it says. */
  readonly status?: string;
}

interface Seen {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly messages: readonly unknown[];
  readonly records: readonly unknown[];
  readonly logged: unknown;
}

function event(changes: JsonObject = {}): Uint8Array {
  return toBinary(EventSchema, eventToMessage(sampleEvent(changes) as unknown as LearnerEvent));
}

function batch(...changes: readonly JsonObject[]): Uint8Array {
  const events = changes.map((one) => eventToMessage(sampleEvent(one) as unknown as LearnerEvent));
  return toBinary(CollectEventsRequestSchema, create(CollectEventsRequestSchema, { events }));
}

function frame(message: Uint8Array, flags = 0, length: number = message.byteLength): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

function single(message: Uint8Array): readonly Uint8Array[] {
  return [frame(message)];
}

const bad = { learner_id: "", timestamp: "x" };
const named = Array.from({ length: 10 }, (_, n) => ({ event_id: `mine-${n}`, lesson_id: n % 2 ? "" : "l" }));

const CASES: Readonly<Record<string, Case>> = {
  "a good event": { chunks: single(event({ event_id: "mine" })), status: "0" },
  "an event without an id": { chunks: single(event()), status: "0" },
  "an event with everything": {
    chunks: single(
      event({ session_id: "s", metadata: { a: [1, null, "é", { b: true }] }, event_id: "mine" }),
    ),
    status: "0",
  },
  "an id that is not ASCII": { chunks: single(event({ event_id: "Lektion-é-😀" })), status: "0" },
  "an id of 256 characters": { chunks: single(event({ event_id: "x".repeat(256) })), status: "0" },
  "a content type with the codec": {
    headers: { "content-type": "application/grpc+proto" },
    chunks: single(event({ event_id: "mine" })),
    status: "0",
  },
  "JSON, which the library also speaks": {
    headers: { "content-type": "application/grpc+json" },
    chunks: [frame(Buffer.from(JSON.stringify({ learnerId: "l" })))],
    status: "3",
  },
  "a content type that is not known": { headers: { "content-type": "application/grpc+xml" }, chunks: [] },
  "a body in pieces": {
    chunks: [...frame(event({ event_id: "mine" }))].map((byte) => Buffer.of(byte)),
    status: "0",
  },
  "an event that is rejected": { chunks: single(event(bad)), status: "3" },
  "an event that is rejected, with an id": {
    chunks: single(event({ ...bad, event_id: "mine" })),
    status: "3",
  },
  "an event of nothing": { chunks: single(new Uint8Array()), status: "3" },
  "data with a number that is none": {
    chunks: [frame(Buffer.concat([event(), Buffer.from("42100a0e0a0161120911000000000000f87f", "hex")]))],
    status: "3",
  },
  "a field that is not known": {
    chunks: [frame(Buffer.concat([event(), Buffer.of(0x52, 1, 0x61)]))],
    status: "0",
  },
  "bytes that are no message": { chunks: [frame(Buffer.of(0xff, 0xff, 0xff))] },
  "a text that is no UTF-8": { chunks: [frame(Buffer.of(0x0a, 2, 0xff, 0xfe))] },
  "no body": { chunks: [] },
  "half a head": { chunks: [Buffer.of(0, 0)] },
  "half a message": { chunks: [frame(event()).subarray(0, 20)] },
  "two messages": { chunks: [frame(event()), frame(event())] },
  "more than the message": { chunks: [frame(event()), Buffer.of(1)] },
  "a flag that is not known": { chunks: [frame(event(), 2)] },
  "a compressed message": {
    headers: { "grpc-encoding": "gzip" },
    chunks: [frame(gzipSync(event({ event_id: "mine" })), 1)],
    status: "0",
  },
  "a compressed message that is not announced": { chunks: [frame(gzipSync(event()), 1)] },
  "an encoding that is not known": {
    headers: { "grpc-encoding": "snappy" },
    chunks: single(event()),
    status: "12",
  },
  identity: {
    headers: { "grpc-encoding": "identity" },
    chunks: single(event({ event_id: "mine" })),
    status: "0",
  },
  "an answer that may be compressed, and is short": {
    headers: { "grpc-accept-encoding": "identity,deflate,gzip" },
    chunks: single(event({ event_id: "mine" })),
    status: "0",
  },
  "encodings that are not known": {
    headers: { "grpc-accept-encoding": "snappy, identity" },
    chunks: single(event({ event_id: "mine" })),
    status: "0",
  },
  "a message over the limit": {
    chunks: single(event({ event_data: { text: "x".repeat(9000) } })),
    status: "8",
  },
  "a length over the limit": { chunks: [frame(new Uint8Array(), 0, 0xffffffff)], status: "8" },
  "the trace of the caller": {
    headers: {
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      tracestate: "a=b",
    },
    chunks: single(event({ event_id: "mine" })),
    status: "0",
  },
  "a batch": {
    method: "CollectEvents",
    chunks: single(batch({ event_id: "a" }, { event_id: "b" })),
    status: "0",
  },
  "a batch of good and bad": { method: "CollectEvents", chunks: single(batch({}, bad)), status: "0" },
  "a batch with an answer that is compressed": {
    method: "CollectEvents",
    headers: { "grpc-accept-encoding": "br;q=1, br, gzip" },
    chunks: single(batch(...named)),
    status: "0",
  },
  "a batch with a long answer": { method: "CollectEvents", chunks: single(batch(...named)), status: "0" },
  "a batch of nothing": { method: "CollectEvents", chunks: single(new Uint8Array()), status: "3" },
  "a batch of too many": {
    method: "CollectEvents",
    chunks: single(batch(...Array.from({ length: 11 }, () => ({})))),
    status: "3",
  },
  "no key": { headers: { authorization: "" }, chunks: single(event()), status: "16" },
};

const HEADERS = { authorization: "Bearer secret", "content-type": "application/grpc", te: "trailers" };

function schemaOf(method: string): typeof CollectEventResponseSchema | typeof CollectEventsResponseSchema {
  return method === "CollectEvent" ? CollectEventResponseSchema : CollectEventsResponseSchema;
}

/** The ids and times that are made anew each time, by their shapes. */
function withoutChance(value: unknown): unknown {
  const text = JSON.stringify(value, (_name, one: unknown) => (typeof one === "bigint" ? String(one) : one));
  return JSON.parse(
    text
      .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, "<uuid>")
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, "<now>"),
  ) as unknown;
}

function messagesOf(body: Buffer, method: string, encoding: string | undefined): unknown[] {
  const messages: unknown[] = [];
  for (let at = 0; at < body.length;) {
    const end = at + 5 + body.readUInt32BE(at + 1);
    const bytes = body.subarray(at + 5, end);
    const isCompressed = body[at] === 1;
    const undo = encoding === "br" ? brotliDecompressSync : gunzipSync;
    const message = fromBinary(schemaOf(method), isCompressed ? undo(bytes) : bytes);
    messages.push({ isCompressed, ...message });
    at = end;
  }
  return messages;
}

async function call(
  session: ClientHttp2Session,
  { method = "CollectEvent", headers = {}, chunks }: Case,
  more: Readonly<Record<string, string>>,
): Promise<Pick<Seen, "headers" | "trailers" | "messages">> {
  const stream = session.request({
    ":method": "POST",
    ":path": `${SERVICE}/${method}`,
    ...HEADERS,
    ...headers,
    ...more,
  });
  const response = once(stream, "response") as Promise<[IncomingHttpHeaders]>;
  let trailers: IncomingHttpHeaders = {};
  stream.on("trailers", (given: IncomingHttpHeaders) => (trailers = given));
  const body: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => body.push(chunk));
  const closed = once(stream, "close");
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  const [answered] = await response;
  await closed;
  const { date: _date, ...stable } = answered;
  const encoding = answered["grpc-encoding"];
  const messages = messagesOf(
    Buffer.concat(body),
    method,
    typeof encoding === "string" ? encoding : undefined,
  );
  return { headers: stable, trailers, messages };
}

function logOf(log: readonly string[], id: string): unknown {
  const lines = log
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ requestId, msg }) => requestId === id && msg === "request");
  return lines.map(({ seconds: _seconds, time: _time, ...rest }) => rest);
}

async function see(
  t: Test,
  { log, records, url }: LiveIngress,
  given: Case,
  way: keyof typeof WAYS,
): Promise<Seen> {
  const session = connect(url);
  t.teardown(() => session.destroy());
  const before = (await records()).length;
  // The same name both times; the log tells the two apart by their order.
  const id = `case-${way}`;
  const logged = (logOf(log, id) as unknown[]).length;
  const answer = await call(session, given, { "x-request-id": id, ...WAYS[way] });
  while ((logOf(log, id) as unknown[]).length === logged)
    await new Promise((resolve) => void setImmediate(resolve));
  const lines = (logOf(log, id) as Record<string, unknown>[]).slice(logged);
  const { "x-request-id": told, ...headers } = answer.headers;
  t.equal(told, id);
  const added = (await records()).slice(before).map(readable);
  session.close();
  return {
    ...answer,
    headers,
    records: added,
    logged: lines.map(({ requestId: _requestId, ...rest }) => rest),
  };
}

function readable({ value, ...record }: SpoolRecord): unknown {
  return { ...record, value: Buffer.from(value).toString("utf8") };
}

await t.test("the same call has the same outcome both ways", async (t) => {
  const ingress = await liveIngress(t, {
    API_KEY: "secret",
    MAX_BATCH_SIZE: "10",
    MAX_BATCH_SIZE_BYTES: "8192",
    LOG_LEVEL: "debug",
  });
  for (const [name, given] of Object.entries(CASES)) {
    const lean = await see(t, ingress, given, "lean");
    const library = await see(t, ingress, given, "library");
    t.strictSame(withoutChance(lean), withoutChance(library), name);
    if (given.status === undefined) continue;
    t.equal(lean.trailers["grpc-status"] ?? lean.headers["grpc-status"], given.status, `${name}: its status`);
  }
});

await t.test("so has a call that the spool refuses", async (t) => {
  let full = false;
  const space = async (directory: string): ReturnType<typeof nodeDisk.space> => {
    const measured = await nodeDisk.space(directory);
    return full ? { ...measured, freeBytes: 0 } : measured;
  };
  const ingress = await liveIngress(t, { BUFFER_MIN_FREE_BYTES: "4096" }, { ...nodeDisk, space });
  full = true;
  while ((await fetch(`${ingress.url}/ready`)).status === 200)
    await new Promise((resolve) => void setImmediate(resolve));
  for (const given of [
    { chunks: single(event()) },
    { method: "CollectEvents", chunks: single(batch({})) },
  ] as const) {
    const lean = await see(t, ingress, given, "lean");
    t.strictSame(withoutChance(lean), withoutChance(await see(t, ingress, given, "library")));
    t.match(lean.trailers, { "grpc-status": "14", "retry-after": "5" });
  }
});

await t.test("a call that is reset before its body has ended stores nothing", async (t) => {
  const { url, records } = await liveIngress(t);
  for (const headers of Object.values(WAYS)) {
    const session = connect(url);
    const stream = session.request({
      ":method": "POST",
      ":path": `${SERVICE}/CollectEvent`,
      ...HEADERS,
      ...headers,
    });
    stream.on("error", () => undefined);
    stream.write(frame(event()).subarray(0, 20));
    await new Promise<void>((resolve) => void session.ping(() => resolve()));
    const closed = once(stream, "close");
    stream.close(8);
    await closed;
    t.match(await call(session, { chunks: single(event({ event_id: "after" })) }, headers), {
      trailers: { "grpc-status": "0" },
    });
    session.close();
  }
  t.equal((await records()).length, 2, "but what came after it");
});

await t.test("takes what is plain, and leaves the rest to the library", async (t) => {
  const lean = createLeanCalls(() => t.fail("nothing is stored") as never, undefined as never, {
    messageBytesMax: 1,
  });
  const takes = (
    headers: Record<string, string>,
    route = `${SERVICE}/CollectEvent`,
    isHttp2 = true,
  ): boolean =>
    lean.takes(
      {
        method: "POST",
        headers: { "content-type": "application/grpc", ...headers },
        ...(isHttp2 && { stream: {} }),
      } as never,
      { route } as never,
    );
  t.ok(takes({}));
  t.ok(takes({ "grpc-accept-encoding": "gzip" }));
  t.ok(takes({}, `${SERVICE}/CollectEvents`));
  t.notOk(takes({ "grpc-timeout": "1S" }));
  t.notOk(takes({ "grpc-encoding": "gzip" }));
  t.notOk(takes({ "content-type": "application/grpc-web+proto" }));
  t.notOk(takes({}, `${SERVICE}/StreamEvents`));
  t.notOk(takes({}, `${SERVICE}/CollectEvent`, false));
});
