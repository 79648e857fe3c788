import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import t from "tap";
import type { Test } from "tap";
import { createSniffer, protocolOf } from "./preface.js";
import type { Sniffer, SnifferOptions, WireProtocol } from "./preface.js";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

await t.test("the first byte that differs from the preface decides for HTTP/1.1", async (t) => {
  for (const text of ["G", "POST / HTTP/1.1", "PRIX", "PRI * HTTP/2.0\r\n\r\nSX"]) {
    t.equal(protocolOf(Buffer.from(text)), "http1", text);
  }
});

await t.test("only the whole preface decides for HTTP/2", async (t) => {
  for (let length = 0; length < PREFACE.length; length += 1) {
    t.equal(protocolOf(Buffer.from(PREFACE.slice(0, length))), undefined, `${length} bytes`);
  }
  t.equal(protocolOf(Buffer.from(PREFACE)), "http2");
  t.equal(protocolOf(Buffer.from(`${PREFACE}more`)), "http2");
});

interface Fixture {
  sniffer: Sniffer;
  open: () => Promise<Socket>;
  handedOver: Promise<[WireProtocol, Socket]>;
}

async function fixture(t: Test, options: Partial<SnifferOptions> = {}): Promise<Fixture> {
  let resolve: (value: [WireProtocol, Socket]) => void = () => undefined;
  const handedOver = new Promise<[WireProtocol, Socket]>((done) => void (resolve = done));
  const sniffer = createSniffer((protocol, socket) => resolve([protocol, socket]), {
    deadlineMs: 60_000,
    undecidedMax: 10,
    ...options,
  });
  const server = createServer((socket) => sniffer.accept(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    sniffer.close();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    sniffer,
    handedOver,
    open: async () => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => undefined);
      t.teardown(() => socket.destroy());
      await once(socket, "connect");
      return socket;
    },
  };
}

/** However it ends: a reset is an end too. */
function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => void socket.on("close", () => resolve()));
}

await t.test("the socket is handed over with all its bytes, however they were cut", async (t) => {
  for (const [bytes, expected] of [
    [`${PREFACE}frames`, "http2"],
    ["PRIORITY / HTTP/1.1", "http1"],
  ] as const) {
    const { open, handedOver } = await fixture(t);
    const client = await open();
    client.setNoDelay(true);
    for (const byte of bytes) {
      client.write(byte);
      await new Promise((resolve) => void setImmediate(resolve));
    }
    const [protocol, socket] = await handedOver;
    t.equal(protocol, expected);
    let received = "";
    socket.on("data", (chunk: Buffer) => (received += chunk.toString()));
    client.end();
    await once(socket, "end");
    t.equal(received, bytes);
    socket.destroy();
  }
});

await t.test("a socket that says nothing is closed at its deadline", async (t) => {
  const { open, sniffer } = await fixture(t, { deadlineMs: 10 });
  const client = await open();
  await closed(client);
  while (sniffer.undecided() > 0) await new Promise((resolve) => void setImmediate(resolve));
  t.pass("and forgotten");
});

await t.test(
  "one whose bytes are here when the process was held up is read before it is given up",
  async (t) => {
    const { open, handedOver, sniffer } = await fixture(t, { deadlineMs: 1_000 });
    const client = await open();
    while (sniffer.undecided() === 0) await new Promise((resolve) => void setImmediate(resolve));
    client.write("GET / HTTP/1.1\r\n");
    // After this turn timers come first, then what the sockets have.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_500);
    const [protocol, socket] = await Promise.race([
      handedOver,
      closed(client).then(() => ["closed", undefined] as const),
    ]);
    t.equal(protocol, "http1");
    socket?.destroy();
  },
);

await t.test("so is one that stops in the middle of the preface", async (t) => {
  const { open } = await fixture(t, { deadlineMs: 10 });
  const client = await open();
  client.write("PRI * HT");
  await closed(client);
  t.pass("closed");
});

await t.test("of too many undecided sockets the oldest goes", async (t) => {
  const { open, sniffer } = await fixture(t, { undecidedMax: 2 });
  const oldest = await open();
  const gone = closed(oldest);
  await open();
  await open();
  await gone;
  while (sniffer.undecided() > 2) await new Promise((resolve) => void setImmediate(resolve));
  t.pass("the two younger ones stay");
});

await t.test("one that half-closes before it is decided is closed", async (t) => {
  const { open } = await fixture(t);
  const client = await open();
  client.end("PRI");
  await closed(client);
  t.pass("closed");
});
