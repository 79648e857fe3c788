/** Senders that drip, fall silent or never end, on raw sockets, against an ingress in a process of its own. */
import { once } from "node:events";
import { connect } from "node:net";
import t from "tap";
import { END_HEADERS, field, FRAME, frame, GREETING, requestFields } from "../testing/http2-frames.js";
import { assertUnharmed, ended, memoryOf, MIB, serveMeanwhile } from "../testing/target.js";
import { startTarget, until } from "../testing/target.js";

const POST = "POST /collect HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";

/** The same over HTTP/2. */
const POST_FIELDS = [...requestFields("POST", "/collect"), ...field("content-type", "application/json")];

await t.test("heads that drip are ended, on HTTP/1.1 and on undecided connections", async (t) => {
  const target = await startTarget(t, { HEADERS_TIMEOUT_SECONDS: "2" });
  const sockets = Array.from({ length: 200 }, () => target.attack());
  await serveMeanwhile(t, target, async () => {
    for (const [index, socket] of sockets.entries()) {
      if (index % 3 === 0) socket.write("GET / HTTP/1.1\r\nHost: x\r\nX: ");
      else if (index % 3 === 1) socket.write("PRI * HTTP/2.0\r\n");
    }
    const drip = setInterval(() => {
      for (const [index, socket] of sockets.entries()) if (index % 3 === 0) socket.write("x");
    }, 100);
    await Promise.all(sockets.map(ended));
    clearInterval(drip);
  });
  t.equal(target.process.errors(), "");
});

await t.test("bodies that drip are ended with 408, on both HTTP versions", async (t) => {
  const target = await startTarget(t, { REQUEST_TIMEOUT_SECONDS: "5" });
  const http1 = Array.from({ length: 50 }, () => target.attack());
  const http2 = target.attack();
  http2.resume();
  await serveMeanwhile(t, target, async () => {
    for (const socket of http1) socket.write(`${POST}Content-Length: 999\r\n\r\n{`);
    const heads = [1, 3, 5].map((stream) => frame(FRAME.headers, END_HEADERS, stream, POST_FIELDS));
    http2.write(Buffer.concat([GREETING, ...heads]));
    const answers = http1.map(async (socket) => {
      let text = "";
      socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
      await ended(socket);
      return text;
    });
    const drip = setInterval(() => {
      for (const socket of http1) socket.write(" ");
      for (const stream of [1, 3, 5]) http2.write(frame(FRAME.data, 0, stream, [32]));
    }, 100);
    for (const text of await Promise.all(answers)) t.match(text, /^HTTP\/1\.1 408 /);
    const late = (): Promise<number> =>
      target.metric("collector_request_duration_seconds_count", 'code="408"');
    await until(async () => (await late()) === 53);
    clearInterval(drip);
  });
});

await t.test("HTTP/2 connections that say nothing are ended", async (t) => {
  const target = await startTarget(t, { HTTP2_IDLE_SECONDS: "1" });
  const sockets = Array.from({ length: 50 }, () => target.attack());
  for (const socket of sockets) socket.write(GREETING);
  await Promise.all(sockets.map(ended));
  await until(async () => (await target.metric("collector_http2_sessions")) === 0);
  t.pass("and forgotten");
});

await t.test("so are those whose other end is never closed", async (t) => {
  const target = await startTarget(t, { HTTP2_IDLE_SECONDS: "1" });
  const socket = connect({ port: target.port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => undefined);
  t.teardown(() => socket.destroy());
  socket.resume();
  const told = once(socket, "end");
  socket.write(GREETING);
  await told;
  await until(async () => (await target.metric("collector_connections")) === 0);
  t.equal(await target.metric("collector_http2_sessions"), 0);
});

await t.test("an HTTP/2 connection whose head of a request never ends is ended", async (t) => {
  const target = await startTarget(t, { HTTP2_IDLE_SECONDS: "1" });
  const socket = target.attack();
  socket.write(Buffer.concat([GREETING, frame(FRAME.headers, 0, 1, POST_FIELDS)]));
  await ended(socket);
  await until(async () => (await target.metric("collector_http2_sessions")) === 0);
  t.pass("and forgotten");
});

await t.test(
  "bodies that never end hold no more memory than there is for them, and the newcomer is served",
  async (t) => {
    const target = await startTarget(t, {
      MAX_PENDING_BODY_BYTES: String(8 * MIB),
      REQUEST_TIMEOUT_SECONDS: "3600",
    });
    const before = await memoryOf(target);
    const half = Buffer.concat([
      Buffer.from(`${POST}Content-Length: 1000000\r\n\r\n`),
      Buffer.alloc(900_000, " "),
    ]);
    await serveMeanwhile(t, target, async () => {
      const sockets = Array.from({ length: 100 }, () => target.attack());
      let closed = 0;
      for (const socket of sockets) {
        socket.write(half);
        void ended(socket).then(() => (closed += 1));
      }
      // Nine of them fit, and the newcomer's is small.
      await until(() => closed >= 90);
      t.ok((await target.metric("collector_pending_body_bytes")) <= 8 * MIB);
      t.ok((await target.metric("collector_bodies_ended_total")) >= 90);
    });
    await assertUnharmed(t, target, before, 128 * MIB);
  },
);
