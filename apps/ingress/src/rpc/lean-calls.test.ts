/** The same calls go both ways, and nobody can tell the answers, the records and the log apart. */
import { fromBinary } from "@bufbuild/protobuf";
import {
  CollectEventResponseSchema,
  CollectEventsResponseSchema,
  StreamEventsResponseSchema,
} from "@event-collector/contract";
import type { SpoolRecord } from "@event-collector/contract";
import { once } from "node:events";
import { connect } from "node:http2";
import type { ClientHttp2Session, IncomingHttpHeaders } from "node:http2";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import t from "tap";
import type { Test } from "tap";
import { batchMessage, eventMessage, GRPC_CALLS, grpcFrame, oneFrame } from "../testing/grpc-calls.js";
import type { GrpcCall } from "../testing/grpc-calls.js";
import { fullIngress } from "../testing/full-ingress.js";
import { liveIngress } from "../testing/live-ingress.js";
import type { LiveIngress } from "../testing/live-ingress.js";
import { StreamRequest } from "../server/stream-request.js";
import { createLeanCalls } from "./lean-calls.js";

const SERVICE = "/event_collector.v1.EventCollectorService";

/** A deadline makes a call go the library's way; an hour changes nothing else. */
const WAYS = { lean: {}, library: { "grpc-timeout": "1H" } } as const;

interface Seen {
  readonly headers: IncomingHttpHeaders;
  readonly trailers: IncomingHttpHeaders;
  readonly messages: readonly unknown[];
  readonly records: readonly unknown[];
  readonly logged: unknown;
}

const HEADERS = { authorization: "Bearer secret", "content-type": "application/grpc", te: "trailers" };

const SCHEMAS = {
  CollectEvent: CollectEventResponseSchema,
  CollectEvents: CollectEventsResponseSchema,
  StreamEvents: StreamEventsResponseSchema,
};

/** The ids and times that are made anew each time, by their shapes. */
function withoutChance(value: unknown): unknown {
  const text = JSON.stringify(value, (_name, one: unknown) => (typeof one === "bigint" ? String(one) : one));
  return JSON.parse(
    text
      .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, "<uuid>")
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, "<now>"),
  ) as unknown;
}

function messagesOf(body: Buffer, method: keyof typeof SCHEMAS, encoding: string | undefined): unknown[] {
  const messages: unknown[] = [];
  for (let at = 0; at < body.length;) {
    const end = at + 5 + body.readUInt32BE(at + 1);
    const bytes = body.subarray(at + 5, end);
    const isCompressed = body[at] === 1;
    const undo = encoding === "br" ? brotliDecompressSync : gunzipSync;
    const message = fromBinary<(typeof SCHEMAS)[keyof typeof SCHEMAS]>(
      SCHEMAS[method],
      isCompressed ? undo(bytes) : bytes,
    );
    messages.push({ isCompressed, ...message });
    at = end;
  }
  return messages;
}

async function call(
  session: ClientHttp2Session,
  { method = "CollectEvent", headers = {}, chunks, staysOpen = false }: GrpcCall,
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
  const [ended, closed] = [once(stream, "end"), once(stream, "close")];
  for (const chunk of chunks) stream.write(chunk);
  if (!staysOpen) stream.end();
  const [answered] = await response;
  await ended;
  if (staysOpen) stream.end();
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
  given: GrpcCall,
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
    STREAM_BATCH_SIZE: "3",
    // Groups are cut by their size alone.
    STREAM_LINGER_MS: "10000",
    LOG_LEVEL: "debug",
  });
  for (const [name, given] of Object.entries(GRPC_CALLS)) {
    const lean = await see(t, ingress, given, "lean");
    const library = await see(t, ingress, given, "library");
    t.strictSame(withoutChance(lean), withoutChance(library), name);
    if (given.status === undefined) continue;
    t.equal(lean.trailers["grpc-status"] ?? lean.headers["grpc-status"], given.status, `${name}: its status`);
  }
});

await t.test("so has a call that the spool refuses", async (t) => {
  const ingress = await fullIngress(t);
  for (const given of [
    { chunks: oneFrame(eventMessage()) },
    { method: "CollectEvents", chunks: oneFrame(batchMessage({})) },
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
    stream.write(grpcFrame(eventMessage()).subarray(0, 20));
    await new Promise<void>((resolve) => void session.ping(() => resolve()));
    const closed = once(stream, "close");
    stream.close(8);
    await closed;
    t.match(await call(session, { chunks: oneFrame(eventMessage({ event_id: "after" })) }, headers), {
      trailers: { "grpc-status": "0" },
    });
    session.close();
  }
  t.equal((await records()).length, 2, "but what came after it");
});

function requestWith(headers: Record<string, string>, isHttp2: boolean): unknown {
  return isHttp2 ? new StreamRequest({} as never, headers, []) : { method: headers[":method"], headers };
}

await t.test("takes what is plain, and leaves the rest to the library", async (t) => {
  const lean = createLeanCalls(
    () => t.fail("nothing is stored") as never,
    undefined as never,
    undefined as never,
    undefined as never,
  );
  const takes = (
    headers: Record<string, string>,
    route = `${SERVICE}/CollectEvent`,
    isHttp2 = true,
  ): boolean =>
    lean.takes(
      requestWith({ ":method": "POST", "content-type": "application/grpc", ...headers }, isHttp2) as never,
      { route } as never,
    );
  t.ok(takes({}));
  t.ok(takes({ "grpc-accept-encoding": "gzip" }));
  t.ok(takes({}, `${SERVICE}/CollectEvents`));
  t.notOk(takes({ "grpc-timeout": "1S" }));
  t.notOk(takes({ "grpc-encoding": "gzip" }));
  t.notOk(takes({ "content-type": "application/grpc-web-text" }));
  t.notOk(takes({ "content-type": "application/grpc-web+proto" }, `${SERVICE}/StreamEvents`));
  t.ok(takes({ "content-type": "application/grpc-web+proto" }, `${SERVICE}/CollectEvent`, false));
  t.ok(takes({ "content-type": "application/json" }, `${SERVICE}/CollectEvent`, false));
  t.notOk(takes({ "content-type": "application/json", "content-encoding": "gzip" }));
  t.notOk(takes({ "content-type": "application/json", "connect-timeout-ms": "1" }));
  t.ok(takes({}, `${SERVICE}/StreamEvents`));
  t.notOk(takes({}, `${SERVICE}/HealthCheck`));
  t.notOk(takes({}, `${SERVICE}/CollectEvent`, false));
});
