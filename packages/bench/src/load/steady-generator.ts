/**
 * Single events at a constant rate, each with an id of its own, and a consumer that sees when they arrive. Run as
 * `node steady-generator.js '<order>'`; prints a SteadyResult.
 *
 * **Invariant:** a request is timed from when it was due, not from when a connection was free for it: what waits
 * because the server is slow counts against the server.
 */
import { startTail } from "@event-collector/e2e/tail";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { quantile } from "../row.js";
import { restBody, SAMPLE } from "../sample.js";

interface Order {
  readonly port: number;
  readonly bootstrap: string;
  readonly topic: string;
  readonly partitions: number;
  readonly connections: number;
  readonly perSecond: number;
  readonly seconds: number;
}

export interface SteadyResult {
  /** Milliseconds from when the request was due to its answer. */
  readonly accepted: Percentiles;
  /** Milliseconds from the answer to when a consumer of committed messages has it. */
  readonly visible: Percentiles;
}

interface Percentiles {
  readonly events: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

const WARM_SECONDS = 3;
const TICK_MS = 1;
const ARRIVAL_SECONDS_MAX = 20;

interface Request {
  readonly id: string;
  readonly dueAt: number;
  readonly counts: boolean;
}

const order = JSON.parse(process.argv[2] ?? "{}") as Order;
process.stdout.write(JSON.stringify(await run(order)));
process.exit(0);

async function run({ seconds, perSecond, ...given }: Order): Promise<SteadyResult> {
  const tail = await startTail(given.bootstrap, given.topic, { partitions: given.partitions });
  const latencies: number[] = [];
  const answeredAt = new Map<string, number>();
  const sender = createSender(given.port, given.connections, ({ id, dueAt, counts }) => {
    if (!counts) return;
    latencies.push(performance.now() - dueAt);
    answeredAt.set(id, Date.now());
  });
  const startedAt = performance.now();
  let sent = 0;
  for (let now = startedAt; now < startedAt + (WARM_SECONDS + seconds) * 1000; now = performance.now()) {
    const counts = now > startedAt + WARM_SECONDS * 1000;
    for (; sent < ((now - startedAt) / 1000) * perSecond; sent += 1) {
      sender.send({ id: `steady-${process.pid}-${sent}`, dueAt: now, counts });
    }
    await delay(TICK_MS);
  }
  const deadline = performance.now() + ARRIVAL_SECONDS_MAX * 1000;
  while (tail.seen.size < sent && performance.now() < deadline) await delay(20);
  const visible = [...answeredAt].map(([id, at]) => (tail.seen.get(id) ?? Infinity) - at);
  return { accepted: percentilesOf(latencies), visible: percentilesOf(visible) };
}

interface Sender {
  send(request: Request): void;
}

/** Uses whichever connection is free; requests wait in order where none is. */
function createSender(port: number, connections: number, answered: (request: Request) => void): Sender {
  const free: Socket[] = [];
  const waiting: Request[] = [];
  const underWay = new Map<Socket, Request>();
  const start = (socket: Socket, request: Request): void => {
    underWay.set(socket, request);
    socket.write(textOf(request));
  };
  for (let index = 0; index < connections; index += 1) {
    const socket = connect(port, "127.0.0.1", () => free.push(socket));
    socket.setNoDelay(true);
    socket.on("data", (chunk: Buffer) => {
      const request = underWay.get(socket);
      if (request === undefined) return;
      if (!chunk.toString("latin1").startsWith("HTTP/1.1 200")) throw new Error(chunk.toString("utf8"));
      answered(request);
      const next = waiting.shift();
      if (next !== undefined) return start(socket, next);
      underWay.delete(socket);
      free.push(socket);
    });
  }
  return {
    send: (request) => {
      const socket = free.pop();
      if (socket === undefined) waiting.push(request);
      else start(socket, request);
    },
  };
}

function textOf({ id }: Request): string {
  const body = restBody([{ ...SAMPLE, event_id: id }]).toString("utf8");
  const head = ["POST /collect HTTP/1.1", "host: localhost", "content-type: application/json"];
  return `${head.join("\r\n")}\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function percentilesOf(values: readonly number[]): Percentiles {
  const sorted = values.toSorted((a, b) => a - b);
  const [p50, p95, p99] = [0.5, 0.95, 0.99].map((share) => quantile(sorted, share));
  return { events: values.length, p50: p50 ?? NaN, p95: p95 ?? NaN, p99: p99 ?? NaN };
}
