import { createClient } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
} from "@connectrpc/connect-node";
import { EventCollectorService } from "@event-collector/contract";
import { nodeDisk } from "@event-collector/spool";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { connect as connectHttp2 } from "node:http2";
import { request } from "node:https";
import { connect as connectTcp } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import t from "tap";
import type { Test } from "tap";
import { liveIngress } from "../testing/live-ingress.js";
import type { LiveIngress } from "../testing/live-ingress.js";
import { sampleBatch, sampleEvent } from "../testing/sample-event.js";
import { createAuthority } from "../testing/tls-files.js";

const authority = createAuthority("authority");
const first = authority.issue("first");
const second = authority.issue("second");
const stranger = createAuthority("stranger");

const FILES = { "tls.crt": first.certificate, "tls.key": first.key, "ca.crt": authority.certificate };
const TLS = { TLS_CERT_FILE: "tls.crt", TLS_KEY_FILE: "tls.key" };
const MUTUAL = { ...TLS, TLS_CLIENT_CA_FILE: "ca.crt" };
const ca = authority.certificate;

function start(t: Test, environment: Record<string, string> = TLS): Promise<LiveIngress> {
  return liveIngress(t, environment, nodeDisk, FILES);
}

/** Posts one event over HTTP/1.1; resolves with the status, or the code of the failure. */
function post(port: number, options: object = {}): Promise<number | string> {
  return new Promise((resolve) => {
    const outgoing = request(
      {
        port,
        host: "127.0.0.1",
        path: "/collect",
        method: "POST",
        ca,
        agent: false,
        headers: { "content-type": "application/json" },
        ...options,
      },
      (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode ?? 0));
      },
    );
    outgoing.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    outgoing.end(sampleBatch(sampleEvent()));
  });
}

/** What ALPN agrees on, and who the server says it is. */
async function greet(port: number, protocols: string[]): Promise<{ protocol: unknown; name: unknown }> {
  const socket = connectTls({ port, host: "127.0.0.1", ca, ALPNProtocols: protocols });
  await once(socket, "secureConnect");
  const { CN: name } = socket.getPeerCertificate().subject;
  const protocol = socket.alpnProtocol;
  socket.destroy();
  return { protocol, name };
}

await t.test("one port speaks HTTP/2 and HTTP/1.1 over TLS, as ALPN agrees", async (t) => {
  const { port } = await start(t);
  t.match(await greet(port, ["h2", "http/1.1"]), { protocol: "h2" });
  t.match(await greet(port, ["http/1.1"]), { protocol: "http/1.1" });
  t.match(await greet(port, []), { protocol: false });
  t.equal(await post(port), 200);
  const client = connectHttp2(`https://127.0.0.1:${port}`, { ca });
  t.teardown(() => client.destroy());
  const [headers] = (await once(client.request({ ":path": "/health" }), "response")) as [object];
  t.match(headers, { ":status": 200 });
});

await t.test("every RPC protocol works over TLS", async (t) => {
  const { port, records } = await start(t);
  const baseUrl = `https://127.0.0.1:${port}`;
  const nodeOptions = { ca };
  const transports = [
    createGrpcTransport({ baseUrl, nodeOptions }),
    ...(["1.1", "2"] as const).flatMap((httpVersion) => [
      createConnectTransport({ baseUrl, httpVersion, nodeOptions }),
      createGrpcWebTransport({ baseUrl, httpVersion, nodeOptions }),
    ]),
  ];
  const event = {
    learnerId: "l",
    courseId: "c",
    lessonId: "x",
    eventType: "lesson_started",
    eventData: {},
    timestamp: "2024-01-15T10:30:00Z",
  };
  for (const transport of transports) {
    t.match(await createClient(EventCollectorService, transport).collectEvent(event), { success: true });
  }
  t.equal((await records()).length, transports.length);
});

await t.test("cleartext is not answered on it, and hurts nobody", async (t) => {
  const { port } = await start(t);
  const socket = connectTcp(port, "127.0.0.1");
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString("latin1")));
  socket.on("error", () => undefined);
  socket.write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
  await new Promise((resolve) => void socket.on("close", resolve));
  t.notMatch(text, /HTTP/);
  t.equal(await post(port), 200);
});

await t.test(
  "a handshake that does not end is ended, and so is a head that does not come after one",
  async (t) => {
    const { port } = await start(t, { ...TLS, HEADERS_TIMEOUT_SECONDS: "1" });
    const mute = connectTcp(port, "127.0.0.1");
    const muteAfterwards = connectTls({ port, host: "127.0.0.1", ca, ALPNProtocols: ["http/1.1"] });
    for (const socket of [mute, muteAfterwards]) {
      socket.on("error", () => undefined);
      socket.resume();
    }
    await Promise.all(
      [mute, muteAfterwards].map((socket) => new Promise((end) => void socket.on("close", end))),
    );
    // On a busy machine a handshake may take that long too.
    while ((await post(port)) !== 200) await wait(5);
    t.pass("others are served");
  },
);

await t.test("with authorities for clients", async (t) => {
  const { port } = await start(t, MUTUAL);
  const client = authority.issue("client");
  const impostor = stranger.issue("client");

  await t.test("a certificate of theirs is let in", async (t) => {
    t.equal(await post(port, { cert: client.certificate, key: client.key }), 200);
  });

  await t.test("none at all, and one of somebody else, is not, over either HTTP version", async (t) => {
    for (const identity of [{}, { cert: impostor.certificate, key: impostor.key }]) {
      t.type(await post(port, identity), "string", "it fails before any answer");
      const session = connectHttp2(`https://127.0.0.1:${port}`, { ca, ...identity });
      session.on("error", () => undefined);
      const stream = session.request({ ":path": "/health" });
      stream.on("response", () => t.fail("it was answered"));
      stream.on("error", () => undefined);
      await new Promise((resolve) => void stream.on("close", resolve));
    }
  });
});

await t.test("a new certificate serves new connections, and open ones go on", async (t) => {
  const { port, directory, ingress } = await start(t);
  const open = connectHttp2(`https://127.0.0.1:${port}`, { ca });
  t.teardown(() => open.destroy());
  await once(open, "connect");
  t.match(await greet(port, ["h2"]), { name: "first" });
  await writeFile(join(directory, "tls.crt"), second.certificate);
  await writeFile(join(directory, "tls.key"), second.key);
  await ingress.reload();
  t.match(await greet(port, ["h2"]), { name: "second" });
  const [headers] = (await once(open.request({ ":path": "/health" }), "response")) as [object];
  t.match(headers, { ":status": 200 });
});

await t.test("a new certificate is noticed without being told", async (t) => {
  const { port, directory } = await start(t, { ...TLS, RELOAD_SECONDS: "1" });
  await writeFile(join(directory, "tls.crt"), second.certificate);
  await writeFile(join(directory, "tls.key"), second.key);
  while ((await greet(port, ["h2"])).name !== "second") await wait(50);
  t.equal(await post(port), 200);
});

await t.test("a pair that does not fit keeps the old one, and alarms", async (t) => {
  const { port, directory, ingress, log } = await start(t, { ...TLS, ADMIN_PORT: "0" });
  const failed = async (): Promise<boolean> => {
    const metrics = await fetch(`http://127.0.0.1:${ingress.adminPort}/metrics`);
    return (await metrics.text()).includes('collector_reload_failed{file="TLS_CERT_FILE"} 1');
  };
  await writeFile(join(directory, "tls.crt"), second.certificate);
  await ingress.reload();
  t.match(await greet(port, ["h2"]), { name: "first" });
  t.match(log.join(""), /TLS_KEY_FILE: the key does not belong to the certificate/);
  t.ok(await failed());
  await writeFile(join(directory, "tls.key"), second.key);
  await ingress.reload();
  t.match(await greet(port, ["h2"]), { name: "second" });
  t.notOk(await failed());
});

const BROKEN: [string, Record<string, string>, RegExp][] = [
  ["no certificate", { "tls.crt": "none" }, /^TLS_CERT_FILE: /],
  ["no key", { "tls.key": "none" }, /^TLS_KEY_FILE: /],
  ["the key of another certificate", { "tls.key": second.key }, /^TLS_KEY_FILE: .*TLS_CERT_FILE/],
  ["no authority", { "ca.crt": "none" }, /^TLS_CLIENT_CA_FILE: /],
];

for (const [what, files, message] of BROKEN) {
  await t.test(`${what} stops the start and names the variable`, async (t) => {
    await t.rejects(liveIngress(t, MUTUAL, nodeDisk, { ...FILES, ...files }), {
      name: "ConfigError",
      message,
    });
  });
}

await t.test("under TLS a drain ends idle connections of both versions", async (t) => {
  const { port, ingress } = await start(t);
  const http2 = connectHttp2(`https://127.0.0.1:${port}`, { ca });
  await once(http2, "connect");
  const http1 = connectTls({ port, host: "127.0.0.1", ca, ALPNProtocols: ["http/1.1"] });
  http1.on("error", () => undefined);
  http1.write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
  await once(http1, "data");
  http1.resume();
  const closed = Promise.all([once(http2, "close"), once(http1, "close")]);
  await ingress.drain();
  await closed;
});
