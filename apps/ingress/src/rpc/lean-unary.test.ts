/** The same calls over Connect and gRPC-Web go both ways, and nobody can tell the answers, the records and the log apart. */
import { nodeDisk } from "@event-collector/spool";
import { once } from "node:events";
import { request } from "node:http";
import type { IncomingMessage } from "node:http";
import { connect } from "node:http2";
import type { IncomingHttpHeaders } from "node:http2";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import t from "tap";
import type { Test } from "tap";
import { eventMessage, grpcFrame } from "../testing/grpc-calls.js";
import { fullIngress } from "../testing/full-ingress.js";
import { liveIngress } from "../testing/live-ingress.js";
import type { LiveIngress } from "../testing/live-ingress.js";
import { sampleEvent } from "../testing/sample-event.js";
import { createStillClock } from "../testing/still-clock.js";
import { CONNECT_CALLS, WEB_CALLS } from "../testing/unary-calls.js";
import type { UnaryCall } from "../testing/unary-calls.js";

const SERVICE = "/event_collector.v1.EventCollectorService";

interface Protocol {
  readonly calls: Readonly<Record<string, UnaryCall>>;
  readonly headers: Readonly<Record<string, string>>;
  /** A deadline makes a call go the library's way; an hour changes nothing else. */
  readonly library: Readonly<Record<string, string>>;
}

const PROTOCOLS: Readonly<Record<string, Protocol>> = {
  Connect: {
    calls: CONNECT_CALLS,
    headers: { "content-type": "application/json" },
    library: { "connect-timeout-ms": "3600000" },
  },
  "gRPC-Web": { calls: WEB_CALLS, headers: {}, library: { "grpc-timeout": "1H" } },
};

interface Answer {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly trailers: IncomingHttpHeaders;
}

type Send = (url: string, call: UnaryCall, headers: Readonly<Record<string, string>>) => Promise<Answer>;

const HTTP: Readonly<Record<string, Send>> = {
  "HTTP/1.1": async (url, { verb = "POST", method = "CollectEvent", query = "", ...call }, headers) => {
    const outgoing = request(`${url}${SERVICE}/${method}${query}`, { method: verb, headers, agent: false });
    const answered = once(outgoing, "response") as Promise<[IncomingMessage]>;
    outgoing.flushHeaders();
    for (const chunk of call.chunks) outgoing.write(chunk);
    if (call.staysOpen !== true) outgoing.end();
    const [incoming] = await answered;
    const body: Buffer[] = [];
    for await (const chunk of incoming) body.push(chunk as Buffer);
    outgoing.destroy();
    const { statusCode: status, trailers } = incoming;
    return { status, headers: incoming.headers, body: Buffer.concat(body), trailers };
  },
  "HTTP/2": async (url, { verb = "POST", method = "CollectEvent", query = "", ...call }, headers) => {
    const session = connect(url);
    const stream = session.request({
      ":method": verb,
      ":path": `${SERVICE}/${method}${query}`,
      ...headers,
    });
    const answered = once(stream, "response") as Promise<[IncomingHttpHeaders]>;
    const body: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => body.push(chunk));
    const [ended, closed] = [once(stream, "end"), once(stream, "close")];
    let trailers: IncomingHttpHeaders = {};
    stream.on("trailers", (given: IncomingHttpHeaders) => (trailers = given));
    for (const chunk of call.chunks) stream.write(chunk);
    if (call.staysOpen !== true) stream.end();
    const [{ ":status": status, ...answer }] = await answered;
    await ended;
    stream.end();
    await closed;
    session.close();
    return { status: Number(status), headers: answer, body: Buffer.concat(body), trailers };
  },
};

/** The ids and times that are made anew each time, by their shapes. */
function withoutChance(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value)
      .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, "<uuid>")
      .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, "<now>"),
  ) as unknown;
}

/** The body as text of one character a byte; what was compressed by its content, whose length is chance. */
function readable({ headers, body, ...answer }: Answer): unknown {
  const { date: _date, ...stable } = headers;
  const encoding = headers["content-encoding"] ?? headers["grpc-encoding"];
  const undo = encoding === "br" ? brotliDecompressSync : gunzipSync;
  if (headers["content-encoding"] !== undefined) {
    const { "content-length": _length, ...rest } = stable;
    return { ...answer, headers: rest, body: undo(body).toString("latin1") };
  }
  if (!String(headers["content-type"]).startsWith("application/grpc-web") || body.length < 5) {
    return { ...answer, headers: stable, body: body.toString("latin1") };
  }
  const frames: unknown[] = [];
  for (let at = 0; at < body.length;) {
    const end = at + 5 + body.readUInt32BE(at + 1);
    const flags = body.readUInt8(at);
    const message = body.subarray(at + 5, end);
    frames.push({ flags, message: ((flags & 1) === 1 ? undo(message) : message).toString("latin1") });
    at = end;
  }
  return { ...answer, headers: stable, frames };
}

function requestsLogged(log: readonly string[]): Record<string, unknown>[] {
  return log
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ msg }) => msg === "request")
    .map(({ seconds: _seconds, time: _time, ...rest }) => rest);
}

async function see(
  { url, log, records }: LiveIngress,
  send: Send,
  call: UnaryCall,
  headers: Readonly<Record<string, string>>,
): Promise<{ readonly seen: unknown; readonly answer: Answer }> {
  const [stored, logged] = [(await records()).length, requestsLogged(log).length];
  const answer = await send(url, call, headers);
  while (requestsLogged(log).length === logged) await new Promise((resolve) => void setImmediate(resolve));
  const added = (await records()).slice(stored).map(({ value, ...record }) => ({
    ...record,
    value: Buffer.from(value).toString("utf8"),
  }));
  const seen = { answer: readable(answer), records: added, log: requestsLogged(log).slice(logged) };
  return { seen: withoutChance(seen), answer };
}

const ENVIRONMENT = {
  API_KEY: "secret",
  CORS_ORIGINS: "https://learn.example",
  MAX_BATCH_SIZE: "10",
  MAX_BATCH_SIZE_BYTES: "8192",
  LOG_LEVEL: "debug",
};

async function compare(t: Test, protocol: Protocol, send: Send): Promise<void> {
  const ingress = await liveIngress(t, ENVIRONMENT);
  for (const [name, call] of Object.entries(protocol.calls)) {
    const headers = {
      authorization: "Bearer secret",
      "x-request-id": "the-call",
      ...protocol.headers,
      ...call.headers,
    };
    const lean = await see(ingress, send, call, headers);
    const library = await see(ingress, send, call, { ...headers, ...protocol.library });
    t.strictSame(lean.seen, library.seen, name);
    if (call.status !== undefined) t.equal(lean.answer.status, call.status, `${name}: its status`);
  }
}

const PLAIN: Readonly<Record<string, UnaryCall | undefined>> = {
  Connect: CONNECT_CALLS["a good event"],
  "gRPC-Web": WEB_CALLS["a good event"],
};

for (const [name, protocol] of Object.entries(PROTOCOLS)) {
  for (const [version, send] of Object.entries(HTTP)) {
    await t.test(`${name} over ${version}: a call has the same outcome both ways`, (t) =>
      compare(t, protocol, send),
    );
  }
}

await t.test("so has a call that the spool refuses", async (t) => {
  const ingress = await fullIngress(t);
  for (const [name, { headers, library }] of Object.entries(PROTOCOLS)) {
    for (const [version, send] of Object.entries(HTTP)) {
      const { headers: more, ...call } = PLAIN[name] ?? { chunks: [] };
      const given = { ...headers, ...more, "x-request-id": "the-call" };
      const lean = await see(ingress, send, call, given);
      const other = await see(ingress, send, call, { ...given, ...library });
      t.strictSame(lean.seen, other.seen, `${name} over ${version}`);
      if (name === "Connect") t.match(lean.answer, { status: 503, headers: { "retry-after": "5" } });
    }
  }
});

/** The beginning of a frame, or of what stands for itself. */
const HALVES: Readonly<Record<string, Buffer>> = {
  Connect: Buffer.from('{"learner_id":"half"'),
  "gRPC-Web": Buffer.of(0, 0, 0, 1, 0, 0x0a),
};

/** Sends half of a body and goes away. */
const GOING: Readonly<
  Record<string, (url: string, headers: Readonly<Record<string, string>>, half: Buffer) => Promise<void>>
> = {
  "HTTP/1.1": async (url, headers, half) => {
    const given = { ...headers, "content-length": "1000" };
    const outgoing = request(`${url}${SERVICE}/CollectEvent`, {
      method: "POST",
      headers: given,
      agent: false,
    });
    const failed = once(outgoing, "error").catch(() => undefined);
    await new Promise((resolve) => void outgoing.write(half, resolve));
    outgoing.destroy(new Error("gone"));
    await failed;
  },
  "HTTP/2": async (url, headers, half) => {
    const session = connect(url);
    const path = `${SERVICE}/CollectEvent`;
    const stream = session.request({ ":method": "POST", ":path": path, ...headers });
    stream.on("error", () => undefined);
    stream.write(half);
    await new Promise<void>((resolve) => void session.ping(() => resolve()));
    const closed = once(stream, "close");
    stream.close(8);
    await closed;
    session.close();
  },
};

await t.test("a caller that goes away before its body has ended stores nothing", async (t) => {
  const { url, log, records } = await liveIngress(t, { LOG_LEVEL: "debug" });
  for (const [name, { headers, library }] of Object.entries(PROTOCOLS)) {
    for (const [version, go] of Object.entries(GOING)) {
      for (const way of [{}, library]) {
        const logged = requestsLogged(log).length;
        const given = { "content-type": "application/grpc-web", ...headers, ...way };
        await go(url, given, HALVES[name] ?? Buffer.alloc(0));
        while (requestsLogged(log).length === logged)
          await new Promise((resolve) => void setImmediate(resolve));
        t.match(requestsLogged(log).slice(logged), [{ code: "canceled" }], version);
      }
    }
  }
  t.equal((await records()).length, 0);
});

/** Messages that are whole, but for the end of their bodies. */
const WHOLE: Readonly<Record<string, Buffer>> = {
  "application/json": Buffer.from(JSON.stringify(sampleEvent())),
  "application/proto": Buffer.from(eventMessage()),
  "application/grpc-web": grpcFrame(eventMessage()),
  "application/grpc": grpcFrame(eventMessage()),
};

await t.test("a body that ends after its answer is not taken for a whole one", async (t) => {
  const clock = createStillClock();
  const { url, records } = await liveIngress(t, { REQUEST_TIMEOUT_SECONDS: "2" }, nodeDisk, {}, clock);
  const session = connect(url);
  t.teardown(() => session.destroy());
  const path = { ":method": "POST", ":path": `${SERVICE}/CollectEvent` };
  for (const [type, message] of Object.entries(WHOLE)) {
    for (const way of [{}, { "connect-timeout-ms": "3600000", "grpc-timeout": "1H" }]) {
      const stream = session.request({ ...path, "content-type": type, ...way });
      stream.write(message);
      // What was sent before this is answered has arrived.
      await once(session.request({ ":path": "/health" }).resume(), "close");
      clock.advance(3_000);
      await once(stream, "response");
      const closed = once(stream, "close");
      stream.resume();
      stream.end();
      await closed;
    }
  }
  // An event that is stored tells that those before it would have been.
  const { chunks } = PLAIN["Connect"] ?? { chunks: [] };
  await HTTP["HTTP/2"]?.(url, { chunks }, { "content-type": "application/json" });
  t.equal((await records()).length, 1, "nothing is stored of them");
});
