/**
 * A server that says what it has understood of a request, with a reader of plain heads that a test chooses: with none,
 * Node's own server answers everything.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Test } from "tap";
import { UNCOUNTED } from "../server/body-budget.js";
import { answerClientErrors, reportLate } from "../server/client-error.js";
import { createPipeline } from "../server/pipeline.js";
import { createPlainConnections } from "../server/plain-connections.js";
import type { PlainConnections, PlainConnectionsParts } from "../server/plain-connections.js";
import type { PlainRequest, PlainResponse } from "../server/plain-request.js";

export interface PlainServer {
  readonly port: number;
  readonly connections: PlainConnections;
  /** How many requests were plain ones. */
  readonly plain: () => number;
}

export interface PlainServerOptions {
  readonly readHead: PlainConnectionsParts["readHead"];
  /** Instead of saying what was understood. */
  readonly onRequest?: PlainConnectionsParts["onRequest"];
  readonly keepAliveMs?: number;
  readonly headersTimeoutMs?: number;
}

export async function plainServer(t: Test, options: PlainServerOptions): Promise<PlainServer> {
  const { keepAliveMs = 60_000, headersTimeoutMs = 60_000 } = options;
  const pipeline = createPipeline(echo);
  const timeouts = { keepAliveTimeout: keepAliveMs, headersTimeout: headersTimeoutMs, requestTimeout: 0 };
  const server = createServer(timeouts, pipeline.listener);
  answerClientErrors(server, pipeline);
  Object.assign(server, { httpAllowHalfOpen: true });
  const own = server.listeners("connection") as ((socket: Socket) => void)[];
  server.removeAllListeners("connection");
  let plain = 0;
  const onRequest = options.onRequest ?? echoPlain;
  const connections = createPlainConnections(
    {
      readHead: options.readHead,
      onRequest: (request, response) => {
        plain += 1;
        onRequest(request, response);
      },
      handOver: (socket) => {
        for (const take of own) take.call(server, socket);
      },
      refuseLate: (socket) => reportLate(server, socket),
    },
    { keepAliveMs, headersTimeoutMs },
  );
  server.on("connection", (socket: Socket) => connections.take(socket));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.teardown(() => {
    server.closeAllConnections();
    connections.close();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, connections, plain: () => plain };
}

const HEADERS = { "x-echo": "yes", "content-type": "application/json" };

function echo(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const text = understood(request, Buffer.concat(chunks));
    response.writeHead(200, { ...HEADERS, "content-length": Buffer.byteLength(text) });
    response.end(text);
  });
}

export function echoPlain(request: PlainRequest, response: PlainResponse): void {
  request.readWhole(UNCOUNTED, (bytes) => {
    if (bytes !== undefined) response.answer(200, HEADERS, understood(request, bytes));
  });
}

function understood(
  { method, url, headers }: Pick<IncomingMessage, "method" | "url" | "headers">,
  body: Buffer,
): string {
  return JSON.stringify({ method, url, headers, body: body.toString("latin1") });
}
