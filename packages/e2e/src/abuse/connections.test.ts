/** Connections without end, and senders without haste: they are ended in time, and others are served meanwhile. */
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import t from "tap";
import { converse, open } from "./raw-socket.js";
import { abuserEvent, startVictim } from "./victim.js";

t.setTimeout(600_000);

const victim = await startVictim(t, {
  HEADERS_TIMEOUT_SECONDS: "8",
  REQUEST_TIMEOUT_SECONDS: "10",
  // A tenth may be undecided: more than all of these, so that it is the time that ends them.
  MAX_CONNECTIONS: "20000",
  MAX_CONNECTIONS_PER_ADDRESS: "1800",
});
const { port } = victim.ingress;
// The time limits above, one look at the list, and what a busy machine adds.
const PATIENCE_MS = 60_000;
const DRIP_MS = 200;

// An error is followed by "close"; the one of `node:events` that waits for both would fail.
const closed = (socket: Socket): Promise<unknown> => new Promise((resolve) => socket.once("close", resolve));
const connected = (socket: Socket): Promise<unknown> =>
  new Promise((resolve) => socket.once("connect", resolve));

/** What a slow sender sends next, of which it has sent `step` parts. */
type Next = (step: number) => string;

const again =
  (part: string): Next =>
  () =>
    part;
const spell =
  (text: string): Next =>
  (step) =>
    text.charAt(step);

/** Opens connections that send `head` and then a part now and then; resolves when the service has ended them all. */
async function drip(count: number, head: string, next: Next): Promise<number> {
  const sockets = Array.from({ length: count }, () => open(port));
  let ended = 0;
  const over = Promise.all(
    sockets.map(async (socket) => {
      socket.resume();
      socket.write(head);
      await closed(socket);
      ended += 1;
    }),
  );
  const deadline = performance.now() + PATIENCE_MS;
  for (let step = 0; ended < count && performance.now() < deadline; step += 1) {
    await delay(DRIP_MS);
    for (const socket of sockets) if (socket.writable) socket.write(next(step));
  }
  for (const socket of sockets) socket.destroy();
  await over;
  return performance.now() < deadline ? ended : -1;
}

const SLOW: readonly [string, string, Next][] = [
  ["say nothing", "", again("")],
  ["send half of the preface of HTTP/2 byte by byte", "P", spell("RI * HTTP/2.0\r\n")],
  ["send headers byte by byte", "GET /health HTTP/1.1\r\nHost: a\r\nX: ", again("x")],
  ["send headers line by line", "GET /health HTTP/1.1\r\nHost: a\r\n", again("X: y\r\n")],
  [
    "send a body byte by byte",
    "POST /collect HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{",
    again(" "),
  ],
  [
    "send chunks byte by byte",
    "POST /collect HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
    again("1\r\n \r\n"),
  ],
];

// All at once: the time limits are waited for once.
const drips = SLOW.map(([name, head, next]) => [name, drip(200, head, next)] as const);

await t.test("during twelve hundred slow connections others are served", async (t) => {
  t.ok((await victim.sendHonestlyDuring(Promise.all(drips.map(([, dripping]) => dripping)))) > 0);
});

for (const [name, dripping] of drips) {
  await t.test(`two hundred connections that ${name} are ended in time`, async (t) => {
    t.equal(await dripping, 200, "all were ended by the service");
  });
}

await t.test("thousands of connections that come and go at once do not keep others out", async (t) => {
  const come = async (): Promise<void> => {
    for (let round = 0; round < 20; round += 1) {
      const sockets: Socket[] = Array.from({ length: 100 }, () => open(port));
      await Promise.all(sockets.map((socket) => Promise.race([connected(socket), closed(socket)])));
      for (const socket of sockets) socket.resetAndDestroy();
    }
  };
  t.ok((await victim.sendHonestlyDuring(come())) > 0);
});

await t.test("a sender that reads no answer holds up nobody", async (t) => {
  const text = JSON.stringify({ events: [abuserEvent()] });
  const bytes = Array.from({ length: 2_000 }, () => "GET /openapi.json HTTP/1.1\r\nHost: a\r\n\r\n").join("");
  const deaf = Array.from({ length: 20 }, () => {
    const socket = open(port);
    socket.pause();
    socket.write(bytes);
    return socket;
  });
  const request = `POST /collect HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
  const { statuses } = await converse(port, request, { answers: 1, timeoutMs: PATIENCE_MS });
  t.strictSame(statuses, [200]);
  victim.abuserWasTold(1);
  await victim.assertUnharmed(t);
  for (const socket of deaf) socket.destroy();
});

await t.test("after all of it the service is unharmed, and the books balance", async (t) => {
  await victim.assertUnharmed(t);
  await victim.assertBalanced(t);
});
