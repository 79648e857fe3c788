import { execFile } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { connect as connectHttp2, constants, createServer as createHttp2Server } from "node:http2";
import type { ClientHttp2Stream, OutgoingHttpHeaders } from "node:http2";
import { connect } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { join } from "node:path";
import { promisify } from "node:util";
import t from "tap";
import type { Test } from "tap";
import { nodeDisk } from "@event-collector/spool";
import { liveIngress } from "../testing/live-ingress.js";
import { sampleEvent } from "../testing/sample-event.js";
import { createStillClock } from "../testing/still-clock.js";
import { watchAnswer } from "./answer-end.js";
import type { NodeIncoming, NodeOutgoing } from "./incoming.js";
import { forgetRest } from "./unread-body.js";
import type { DiscardLimits } from "./unread-body.js";

const MIB = 1024 * 1024;
const POST = { ":method": "POST", ":path": "/collect" };
const JSON_TYPE = { "content-type": "application/json" };

/** Refuses every request before it has read anything of its body. */
function refuser(limits: DiscardLimits): (incoming: NodeIncoming, outgoing: NodeOutgoing) => void {
  return (incoming, outgoing) => {
    watchAnswer(outgoing, { out: () => forgetRest(incoming, limits), over: () => undefined });
    outgoing.end("no");
  };
}

async function listen(t: Test, server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** Resolves with the text of the answer when it is there as a whole. */
async function answerOf(stream: ClientHttp2Stream): Promise<string> {
  let text = "";
  stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
  await once(stream, "end");
  return text;
}

/** Writes until the stream is closed by the other side; resolves with the code it was closed with. */
async function pour(stream: ClientHttp2Stream): Promise<number | undefined> {
  const piece = Buffer.alloc(64 * 1024);
  const closed = once(stream, "close");
  const pump = (): void => {
    while (!stream.closed && !stream.destroyed && stream.write(piece));
  };
  stream.on("drain", pump);
  pump();
  await closed;
  return stream.rstCode;
}

/** What is sent, with a body to come, and the status of its refusal. */
const REFUSED: [string, OutgoingHttpHeaders, number][] = [
  ["by a handler", { ...POST, "content-type": "application/xml" }, 415],
  ["for its announced size", { ...POST, ...JSON_TYPE, "content-length": 8 * MIB }, 413],
  ["for a key", { ...POST, ...JSON_TYPE, "x-api-key": "guess" }, 401],
  ["for its path", { ...POST, ":path": "/nothing" }, 404],
  ["for its method", { ...POST, ":method": "PUT" }, 405],
  [
    "as a call of gRPC",
    {
      ...POST,
      ":path": "/event_collector.v1.EventCollectorService/CollectEvent",
      "content-type": "application/grpc",
      "x-api-key": "guess",
    },
    200,
  ],
];

await t.test("over HTTP/2 a body that is refused may still be sent to its end", async (t) => {
  const { url } = await liveIngress(t, { API_KEY: "s3cret" });
  const client = connectHttp2(url);
  t.teardown(() => client.destroy());
  for (const [why, headers, status] of REFUSED) {
    const stream = client.request({ "x-api-key": "s3cret", ...headers });
    const answer = answerOf(stream);
    const [head] = (await once(stream, "response")) as [Record<string, unknown>];
    t.equal(head[":status"], status, why);
    await answer;
    // Whatever the server had to say of the stream beside the answer would be here by now.
    for (let turn = 0; turn < 3; turn += 1)
      await new Promise<void>((resolve) => client.ping(() => resolve()));
    t.notOk(stream.closed, `${why}: the stream is open`);
    const closed = once(stream, "close");
    if (status !== 413) stream.end(Buffer.alloc(MIB));
    else stream.close();
    await closed;
    t.equal(stream.rstCode, constants.NGHTTP2_NO_ERROR, why);
  }
});

await t.test("a request is over with its answer, whatever its sender goes on to send", async (t) => {
  const { url } = await liveIngress(t);
  const client = connectHttp2(url);
  t.teardown(() => client.destroy());
  for (let count = 0; count < 5; count += 1) {
    await answerOf(client.request({ ...POST, "content-type": "application/xml" }));
  }
  const inFlight = async (): Promise<string | undefined> =>
    /^collector_requests_in_flight (\d+)$/m.exec(await (await fetch(`${url}/metrics`)).text())?.[1];
  while ((await inFlight()) !== "1") await new Promise((resolve) => void setImmediate(resolve));
  t.pass("this question is the only one");
});

await t.test("a body that goes on beyond the limit is cut after its answer", async (t) => {
  const { url } = await liveIngress(t);
  const client = connectHttp2(url);
  t.teardown(() => client.destroy());
  const stream = client.request({ ...POST, "content-type": "application/xml" });
  const answer = answerOf(stream);
  t.equal(await pour(stream), constants.NGHTTP2_NO_ERROR);
  t.match(JSON.parse(await answer), { code: "unsupported_media_type" });
});

await t.test("so is one that stops, at the deadline", async (t) => {
  const limits = { bytesMax: MIB, timeMax: 10 };

  await t.test("over HTTP/2: its stream, and others go on", async (t) => {
    const port = await listen(t, createHttp2Server(refuser(limits)) as unknown as Server);
    const client = connectHttp2(`http://127.0.0.1:${port}`);
    t.teardown(() => client.destroy());
    const stream = client.request(POST);
    const closed = once(stream, "close");
    t.equal(await answerOf(stream), "no");
    await closed;
    t.equal(stream.rstCode, constants.NGHTTP2_NO_ERROR);
    t.equal(await answerOf(client.request({ ":path": "/" })), "no");
  });

  await t.test("over HTTP/1.1: its connection, after one answer and no second", async (t) => {
    const port = await listen(t, createServer(refuser(limits)));
    const socket = connect(port, "127.0.0.1");
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.on("error", () => undefined);
    const closed = once(socket, "close");
    socket.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n{");
    await closed;
    t.equal(text.match(/HTTP\/1\.1 /g)?.length, 1);
    t.match(text, /\r\n\r\nno$/);
  });
});

await t.test("over HTTP/1.1 what is sent in spite of a refusal is passed over", async (t) => {
  const limits = { bytesMax: MIB, timeMax: 600_000 };
  const port = await listen(t, createServer(refuser(limits)));

  await t.test("and the connection serves the next request", async (t) => {
    const socket = connect(port, "127.0.0.1");
    t.teardown(() => socket.destroy());
    let text = "";
    const served = new Promise<void>((resolve) => {
      socket.on("data", (chunk: Buffer) => {
        text += chunk.toString();
        if (text.match(/\r\n\r\nno/g)?.length === 2) resolve();
      });
    });
    const body = "x".repeat(MIB / 2);
    socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
    socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await served;
    t.equal(text.match(/HTTP\/1\.1 200 /g)?.length, 2);
  });

  await t.test("up to the limit", async (t) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.resume();
    const closed = new Promise((resolve) => void socket.on("close", resolve));
    socket.write(`POST / HTTP/1.1\r\nHost: x\r\nContent-Length: ${100 * MIB}\r\n\r\n`);
    const piece = Buffer.alloc(64 * 1024);
    const pump = (): void => {
      while (!socket.destroyed && socket.write(piece));
    };
    socket.on("drain", pump);
    pump();
    await closed;
    t.pass("the connection is cut");
  });
});

await t.test(
  "over HTTP/1.1 a sender that wants the connection closed sends all and reads the answer",
  async (t) => {
    const { port } = await liveIngress(t, { API_KEY: "s3cret" });
    for (const [why, head] of [
      ["for its size", "X-API-Key: s3cret\r\n"],
      ["for its key", ""],
    ] as const) {
      const socket = connect(port, "127.0.0.1");
      let text = "";
      socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
      const errors: Error[] = [];
      socket.on("error", (error) => errors.push(error));
      const closed = new Promise((resolve) => void socket.on("close", resolve));
      socket.write(
        `POST /collect HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Type: application/json\r\n${head}` +
          `Content-Length: ${2 * MIB}\r\n\r\n`,
      );
      // The refusal is here before the body begins.
      await once(socket, "data");
      for (let piece = 0; piece < 32; piece += 1) {
        await new Promise<void>((resolve) => void socket.write(Buffer.alloc(MIB / 16, 32), () => resolve()));
      }
      await closed;
      t.same(errors, [], why);
      t.match(text, /^HTTP\/1\.1 4\d\d [^]*connection: close[^]*"request_id"/i, why);
    }
  },
);

await t.test("a body that ends after its answer is not taken for a whole one", async (t) => {
  const clock = createStillClock();
  const { url, records } = await liveIngress(t, { REQUEST_TIMEOUT_SECONDS: "2" }, nodeDisk, {}, clock);
  const client = connectHttp2(url);
  t.teardown(() => client.destroy());
  for (const type of ["application/json", "application/x-ndjson"]) {
    const stream = client.request({ ...POST, "content-type": type });
    const event = JSON.stringify(sampleEvent());
    stream.write(type === "application/json" ? `{"events":[${event}` : `${event}\n${event.slice(1, 20)}`);
    // What was sent before this answer has arrived.
    await answerOf(client.request({ ":path": "/health" }).end());
    clock.advance(3_000);
    const [head] = (await once(stream, "response")) as [Record<string, unknown>];
    t.equal(head[":status"], 408, type);
    const closed = once(stream, "close");
    stream.resume();
    stream.end("]}");
    await closed;
  }
  t.same(await records(), [], "nothing is stored of it, not even as rejected");
});

const run = promisify(execFile);
const curl = await run("curl", ["--version"]).then(
  ({ stdout }) => (/HTTP2/.test(stdout) ? true : "curl without HTTP/2"),
  () => "there is no curl",
);

/** Where an answer is lost once in four, the chance that none of so many is lost is below one in a million. */
const TRIES = 25;

await t.test(
  "curl over HTTP/2 sees every refusal, however much it still has to send",
  { skip: curl === true ? false : curl },
  async (t) => {
    const { url, directory } = await liveIngress(t);
    const body = join(directory, "body");
    await writeFile(body, Buffer.alloc(8 * MIB, 32));
    const half = join(directory, "half");
    await writeFile(half, Buffer.alloc(MIB / 2, 32));
    const options = ["--silent", "--http2-prior-knowledge", "--output", join(directory, "answer")];
    options.push("--write-out", "%{http_code}", "--max-time", "60", "--header", "Expect:");
    const post = (...parameters: string[]): Promise<string> =>
      run("curl", [...options, ...parameters, `${url}/collect`]).then(
        ({ stdout }) => stdout,
        (error: Error) => error.message,
      );
    const statuses = new Map<string, number>();
    const unknown = ["--header", "Content-Type: a/b"];
    const json = ["--header", "Content-Type: application/json"];
    for (let count = 0; count < TRIES; count += 1) {
      for (const status of [
        await post(...unknown, "--data", "{}"),
        await post(...unknown, "--data-binary", `@${half}`),
        await post(...json, "--data-binary", `@${body}`),
      ]) {
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
      }
    }
    t.strictSame(
      statuses,
      new Map([
        ["415", 2 * TRIES],
        ["413", TRIES],
      ]),
    );
  },
);
