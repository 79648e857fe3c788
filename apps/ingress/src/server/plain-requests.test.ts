/** The same requests are served as plain ones and by Node's server, and nobody can tell answers, records and logs apart. */
import { subscribe } from "node:diagnostics_channel";
import { nodeDisk } from "@event-collector/spool";
import { once } from "node:events";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { gzipSync } from "node:zlib";
import t from "tap";
import { fullIngress } from "../testing/full-ingress.js";
import { liveIngress } from "../testing/live-ingress.js";
import type { LiveIngress } from "../testing/live-ingress.js";
import { rawTalk, withoutChance } from "../testing/raw-talk.js";
import { sampleBatch, sampleEvent } from "../testing/sample-event.js";
import { createStillClock } from "../testing/still-clock.js";
import { createAuthority } from "../testing/tls-files.js";
import { CONNECT_CALLS, WEB_CALLS } from "../testing/unary-calls.js";
import type { UnaryCall } from "../testing/unary-calls.js";

/** After a request that is no plain one its connection is Node's for good. It is a probe: no limit counts it. */
const PROBE = "GET /health HTTP/1.1\r\nHost: collector\r\n\r\n";

const KEY = "X-API-Key: secret\r\n";
const JSON_TYPE = "Content-Type: application/json\r\n";

function post(body: string | Buffer, headers: string = KEY + JSON_TYPE, target = "/collect"): Buffer {
  const bytes = Buffer.from(body);
  const head = `POST ${target} HTTP/1.1\r\nHost: collector\r\n${headers}Content-Length: ${bytes.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head, "latin1"), bytes]);
}

const good = sampleBatch(sampleEvent({ event_id: "mine" }));
const bad = { learner_id: "", timestamp: "x" };

/** How many requests Node sees of those that could be plain, and what is sent. */
const CASES: Readonly<Record<string, readonly [seenByNode: number, bytes: Buffer]>> = {
  "an event": [0, post(good)],
  "a batch": [0, post(sampleBatch(...Array.from({ length: 10 }, () => sampleEvent())))],
  "a batch of good and bad": [0, post(sampleBatch(sampleEvent(), sampleEvent(bad)))],
  "an event that is rejected": [0, post(sampleBatch(sampleEvent({ ...bad, event_id: "é😀" })))],
  "a batch of nothing": [0, post(sampleBatch())],
  "too many events": [0, post(sampleBatch(...Array.from({ length: 11 }, () => sampleEvent())))],
  "no body": [0, post("")],
  "no JSON": [0, post("{")],
  "no UTF-8": [0, post(Buffer.from(good.replace("mine", "\xff"), "latin1"))],
  "text that is JSON": [0, post(good, `${KEY}Content-Type: text/plain;charset=UTF-8\r\n`)],
  "a type that is not known": [1, post(good, `${KEY}Content-Type: text/html\r\n`)],
  "no type": [1, post(good, KEY)],
  lines: [1, post(JSON.stringify(sampleEvent()), `${KEY}Content-Type: application/x-ndjson\r\n`)],
  "a body that is compressed": [1, post(gzipSync(good), `${KEY}${JSON_TYPE}Content-Encoding: gzip\r\n`)],
  "a body that is too large": [0, post("x".repeat(9000))],
  "a body that is far too large": [0, post("x".repeat(500_000))],
  "no key": [0, post(good, JSON_TYPE)],
  "no key, and a long body": [0, post("x".repeat(8000), JSON_TYPE)],
  "a wrong key": [0, post(good, `Authorization: Bearer wrong\r\n${JSON_TYPE}`)],
  "a key as a bearer": [0, post(good, `Authorization: Bearer secret\r\n${JSON_TYPE}`)],
  "a key in the query": [0, post(good, JSON_TYPE, "/collect?key=secret")],
  "a query": [0, post(good, undefined, "/collect?a=b")],
  "an origin": [0, post(good, `${KEY}${JSON_TYPE}Origin: https://learn.example\r\n`)],
  "an origin that may not": [0, post(good, `${KEY}${JSON_TYPE}Origin: https://else.example\r\n`)],
  "an origin of its own": [0, post(good, `${KEY}${JSON_TYPE}Origin: http://collector\r\n`)],
  "a preflight": [
    1,
    Buffer.from(
      "OPTIONS /collect HTTP/1.1\r\nHost: collector\r\nOrigin: https://learn.example\r\nAccess-Control-Request-Method: POST\r\n\r\n",
    ),
  ],
  "a request id": [0, post(good, `${KEY}${JSON_TYPE}X-Request-Id: the-request\r\n`)],
  "a request id that is none": [0, post(good, `${KEY}${JSON_TYPE}X-Request-Id: a b\r\n`)],
  "a trace": [
    0,
    post(
      good,
      `${KEY}${JSON_TYPE}traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\ntracestate: a=b\r\n`,
    ),
  ],
  "a host that is none": [0, Buffer.from(post(good).toString().replace("Host: collector", "Host: ["))],
  "an empty host": [0, Buffer.from(post(good).toString().replace("Host: collector", "Host:"))],
  "another path": [1, post(good, undefined, "/collect/")],
  "a path that does not take it": [1, post(good, undefined, "/health")],
  GET: [1, Buffer.from(`GET /collect HTTP/1.1\r\nHost: collector\r\n${KEY}\r\n`)],
  HEAD: [1, Buffer.from(`HEAD /collect HTTP/1.1\r\nHost: collector\r\n${KEY}\r\n`)],
  "requests in one packet": [0, Buffer.concat([post(good), post(sampleBatch()), post(good, JSON_TYPE)])],
  "a body that is broken off": [0, post(good).subarray(0, -1)],
  "a body that is broken off and refused": [0, post(good, JSON_TYPE).subarray(0, -1)],
};

const ENVIRONMENT = {
  API_KEY: "secret",
  CORS_ORIGINS: "https://learn.example",
  MAX_BATCH_SIZE: "10",
  MAX_BATCH_SIZE_BYTES: "8192",
};

let seenByNode = 0;
subscribe("http.server.request.start", () => (seenByNode += 1));

interface Sight {
  readonly answers: string;
  readonly seenByNode: number;
  readonly records: unknown;
  readonly log: unknown;
}

function requestsLogged(log: readonly string[]): Record<string, unknown>[] {
  return log
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ msg, route }) => msg === "request" && route !== "/health")
    .map(({ seconds: _seconds, time: _time, ...rest }) => rest);
}

/** What comes of the bytes behind the probe, if there is one. */
async function see({ port, log, records }: LiveIngress, bytes: Buffer, probe = ""): Promise<Sight> {
  const before = { records: (await records()).length, log: requestsLogged(log).length, seen: seenByNode };
  const text = await rawTalk(port, probe, bytes);
  const second = probe === "" ? 0 : text.indexOf("HTTP/1.1", 1);
  const stable = (value: unknown): unknown => JSON.parse(withoutChance(JSON.stringify(value)));
  // An exchange whose connection is gone is over a moment later.
  await new Promise((resolve) => void setImmediate(resolve));
  return {
    answers: withoutChance(text.slice(second)),
    seenByNode: seenByNode - before.seen,
    records: stable(
      (await records()).slice(before.records).map(({ value, ...rest }) => ({
        ...rest,
        value: Buffer.from(value).toString("utf8"),
      })),
    ),
    log: stable(requestsLogged(log).slice(before.log)),
  };
}

for (const [what, environment] of Object.entries({
  "with a key, origins and limits": ENVIRONMENT,
  "with neither": {},
  "with every origin": { CORS_ORIGINS: "*" },
})) {
  await t.test(`${what}: the same answers, records and logs`, async (t) => {
    const ingress = await liveIngress(t, environment);
    for (const [name, [count, bytes]] of Object.entries(CASES)) {
      const plain = await see(ingress, bytes);
      const node = await see(ingress, bytes, PROBE);
      t.equal(plain.seenByNode, count, `${name}: what Node saw`);
      t.strictSame({ ...plain, seenByNode: 0 }, { ...node, seenByNode: 0 }, name);
    }
  });
}

const SERVICE = "/event_collector.v1.EventCollectorService";

/** A call as a request with a length. */
function callOf(
  { method = "CollectEvent", verb = "POST", query = "", headers, chunks }: UnaryCall,
  type: string,
): Buffer {
  const body = Buffer.concat(chunks);
  const given = {
    "content-type": type,
    "x-api-key": "secret",
    ...headers,
    "content-length": String(body.length),
  };
  const lines = Object.entries(given).map(([name, value]) => `${name}: ${value}\r\n`);
  return Buffer.concat([
    Buffer.from(`${verb} ${SERVICE}/${method}${query} HTTP/1.1\r\nHost: collector\r\n${lines.join("")}\r\n`),
    body,
  ]);
}

/** How long a compressed answer is depends on the ids in it, and its bytes do. */
function comparable({ answers, ...sight }: Sight): unknown {
  const isCompressed = /content-encoding: (?:gzip|br)/.test(answers);
  const [head = ""] = answers.split("\r\n\r\n");
  const stable = isCompressed ? head.replace(/content-length: \d+/, "") : answers;
  return { ...sight, answers: stable, seenByNode: 0 };
}

for (const [protocol, type, calls, least] of [
  ["Connect", "application/json", CONNECT_CALLS, 50],
  ["gRPC-Web", "application/grpc-web", WEB_CALLS, 10],
] as const) {
  await t.test(`${protocol}: calls have the same outcome both ways`, async (t) => {
    const ingress = await liveIngress(t, ENVIRONMENT);
    let plainOnes = 0;
    for (const [name, call] of Object.entries(calls)) {
      const plain = await see(ingress, callOf(call, type));
      const node = await see(ingress, callOf(call, type), PROBE);
      t.strictSame(comparable(plain), comparable(node), name);
      if (plain.seenByNode === 0) plainOnes += 1;
    }
    t.ok(plainOnes >= least, `many were plain: ${plainOnes}`);
    const half = callOf(Object.values(calls)[0] ?? { chunks: [] }, type).subarray(0, -1);
    const [plain, node] = [await see(ingress, half), await see(ingress, half, PROBE)];
    t.strictSame({ ...plain, seenByNode: 0 }, { ...node, seenByNode: 0 }, "one that is broken off");
  });
}

await t.test("so they are over TLS", async (t) => {
  const authority = createAuthority("authority");
  const { certificate, key } = authority.issue("collector");
  const files = { "tls.crt": certificate, "tls.key": key };
  const environment = { ...ENVIRONMENT, TLS_CERT_FILE: "tls.crt", TLS_KEY_FILE: "tls.key" };
  const { port } = await liveIngress(t, environment, nodeDisk, files);
  const posts = [post(good), post(sampleBatch()), post("x".repeat(100_000)), post(good)];
  const answers: string[][] = [];
  const seen: number[] = [];
  for (const probe of ["", PROBE]) {
    const socket = connectTls({
      port,
      host: "127.0.0.1",
      ca: authority.certificate,
      ALPNProtocols: ["http/1.1"],
    });
    await once(socket, "secureConnect");
    const before = seenByNode;
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
    const texts: string[] = [];
    for (const bytes of probe === "" ? posts : [Buffer.from(probe), ...posts]) {
      text = "";
      socket.write(bytes);
      // Each answer ends with the end of its document.
      while (!text.endsWith("}")) await once(socket, "data");
      texts.push(withoutChance(text));
    }
    socket.destroy();
    answers.push(texts.slice(-posts.length));
    seen.push(seenByNode - before);
  }
  t.strictSame(answers[0], answers[1]);
  t.match(answers[0], [/^HTTP\/1\.1 200 /, /^HTTP\/1\.1 422 /, /^HTTP\/1\.1 413 /, /^HTTP\/1\.1 200 /]);
  t.strictSame(seen, [0, 5], "what Node saw");
});

await t.test("so they are where the spool refuses", async (t) => {
  const ingress = await fullIngress(t);
  const plain = await see(ingress, post(good));
  const node = await see(ingress, post(good), PROBE);
  t.match(plain.answers, /^HTTP\/1\.1 503 [^]*retry-after: 5\r\n/);
  t.strictSame({ ...plain, seenByNode: 0 }, { ...node, seenByNode: 0 });
});

await t.test("and where rates are limited", async (t) => {
  const limits = { RATE_LIMIT_ADDRESS_PER_SECOND: "1", RATE_LIMIT_ADDRESS_BURST: "3" };
  const sights: unknown[] = [];
  for (const probe of ["", PROBE]) {
    const ingress = await liveIngress(t, limits, nodeDisk, {}, createStillClock());
    const one: unknown[] = [];
    for (let round = 0; round < 5; round += 1)
      one.push({ ...(await see(ingress, post(good), probe)), seenByNode: 0 });
    sights.push(one);
  }
  t.strictSame(sights[0], sights[1]);
  t.match(sights[0], [{}, {}, {}, { answers: /^HTTP\/1\.1 429 / }, { answers: /^HTTP\/1\.1 429 / }]);
});

await t.test("a body that does not arrive in time is answered in the same way", async (t) => {
  const answers: string[] = [];
  for (const probe of ["", PROBE]) {
    const { port, records } = await liveIngress(t, { REQUEST_TIMEOUT_SECONDS: "2" });
    const socket = connect(port, "127.0.0.1");
    t.teardown(() => socket.destroy());
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
    if (probe !== "") {
      socket.write(probe);
      await once(socket, "data");
    }
    text = "";
    socket.write(post(good).subarray(0, -1));
    await once(socket, "close");
    answers.push(withoutChance(text));
    t.strictSame(await records(), []);
  }
  t.equal(answers[0], answers[1]);
  t.match(answers[0], /^HTTP\/1\.1 408 [^]*connection: close\r\n/);
});

await t.test("bodies that are more than can be held are ended in the same way", async (t) => {
  const answers: string[] = [];
  for (const probe of ["", PROBE]) {
    const { port } = await liveIngress(t, {
      MAX_BATCH_SIZE_BYTES: String(512 * 1024),
      MAX_PENDING_BODY_BYTES: String(1024 * 1024),
    });
    const begun = [];
    for (let count = 0; count < 3; count += 1) {
      const socket = connect(port, "127.0.0.1");
      t.teardown(() => socket.destroy());
      socket.on("error", () => undefined);
      if (probe !== "") {
        socket.write(probe);
        await once(socket, "data");
      }
      begun.push(socket);
    }
    const [oldest] = begun;
    if (oldest === undefined) throw new Error("no connection");
    let text = "";
    oldest.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
    for (const socket of begun) {
      socket.write(post("x".repeat(500_000)).subarray(0, -1));
      await new Promise((resolve) => void setImmediate(resolve));
    }
    await once(oldest, "close");
    answers.push(withoutChance(text));
  }
  t.equal(answers[0], answers[1]);
  t.match(answers[0], /^HTTP\/1\.1 503 [^]*connection: close\r\n/);
});

await t.test("a service that ends says so in its last answers, and closes what is idle", async (t) => {
  const ends: string[] = [];
  for (const probe of ["", PROBE]) {
    const { ingress, port } = await liveIngress(t);
    const texts = ["", ""];
    const sockets = texts.map((_, index) => {
      const socket = connect(port, "127.0.0.1");
      socket.on("data", (chunk: Buffer) => (texts[index] += chunk.toString("latin1")));
      return socket;
    });
    const [idle, busy] = sockets;
    if (idle === undefined || busy === undefined) throw new Error("no connection");
    const closed = [once(idle, "close"), once(busy, "close")];
    for (const socket of sockets) {
      if (probe !== "") {
        socket.write(probe);
        await once(socket, "data");
      }
      socket.write(post(good));
      await once(socket, "data");
    }
    texts.fill("");
    const drained = ingress.drain();
    busy.write(post(good).subarray(0, 50));
    busy.write(post(good).subarray(50));
    await Promise.all([...closed, drained]);
    ends.push(...texts.map(withoutChance));
  }
  t.equal(ends[0], "", "the idle one");
  t.match(ends[1], /^HTTP\/1\.1 200 OK\r\n[^]*\r\nconnection: close\r\n/, "the busy one");
  t.strictSame(ends.slice(0, 2), ends.slice(2));
});
