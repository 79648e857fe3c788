import { connect as connectHttp2 } from "node:http2";
import type { ClientHttp2Session, OutgoingHttpHeaders } from "node:http2";
import { once } from "node:events";
import { connect } from "node:net";
import t from "tap";
import type { Test } from "tap";
import { liveIngress } from "../testing/live-ingress.js";
import { sampleBatch, sampleEvent } from "../testing/sample-event.js";

const RPC = "/event_collector.v1.EventCollectorService/CollectEvents";
const HEALTH_RPC = "/event_collector.v1.EventCollectorService/HealthCheck";
const JSON_TYPE = { "content-type": "application/json" };

/** Sends raw bytes and resolves with all that comes back until the server closes, or until `enough` is true. */
async function raw(port: number, bytes: string | Buffer, enough: (text: string) => boolean): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString("latin1");
    if (enough(text)) socket.destroy();
  });
  socket.on("error", () => undefined);
  socket.write(bytes);
  await new Promise((resolve) => void socket.on("close", resolve));
  return text;
}

function session(t: Test, port: number): ClientHttp2Session {
  const client = connectHttp2(`http://127.0.0.1:${port}`);
  t.teardown(() => client.destroy());
  return client;
}

async function http2Request(
  client: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body: string | Buffer = "",
): Promise<{ status: number; headers: Record<string, unknown>; body: string }> {
  const stream = client.request(headers);
  let answer: Record<string, unknown> = {};
  let text = "";
  stream.on("response", (head) => {
    answer = head;
  });
  stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
  stream.end(body);
  await once(stream, "close");
  return { status: Number(answer[":status"]), headers: answer, body: text };
}

await t.test("a host that is none is refused on every path and hurts nobody", async (t) => {
  const { port, url } = await liveIngress(t);
  const bodyless = "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
  const requests = [
    `POST ${RPC} HTTP/1.1\r\nHost: [\r\n${bodyless}`,
    `POST ${RPC} HTTP/1.1\r\nHost:\r\n${bodyless}`,
    `POST ${RPC} HTTP/1.1\r\nHost: a b\r\n${bodyless}`,
    `POST ${RPC} HTTP/1.0\r\n${bodyless}`,
    `POST ${RPC} HTTP/1.1\r\n${bodyless}`,
    `POST /collect HTTP/1.1\r\nHost: [\r\n${bodyless}`,
    `GET //[ HTTP/1.1\r\nHost: localhost\r\n\r\n`,
  ];
  for (const request of requests) {
    t.match(
      await raw(port, request, (text) => text.includes("\r\n\r\n")),
      /^HTTP\/1\.1 400 /,
      JSON.stringify(request),
    );
  }
  t.equal((await fetch(`${url}/health`)).status, 200, "and the service goes on");
});

await t.test("an :authority that is none is refused in the protocol of the caller", async (t) => {
  const { port, url } = await liveIngress(t);
  const client = session(t, port);
  const post = { ":method": "POST", ":path": RPC, ":authority": "[" };
  const rpc = await http2Request(client, { ...post, "content-type": "application/grpc" });
  t.match(rpc.headers, { ":status": 200, "grpc-status": "3" });
  const connectRpc = await http2Request(client, { ...post, ...JSON_TYPE });
  t.equal(connectRpc.status, 400);
  t.match(JSON.parse(connectRpc.body), { code: "invalid_argument" });
  const rest = await http2Request(client, { ...post, ":path": "/collect", ...JSON_TYPE });
  t.equal(rest.status, 400);
  t.equal((await fetch(`${url}/health`)).status, 200, "and the service goes on");
});

await t.test("with an API key", async (t) => {
  const { url, port, records } = await liveIngress(t, { API_KEY: "s3cret" });
  const body = sampleBatch(sampleEvent());

  await t.test("a request without it is answered with 401 and how to identify oneself", async (t) => {
    const response = await fetch(`${url}/collect`, { method: "POST", body, headers: JSON_TYPE });
    t.equal(response.status, 401);
    t.match(response.headers.get("www-authenticate"), /^Bearer /);
    t.match(await response.json(), { code: "unauthenticated" });
  });

  await t.test("so are metrics, statistics, unknown paths and other spellings of open paths", async (t) => {
    for (const path of [
      "/metrics",
      "/buffer/stats",
      "/nothing",
      "//health",
      "/health/",
      "/HEALTH",
      "/%68ealth",
    ]) {
      t.equal((await fetch(url + path)).status, 401, path);
    }
    t.match(
      await raw(port, `GET http://x/metrics HTTP/1.1\r\nHost: x\r\n\r\n`, (text) =>
        text.includes("\r\n\r\n"),
      ),
      /^HTTP\/1\.1 401 /,
      "absolute form",
    );
  });

  await t.test("RPCs are refused in the protocol of the caller, before their message is read", async (t) => {
    const client = session(t, port);
    const head = { ":method": "POST", ":path": RPC };
    const grpc = await http2Request(
      client,
      { ...head, "content-type": "application/grpc" },
      "no message at all",
    );
    t.match(grpc.headers, { ":status": 200, "content-type": "application/grpc", "grpc-status": "16" });
    const web = await http2Request(
      client,
      { ...head, "content-type": "application/grpc-web+proto" },
      "no message",
    );
    t.match(web.headers, { ":status": 200, "grpc-status": "16" });
    const unary = await http2Request(client, { ...head, ...JSON_TYPE }, "no message");
    t.equal(unary.status, 401);
    t.match(JSON.parse(unary.body), { code: "unauthenticated" });
    const stream = await http2Request(client, {
      ...head,
      ":path": "/event_collector.v1.EventCollectorService/StreamEvents",
      "content-type": "application/connect+json",
    });
    t.equal(stream.status, 200);
    t.match(stream.body.slice(5), /"code":"unauthenticated"/);
  });

  await t.test("health and readiness are open, over REST and RPC", async (t) => {
    t.equal((await fetch(`${url}/health`)).status, 200);
    t.equal((await fetch(`${url}/ready?verbose`)).status, 200);
    t.equal((await fetch(url + HEALTH_RPC, { method: "POST", body: "{}", headers: JSON_TYPE })).status, 200);
  });

  await t.test("with it, in either header, everything works", async (t) => {
    for (const key of [{ authorization: "Bearer s3cret" }, { "x-api-key": "s3cret" }]) {
      const response = await fetch(`${url}/collect`, {
        method: "POST",
        body,
        headers: { ...JSON_TYPE, ...key },
      });
      t.equal(response.status, 200);
      t.equal((await fetch(`${url}/metrics`, { headers: key })).status, 200);
    }
  });

  await t.test("nothing unauthenticated was stored", async (t) => {
    t.equal((await records()).length, 2);
  });
});

await t.test("with a list of origins", async (t) => {
  const { url } = await liveIngress(t, { CORS_ORIGINS: "https://app.example.org", API_KEY: "s3cret" });
  const origin = "https://app.example.org";
  const preflight = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type",
  };

  await t.test("a preflight is answered on every path, without a key", async (t) => {
    for (const path of ["/collect", RPC]) {
      const response = await fetch(url + path, { method: "OPTIONS", headers: { origin, ...preflight } });
      t.equal(response.status, 204, path);
      t.equal(response.headers.get("access-control-allow-origin"), origin);
      t.match(response.headers.get("access-control-allow-headers"), /Connect-Protocol-Version/);
    }
  });

  await t.test("a preflight names every header and method that the clients of pages use", async (t) => {
    const wanted = [
      "content-type",
      "connect-protocol-version",
      "connect-timeout-ms",
      "x-grpc-web",
      "x-user-agent",
      "grpc-timeout",
      "authorization",
      "x-api-key",
      "content-encoding",
    ];
    for (const path of ["/collect", RPC]) {
      const response = await fetch(url + path, {
        method: "OPTIONS",
        headers: { origin, ...preflight, "access-control-request-headers": wanted.join(",") },
      });
      const listOf = (name: string): string[] => (response.headers.get(name) ?? "").toLowerCase().split(", ");
      for (const name of wanted)
        t.ok(listOf("access-control-allow-headers").includes(name), `${path}: ${name}`);
      t.ok(listOf("access-control-allow-methods").includes("post"), path);
      t.equal(response.headers.get("access-control-allow-credentials"), null);
      t.equal(response.headers.get("vary"), "Origin");
    }
  });

  await t.test("a page reads the status of gRPC-Web, also where there is none but headers", async (t) => {
    const headers = { origin, "content-type": "application/grpc-web+proto", "x-grpc-web": "1" };
    const refused = await fetch(url + RPC, { method: "POST", headers, body: new Uint8Array(5) });
    t.equal(refused.headers.get("grpc-status"), "16");
    const answered = await fetch(url + HEALTH_RPC, { method: "POST", headers, body: new Uint8Array(5) });
    t.match(Buffer.from(await answered.arrayBuffer()).toString("latin1"), /grpc-status: ?0/);
    for (const response of [refused, answered]) {
      t.equal(response.headers.get("access-control-allow-origin"), origin);
      const exposed = (response.headers.get("access-control-expose-headers") ?? "").toLowerCase().split(", ");
      for (const name of ["grpc-status", "grpc-message", "grpc-status-details-bin", "retry-after"]) {
        t.ok(exposed.includes(name), name);
      }
    }
  });

  await t.test("answers, also refusals, can be read by a listed page", async (t) => {
    for (const path of ["/collect", RPC]) {
      const response = await fetch(url + path, {
        method: "POST",
        body: "{}",
        headers: { origin, ...JSON_TYPE },
      });
      t.equal(response.status, 401, path);
      t.equal(response.headers.get("access-control-allow-origin"), origin);
      t.match(response.headers.get("access-control-expose-headers"), /Grpc-Status/);
    }
  });

  await t.test("pages of other origins are turned away", async (t) => {
    const headers = { origin: "https://evil.example", "x-api-key": "s3cret", ...JSON_TYPE };
    const response = await fetch(`${url}/collect`, {
      method: "POST",
      body: sampleBatch(sampleEvent()),
      headers,
    });
    t.equal(response.status, 403);
    t.equal(response.headers.get("access-control-allow-origin"), null);
    t.match(await response.json(), { code: "origin_forbidden" });
  });
});

await t.test(
  "a request's id is given back, or one is made; one that is unfit for a log is replaced",
  async (t) => {
    const { url } = await liveIngress(t);
    const idOf = async (headers: Record<string, string>): Promise<string | null> =>
      (await fetch(`${url}/health`, { headers })).headers.get("x-request-id");
    t.equal(await idOf({ "x-request-id": "trace-7:a.b_c" }), "trace-7:a.b_c");
    t.match(await idOf({}), /^[0-9a-f-]{36}$/);
    t.match(await idOf({ "x-request-id": "a b" }), /^[0-9a-f-]{36}$/);
    t.match(await idOf({ "x-request-id": "x".repeat(129) }), /^[0-9a-f-]{36}$/);
  },
);

await t.test("an announced body over the limit is refused before it is sent", async (t) => {
  const { port, url } = await liveIngress(t, { MAX_BATCH_SIZE_BYTES: "2048" });

  await t.test("to a sender that waits for 100 Continue", async (t) => {
    const head = `POST /collect HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n`;
    const large = await raw(
      port,
      `${head}Content-Type: application/json\r\nContent-Length: 2049\r\n\r\n`,
      () => false,
    );
    t.match(large, /^HTTP\/1\.1 413 /);
    t.match(large, /"limit":2048,"unit":"bytes"/);
  });

  await t.test("over RPC with the status that REST has", async (t) => {
    const response = await fetch(url + RPC, { method: "POST", body: "x".repeat(2049), headers: JSON_TYPE });
    t.equal(response.status, 413);
    t.match(await response.json(), { code: "resource_exhausted" });
  });

  await t.test("and the connection still serves the next request", async (t) => {
    const next = "GET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    const large = `POST /collect HTTP/1.1\r\nHost: x\r\nContent-Length: 4096\r\n\r\n${"x".repeat(4096)}`;
    const text = await raw(port, large + next, (answers) => answers.includes('"healthy"'));
    t.match(text, /^HTTP\/1\.1 413 [^]*HTTP\/1\.1 200 /);
  });

  await t.test("but one that is sent without end is cut", async (t) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write("POST /collect HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n");
    const chunk = Buffer.alloc(256 * 1024);
    const pump = (): void => {
      while (!socket.destroyed && socket.write(chunk));
    };
    socket.on("drain", pump);
    pump();
    await new Promise((resolve) => void socket.on("close", resolve));
    t.pass("the server closed it");
  });
});

await t.test("a sender that waits for 100 Continue gets it when its request is welcome", async (t) => {
  const { port } = await liveIngress(t);
  const body = sampleBatch(sampleEvent());
  const socket = connect(port, "127.0.0.1");
  socket.write(
    `POST /collect HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nConnection: close\r\n` +
      `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`,
  );
  let text = "";
  socket.on("data", (chunk: Buffer) => {
    text += chunk.toString();
    if (text === "HTTP/1.1 100 Continue\r\n\r\n") socket.write(body);
  });
  await once(socket, "close");
  t.match(text, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK/);
});

await t.test("HTTP/1.1 and HTTP/2 answer alike", async (t) => {
  const { port, url } = await liveIngress(t);
  const client = session(t, port);
  const body = sampleBatch(sampleEvent(), sampleEvent({ learner_id: "" }));
  const overHttp2 = await http2Request(
    client,
    { ":method": "POST", ":path": "/collect", ...JSON_TYPE },
    body,
  );
  const overHttp1 = await fetch(`${url}/collect`, { method: "POST", body, headers: JSON_TYPE });
  t.equal(overHttp2.status, overHttp1.status);
  const steady = (answer: object): object => ({ ...answer, batch_id: "", timestamp: "" });
  t.same(steady(JSON.parse(overHttp2.body) as object), steady((await overHttp1.json()) as object));
});
