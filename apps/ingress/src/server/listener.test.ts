import { once } from "node:events";
import { connect } from "node:net";
import { connect as connectHttp2 } from "node:http2";
import t from "tap";
import { liveIngress } from "../testing/live-ingress.js";
import { sampleBatch, sampleEvent } from "../testing/sample-event.js";

/** All that comes back until the server closes the connection. */
async function answerTo(port: number, bytes: string, then: "wait" | "end" = "wait"): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
  socket.on("error", () => undefined);
  if (then === "end") socket.end(bytes);
  else socket.write(bytes);
  await new Promise((resolve) => void socket.on("close", resolve));
  return text;
}

await t.test("a request whose head or body does not arrive in time is ended with 408", async (t) => {
  const { port, url } = await liveIngress(t, { HEADERS_TIMEOUT_SECONDS: "2", REQUEST_TIMEOUT_SECONDS: "2" });
  const [head, body] = await Promise.all([
    answerTo(port, "GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: "),
    answerTo(
      port,
      "POST /collect HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{",
    ),
  ]);
  t.match(head, /^HTTP\/1\.1 408 /);
  t.match(body, /^HTTP\/1\.1 408 [^]*connection: close[^]*"code":"request_timeout"/i);
  t.equal((await fetch(`${url}/health`)).status, 200, "others are served");
});

await t.test(
  "an HTTP/2 request whose body does not arrive in time is answered with 408, others of its connection go on",
  async (t) => {
    const { url } = await liveIngress(t, { REQUEST_TIMEOUT_SECONDS: "2" });
    const client = connectHttp2(url);
    t.teardown(() => client.destroy());
    const slow = client.request({
      ":method": "POST",
      ":path": "/collect",
      "content-type": "application/json",
    });
    slow.on("error", () => undefined);
    slow.write("{");
    const [answer] = (await once(slow, "response")) as [Record<string, unknown>];
    t.equal(answer[":status"], 408);
    slow.resume();
    await once(slow, "close");
    const other = client.request({ ":path": "/health" });
    const [headers] = (await once(other, "response")) as [Record<string, unknown>];
    t.equal(headers[":status"], 200);
  },
);

await t.test("a sender that closes its half after the request gets its answer", async (t) => {
  const { port, records } = await liveIngress(t);
  const body = sampleBatch(sampleEvent());
  const head = `POST /collect HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
  t.match(await answerTo(port, head + body, "end"), /^HTTP\/1\.1 200 [^]*"accepted":1/);
  const twice = await answerTo(port, head + body + head + body, "end");
  t.equal(twice.match(/HTTP\/1\.1 200 /g)?.length, 2, "all of its answers");
  t.equal((await records()).length, 3);
  t.match(await answerTo(port, head + body.slice(1), "end"), /^HTTP\/1\.1 400 /, "in the middle of a body");
  t.equal((await records()).length, 3);
});

await t.test("more connections than allowed are not taken", async (t) => {
  const { port } = await liveIngress(t, { MAX_CONNECTIONS: "1" });
  const first = connect(port, "127.0.0.1");
  t.teardown(() => first.destroy());
  first.write("GET /health HTTP/1.1\r\nHost: x\r\n\r\n");
  await once(first, "data");
  t.equal(await answerTo(port, "GET /health HTTP/1.1\r\nHost: x\r\n\r\n"), "");
});

await t.test("a second port serves the same", async (t) => {
  const { ingress, url } = await liveIngress(t, { GRPC_PORT: "0" });
  const { grpcPort } = ingress;
  t.not(grpcPort, ingress.port);
  t.equal((await fetch(`http://127.0.0.1:${grpcPort}/health`)).status, 200);
  const client = connectHttp2(`http://127.0.0.1:${grpcPort}`);
  t.teardown(() => client.destroy());
  const request = client.request({ ":path": "/health" });
  const [headers] = (await once(request, "response")) as [Record<string, unknown>];
  t.equal(headers[":status"], 200);
  t.equal((await fetch(`${url}/health`)).status, 200);
});

await t.test("a port that is taken fails the start and frees what was opened", async (t) => {
  const { port } = await liveIngress(t);
  await t.test("second", async (t) => {
    await t.rejects(liveIngress(t, { HTTP_PORT: String(port) }), { code: "EADDRINUSE" });
    await t.rejects(liveIngress(t, { GRPC_PORT: String(port) }), { code: "EADDRINUSE" });
  });
});
