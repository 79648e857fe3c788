import { once } from "node:events";
import { createServer } from "node:http";
import { connect } from "node:net";
import type { AddressInfo } from "node:net";
import t from "tap";
import * as v from "valibot";
import { problem } from "../openapi/answers.js";
import { liveIngress } from "../testing/live-ingress.js";
import { sampleBatch, sampleEvent } from "../testing/sample-event.js";
import { answerClientErrors } from "./client-error.js";
import { createPipeline } from "./pipeline.js";

interface Answer {
  status: number;
  headers: string;
  body: string;
}

/** Sends bytes and waits for the end of the connection; resolves with the answers in their order. */
async function answersTo(port: number, ...pieces: (string | Buffer)[]): Promise<Answer[]> {
  const socket = connect(port, "127.0.0.1");
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
  socket.on("error", () => undefined);
  for (const piece of pieces) socket.write(piece);
  await new Promise((resolve) => void socket.on("close", resolve));
  return parse(text);
}

function parse(text: string): Answer[] {
  const answers: Answer[] = [];
  for (let rest = text; rest !== "";) {
    const head = rest.slice(0, rest.indexOf("\r\n\r\n"));
    const length = Number(/content-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
    const body = rest.slice(head.length + 4, head.length + 4 + length);
    answers.push({ status: Number(head.slice(9, 12)), headers: head, body });
    rest = rest.slice(head.length + 4 + body.length);
    if (Number.isNaN(length)) break;
  }
  return answers;
}

const GET = "GET /health HTTP/1.1\r\nHost: x\r\n";
const COLLECT = "POST /collect HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
const CHUNKED = `${COLLECT}Transfer-Encoding: chunked\r\n\r\n`;

/** What is sent, and the status and code of the only answer. */
const REFUSED: [string, string | Buffer, number, string][] = [
  ["a TLS handshake", Buffer.from([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 3, 10, 13, 10]), 400, "malformed_request"],
  ["a header without a name", `${GET}: value\r\n\r\n`, 400, "malformed_request"],
  ["a NUL in a header", `${GET}X: a\u0000b\r\n\r\n`, 400, "malformed_request"],
  ["a line that is folded", `${GET}X: a\r\n b\r\n\r\n`, 400, "malformed_request"],
  ["two lengths", `${COLLECT}Content-Length: 1\r\nContent-Length: 2\r\n\r\n`, 400, "malformed_request"],
  [
    "a length and chunks",
    `${COLLECT}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    400,
    "malformed_request",
  ],
  ["a chunk that is none", `${CHUNKED}zz\r\n`, 400, "malformed_request"],
  ["the extensions of a chunk", `${CHUNKED}1;${"a".repeat(20_000)}\r\n`, 413, "body_too_large"],
  ["a head of 20 KB", `${GET}X: ${"a".repeat(20_000)}\r\n\r\n`, 431, "headers_too_large"],
  ["a head of 2 MB", `${GET}X: ${"a".repeat(2_000_000)}\r\n\r\n`, 431, "headers_too_large"],
  ["a target of 20 KB", `GET /${"a".repeat(20_000)} HTTP/1.1\r\n\r\n`, 431, "headers_too_large"],
];

await t.test("what the parser refuses is answered with a problem document and the end", async (t) => {
  const { port, url, records } = await liveIngress(t);
  for (const [what, bytes, status, code] of REFUSED) {
    const answers = await answersTo(port, bytes);
    t.equal(answers.length, 1, `${what}: one answer`);
    const [{ headers, body } = { headers: "", body: "{}" }] = answers;
    t.equal(answers[0]?.status, status, what);
    t.match(headers, /\r\nconnection: close/i, what);
    t.match(headers, /\r\ncontent-type: application\/problem\+json/i, what);
    const parsed = JSON.parse(body) as Record<string, unknown>;
    t.match(parsed, { code, status, request_id: String }, what);
    t.strictSame(v.safeParse(problem, parsed).issues, undefined, what);
    t.match(headers, `x-request-id: ${String(parsed["request_id"])}`, what);
    t.notMatch(body, /HPE|parse|node|llhttp/i, `${what}: no internals`);
  }
  t.equal((await fetch(`${url}/health`)).status, 200, "others are served");
  t.same(await records(), []);
});

await t.test("a head that does not arrive in time is answered so too, with 408", async (t) => {
  const { port } = await liveIngress(t, { HEADERS_TIMEOUT_SECONDS: "1" });
  const [answer, ...others] = await answersTo(port, `${GET}X: `);
  t.equal(answer?.status, 408);
  t.match(JSON.parse(answer?.body ?? ""), { code: "request_timeout", retryable: true });
  t.same(others, []);
});

await t.test("requests that came before are answered first, and what they brought is stored", async (t) => {
  const { port, records } = await liveIngress(t);
  const body = sampleBatch(sampleEvent());
  const post = `${COLLECT}Content-Length: ${body.length}\r\n\r\n${body}`;
  const answers = await answersTo(port, `${post}${post}${GET}\r\nno request at all\r\n\r\n`);
  t.same(
    answers.map(({ status }) => status),
    [200, 200, 200, 400],
  );
  t.match(JSON.parse(answers[0]?.body ?? ""), { accepted: 1 });
  t.equal((await records()).length, 2);
});

await t.test("on the port for operators it is the same", async (t) => {
  const { ingress } = await liveIngress(t, { ADMIN_PORT: "0" });
  const [answer] = await answersTo(ingress.adminPort ?? 0, "no request at all\r\n\r\n");
  t.match(JSON.parse(answer?.body ?? ""), { code: "malformed_request" });
});

await t.test("what comes after the end is passed over, up to a point", async (t) => {
  const { port } = await liveIngress(t);
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  let text = "";
  socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
  const closed = new Promise((resolve) => void socket.on("close", resolve));
  socket.write("no request at all\r\n\r\n");
  const piece = Buffer.alloc(64 * 1024);
  const pump = (): void => {
    while (!socket.destroyed && socket.write(piece));
  };
  socket.on("drain", pump);
  pump();
  await closed;
  t.equal(parse(text).length, 1);
});

await t.test(
  "a head that is here when the process was held up is read before it is called late",
  async (t) => {
    const pipeline = createPipeline((_, response) => response.end("served"));
    const server = createServer(
      { headersTimeout: 1_000, requestTimeout: 0, connectionsCheckingInterval: 10 },
      pipeline.listener,
    );
    answerClientErrors(server, pipeline);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.teardown(() => server.close());
    const taken = once(server, "connection");
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    t.teardown(() => socket.destroy());
    await taken;
    const answer = once(socket, "data") as Promise<[Buffer]>;
    // After this turn timers come first, then what the sockets have.
    await new Promise((resolve) => void setImmediate(resolve));
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
    t.match((await answer)[0].toString(), /^HTTP\/1\.1 200 [^]*served$/);
  },
);
