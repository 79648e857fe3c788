/**
 * A load generator: as many requests as the server answers, on so many connections, for so long. Run as
 * `node generator.js '<order>'`; prints a Volley as JSON.
 *
 * HTTP/1.1 is spoken on bare sockets, since a client of Node's would be the bottleneck.
 */
import { readFile } from "node:fs/promises";
import { connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import type { Shot, Volley } from "./volley.js";

type Order = Omit<Shot, "body"> & { readonly file: string; readonly seconds: number };

/** Counts answers until the time is up. */
interface Counter {
  requests: number;
  failed: number;
  over: boolean;
}

const order = JSON.parse(process.argv[2] ?? "{}") as Order;
process.stdout.write(JSON.stringify(await fire(order, await readFile(order.file))));
process.exit(0);

async function fire(given: Order, body: Buffer): Promise<Volley> {
  const counter: Counter = { requests: 0, failed: 0, over: false };
  const startedAt = performance.now();
  for (let index = 0; index < given.connections; index += 1) {
    if (given.protocol === "http1") fireHttp1(given, body, counter);
    else fireHttp2(given, body, counter);
  }
  await new Promise((resolve) => void setTimeout(resolve, given.seconds * 1000));
  counter.over = true;
  return {
    requests: counter.requests,
    failed: counter.failed,
    seconds: (performance.now() - startedAt) / 1000,
  };
}

function fireHttp1({ url, headers }: Order, body: Buffer, counter: Counter): void {
  const { hostname, port, pathname, host } = new URL(url);
  const head = [
    `POST ${pathname} HTTP/1.1`,
    `host: ${host}`,
    `content-length: ${body.byteLength}`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  const request = Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`), body]);
  const socket = connect(Number(port), hostname, () => socket.write(request));
  let received = "";
  socket.setNoDelay(true);
  socket.on("error", () => (counter.failed += 1));
  socket.on("data", (chunk: Buffer) => {
    received += chunk.toString("latin1");
    const headEnd = received.indexOf("\r\n\r\n");
    if (headEnd < 0) return;
    const [, length] = /content-length: (\d+)/i.exec(received) ?? [];
    if (
      length === undefined ? !received.endsWith("0\r\n\r\n") : received.length < headEnd + 4 + Number(length)
    )
      return;
    if (received.startsWith("HTTP/1.1 2")) counter.requests += 1;
    else counter.failed += 1;
    received = "";
    if (!counter.over) socket.write(request);
  });
}

function fireHttp2({ url, headers, streams }: Order, body: Buffer, counter: Counter): void {
  const { origin, pathname } = new URL(url);
  const session = connectHttp2(origin);
  session.on("error", () => (counter.failed += 1));
  const next = (): void => {
    const stream = session.request({ ":method": "POST", ":path": pathname, ...headers });
    stream.on("response", (head) => {
      if (head[":status"] !== 200) counter.failed += 1;
    });
    stream.on("error", () => (counter.failed += 1));
    stream.resume();
    stream.on("end", () => {
      counter.requests += 1;
      if (!counter.over) next();
    });
    stream.end(body);
  };
  for (let index = 0; index < streams; index += 1) next();
}
