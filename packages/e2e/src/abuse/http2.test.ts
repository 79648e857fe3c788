/** HTTP/2 as no library would send it: each abuse costs its sender the connection or nothing, and nobody else notices. */
import t from "tap";
import {
  FLAG,
  FRAME,
  frame,
  headers,
  number32,
  openSession,
  request,
  type Frame,
  type RawSession,
} from "./http2-frames.js";
import { startVictim } from "./victim.js";

t.setTimeout(600_000);

const victim = await startVictim(t, {
  HEADERS_TIMEOUT_SECONDS: "10",
  REQUEST_TIMEOUT_SECONDS: "10",
  HTTP2_IDLE_SECONDS: "3",
});
const { port } = victim.ingress;
const COMPLETE = FLAG.endHeaders | FLAG.endStream;
const get = (stream: number, fields: Record<string, string> = {}): Buffer =>
  frame(FRAME.headers, COMPLETE, stream, request(fields));
const CALL = { ":method": "POST", ":path": "/event_collector.v1.EventCollectorService/CollectEvent" };

async function withSession(
  run: (session: RawSession) => Promise<void>,
  settings?: Uint8Array,
): Promise<void> {
  const session = openSession(port, settings);
  try {
    await run(session);
  } finally {
    session.socket.destroy();
  }
}

/** Frames that break the protocol. */
const BROKEN: readonly [string, Buffer][] = [
  ["data on a stream that was never opened", frame(FRAME.data, FLAG.none, 1, Buffer.from("x"))],
  ["data on stream 0", frame(FRAME.data, FLAG.none, 0, Buffer.from("x"))],
  ["headers on stream 0", frame(FRAME.headers, COMPLETE, 0, request())],
  ["headers on a stream of the server's", frame(FRAME.headers, COMPLETE, 2, request())],
  ["a frame of 16 MiB", Buffer.from([0xff, 0xff, 0xff, FRAME.data, 0, 0, 0, 0, 1])],
  [
    "padding that is longer than its frame",
    frame(FRAME.headers, COMPLETE | FLAG.padded, 1, Buffer.from([0xff, 0x82])),
  ],
  ["a block of headers that is none", frame(FRAME.headers, COMPLETE, 1, Buffer.alloc(64, 0xff))],
  ["SETTINGS of five bytes", frame(FRAME.settings, FLAG.none, 0, Buffer.alloc(5))],
  ["a window that overflows", frame(FRAME.windowUpdate, FLAG.none, 0, number32(0x7fffffff))],
  ["a window update of nothing", frame(FRAME.windowUpdate, FLAG.none, 0, number32(0))],
  ["a PING of seven bytes", frame(FRAME.ping, FLAG.none, 0, Buffer.alloc(7))],
  ["a push from the client", frame(FRAME.push, FLAG.endHeaders, 1, Buffer.concat([number32(2), request()]))],
  ["a reset of a stream that was never opened", frame(FRAME.reset, FLAG.none, 1, number32(8))],
  ["CONTINUATION without HEADERS", frame(FRAME.continuation, FLAG.endHeaders, 1, request())],
  [
    "a frame of another kind between HEADERS and CONTINUATION",
    Buffer.concat([
      frame(FRAME.headers, FLAG.none, 1, request()),
      frame(FRAME.ping, FLAG.none, 0, Buffer.alloc(8)),
    ]),
  ],
];

/** Resolves with what became of a connection on which these bytes were sent. */
async function breakRules(bytes: Buffer): Promise<{ accused: boolean; ended: boolean }> {
  const session = openSession(port);
  await session.send(bytes);
  const isError = ({ type, payload }: Frame): boolean =>
    type === FRAME.goAway && payload.readUInt32BE(4) !== 0;
  const accused = await session.until((frames) => frames.some(isError));
  const ended = await session.ended();
  session.socket.destroy();
  return { accused, ended };
}

// All at once: Node leaves such a connection to the time limit of silence, which is waited for once.
const breaches = BROKEN.map(([name, bytes]) => [name, breakRules(bytes)] as const);

for (const [name, breach] of breaches) {
  await t.test(`${name} is called an error, and ends the connection`, async (t) => {
    t.strictSame(await breach, { accused: true, ended: true });
  });
}

/** Requests that are well framed and make no sense. */
const SENSELESS: readonly [string, Record<string, string>][] = [
  ["an authority that is none", { ":authority": "[" }],
  [
    "an authority that is none, on the path of a call",
    { ...CALL, ":authority": "[", "content-type": "application/grpc" },
  ],
  [
    "an empty authority, on the path of a call",
    { ...CALL, ":authority": "", "content-type": "application/json" },
  ],
  ["a path that is none", { ":path": "http://[" }],
  ["an empty path", { ":path": "" }],
  ["a name in capitals", { Upper: "x" }],
  ["a NUL in a value", { x: "a\0b" }],
  ["a line feed in a value", { x: "a\r\nb: c" }],
  ["a header of connections", { connection: "close" }],
  ["chunks", { "transfer-encoding": "chunked" }],
  ["a length that is none", { "content-length": "-1" }],
];

for (const [name, fields] of SENSELESS) {
  await t.test(`a request with ${name} is refused, and the process stays`, async (t) => {
    await withSession(async (session) => {
      await session.send(get(1, fields));
      const over = (): boolean =>
        session.frames.some(
          ({ stream, type }) => stream === 1 && (type === FRAME.headers || type === FRAME.reset),
        );
      t.ok((await session.until(over)) || (await session.ended()), "answered, reset or ended");
    });
    await t.resolves(victim.sendHonestly());
  });
}

/** Sends `make(n)` again and again until it has sent `count`, or the service has had enough. */
async function flood(
  count: number,
  make: (index: number) => Uint8Array,
  settings?: Uint8Array,
): Promise<void> {
  await withSession(async (session) => {
    for (let index = 0; index < count; index += 100) {
      const burst = Array.from({ length: Math.min(100, count - index) }, (_, step) => make(index + step));
      if (!(await session.send(...burst))) return;
    }
    // The flood has passed when a PING behind it is answered, if the connection still stands.
    await session.send(frame(FRAME.ping, FLAG.none, 0, Buffer.from("the end.")));
    const isEcho = session.frames.length;
    await session.until((frames) =>
      frames.slice(isEcho).some(({ type, payload }) => type === FRAME.ping && payload.includes("end")),
    );
  }, settings);
}

const large = { x: "y".repeat(15 * 1024) };
const noWindow = Buffer.concat([Buffer.from([0, 4]), number32(0)]);

const FLOODS: readonly [string, () => Promise<void>][] = [
  [
    "streams that are reset at once",
    () =>
      flood(20_000, (n) =>
        Buffer.concat([get(2 * n + 1), frame(FRAME.reset, FLAG.none, 2 * n + 1, number32(8))]),
      ),
  ],
  ["PINGs", () => flood(100_000, () => frame(FRAME.ping, FLAG.none, 0, Buffer.alloc(8)))],
  [
    "SETTINGS",
    () =>
      flood(50_000, () =>
        frame(FRAME.settings, FLAG.none, 0, Buffer.concat([Buffer.from([0, 4]), number32(65_535)])),
      ),
  ],
  [
    "empty data",
    () =>
      flood(50_000, (n) =>
        n === 0
          ? frame(FRAME.headers, FLAG.endHeaders, 1, request({ ":method": "POST", ":path": "/collect" }))
          : frame(FRAME.data, FLAG.none, 1),
      ),
  ],
  [
    "priorities",
    () => flood(50_000, (n) => frame(FRAME.priority, FLAG.none, 2 * n + 1, Buffer.from([0, 0, 0, 0, 1]))),
  ],
  ["window updates", () => flood(50_000, () => frame(FRAME.windowUpdate, FLAG.none, 0, number32(1)))],
  [
    "CONTINUATION without an end",
    () =>
      flood(20_000, (n) =>
        n === 0
          ? frame(FRAME.headers, FLAG.none, 1, request())
          : frame(FRAME.continuation, FLAG.none, 1, headers({ [`x${n}`]: "y".repeat(1000) })),
      ),
  ],
  [
    "CONTINUATION of nothing",
    () =>
      flood(100_000, (n) =>
        n === 0 ? frame(FRAME.headers, FLAG.none, 1, request()) : frame(FRAME.continuation, FLAG.none, 1),
      ),
  ],
  ["lists of headers of 15 KiB", () => flood(3_000, (n) => get(2 * n + 1, large))],
  [
    "streams beyond the allowed number",
    () =>
      flood(5_000, (n) =>
        frame(FRAME.headers, FLAG.endHeaders, 2 * n + 1, request({ ":method": "POST", ":path": "/collect" })),
      ),
  ],
  [
    "requests for answers that it does not take",
    () => flood(5_000, (n) => get(2 * n + 1, { ":path": "/openapi.json" }), noWindow),
  ],
];

for (const [name, run] of FLOODS) {
  await t.test(`during a flood of ${name} others are served`, async (t) => {
    t.ok((await victim.sendHonestlyDuring(run())) > 0);
  });
}

await t.test("a hundred sessions that say nothing more are ended", async (t) => {
  const sessions = Array.from({ length: 100 }, () => openSession(port));
  const ended = Promise.all(sessions.map((session) => session.ended(60_000)));
  await victim.sendHonestlyDuring(ended);
  t.ok((await ended).every(Boolean));
});

await t.test("after all of it the service is unharmed, and the books balance", async (t) => {
  await victim.assertUnharmed(t);
  await victim.assertBalanced(t);
});
