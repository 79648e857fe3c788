import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import t from "tap";
import type { Test } from "tap";
import { END_HEADERS, FRAME, frame, GREETING, readFrames, requestFields } from "../testing/http2-frames.js";
import type { NodeIncoming, NodeOutgoing } from "./incoming.js";
import { nodeObjectsOf } from "./stream-request.js";
import { createHttp2Sessions } from "./http2-sessions.js";
import type { Http2Sessions } from "./http2-sessions.js";

interface Fixture {
  sessions: Http2Sessions;
  port: number;
}

async function fixture(
  t: Test,
  idleMs: number,
  listener: (request: NodeIncoming, response: NodeOutgoing) => void = (_, response) => response.end("ok"),
): Promise<Fixture> {
  const sessions = createHttp2Sessions(
    (request, response) => {
      const { incoming, outgoing } = nodeObjectsOf(request, response);
      listener(incoming, outgoing);
    },
    { idleMs, streamsMax: 3 },
  );
  const server = createServer({ allowHalfOpen: true }, (socket) => sessions.accept(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    sessions.destroy();
    server.close();
  });
  return { sessions, port: (server.address() as AddressInfo).port };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await wait(5);
}

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const EMPTY_SETTINGS = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);

await t.test("the number of streams of a session is announced", async (t) => {
  const { port } = await fixture(t, 60_000);
  const client = connectHttp2(`http://127.0.0.1:${port}`);
  t.teardown(() => client.destroy());
  const [settings] = (await once(client, "remoteSettings")) as [{ maxConcurrentStreams: number }];
  t.equal(settings.maxConcurrentStreams, 3);
});

await t.test("a stream beyond that number is refused, and the others go on", async (t) => {
  let begun = 0;
  const { port } = await fixture(t, 60_000, () => (begun += 1));
  const socket = connect(port, "127.0.0.1");
  t.teardown(() => socket.destroy());
  let bytes = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => (bytes = Buffer.concat([bytes, chunk])));
  const open = [1, 3, 5, 7].map((stream) =>
    frame(FRAME.headers, END_HEADERS, stream, requestFields("POST", "/")),
  );
  socket.write(Buffer.concat([GREETING, ...open]));
  const resets = (): number[] =>
    readFrames(bytes).flatMap(({ type, stream }) => (type === FRAME.resetStream ? [stream] : []));
  await until(() => resets().length > 0 && begun === 3);
  t.same(resets(), [7]);
});

await t.test("a peer that closes its half ends the session", async (t) => {
  const { sessions, port } = await fixture(t, 60_000);
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
  t.teardown(() => socket.destroy());
  socket.resume();
  socket.write(PREFACE);
  socket.write(EMPTY_SETTINGS);
  await until(() => sessions.count() === 1);
  socket.end();
  await until(() => sessions.count() === 0);
  t.pass("the session is gone");
});

await t.test("a session without streams is closed when it was silent for long", async (t) => {
  const { sessions, port } = await fixture(t, 20);
  const client = connectHttp2(`http://127.0.0.1:${port}`);
  await once(client, "close");
  await until(() => sessions.count() === 0);
  t.pass("the session is gone");
});

await t.test("a silent session with a stream lives as long as its peer answers", async (t) => {
  const { sessions, port } = await fixture(t, 500, () => undefined);
  const client = connectHttp2(`http://127.0.0.1:${port}`);
  t.teardown(() => client.destroy());
  const stream = client.request({ ":path": "/" });
  stream.on("error", () => undefined);
  let pings = 0;
  client.on("ping", () => (pings += 1));
  await until(() => pings >= 2);
  t.equal(sessions.count(), 1);
});

await t.test("and is ended when its peer answers no more", async (t) => {
  let streams = 0;
  const { sessions, port } = await fixture(t, 20, () => {
    streams += 1;
  });
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => undefined);
  t.teardown(() => socket.destroy());
  socket.resume();
  socket.write(PREFACE);
  socket.write(EMPTY_SETTINGS);
  // HEADERS of stream 1 without END_STREAM: GET http://x/, by HPACK's static table.
  socket.write(Buffer.from([0, 0, 6, 1, 4, 0, 0, 0, 1, 0x82, 0x84, 0x86, 0x41, 1, 0x78]));
  await until(() => streams === 1);
  await once(socket, "close");
  await until(() => sessions.count() === 0);
  t.pass("the session is gone");
});

await t.test("an announced end still serves what is under way, and then the session goes", async (t) => {
  let answer: () => void = () => undefined;
  const { sessions, port } = await fixture(t, 60_000, (_, response) => {
    answer = () => response.end("late");
  });
  const client = connectHttp2(`http://127.0.0.1:${port}`);
  const goaway = once(client, "goaway");
  const settings = once(client, "remoteSettings");
  const stream = client.request({ ":path": "/" });
  let text = "";
  stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
  await until(() => sessions.count() === 1);
  await settings;
  stream.resume();
  await new Promise<void>((resolve) => client.ping(() => resolve()));
  sessions.announceEnd();
  await goaway;
  const closed = once(stream, "close");
  answer();
  await closed;
  t.equal(text, "late");
  sessions.end();
  await until(() => sessions.count() === 0);
});
