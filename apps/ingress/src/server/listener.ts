/**
 * One cleartext port for HTTP/1.1 and HTTP/2.
 *
 * The http.Server itself is the listener, and only its way of taking a connection is replaced: a server that is
 * handed sockets by somebody else's listener never arms the timeouts that end slow requests.
 */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { Server as TcpServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { once } from "node:events";
import { createSniffer } from "./preface.js";
import type { Http2Sessions } from "./http2-sessions.js";

export interface ListenerOptions {
  host: string;
  port: number;
  connectionsMax: number;
  /** The head of a request must have arrived by then, milliseconds. */
  headersTimeoutMs: number;
  /** Header and body of a request must have arrived by then, milliseconds. */
  requestTimeoutMs: number;
  /** How long an idle HTTP/1.1 connection stays open, milliseconds. */
  keepAliveMs: number;
}

export interface Listener {
  readonly port: number;
  /** Resolves when the port is free and its last connection has ended. */
  readonly closed: Promise<void>;
  /** Takes no new connections; those that are open, and idle, stay. */
  stopAccepting(): void;
  /** Ends connections that no request is on. */
  closeIdle(): void;
  /** Ends all connections. Idempotent. */
  close(): Promise<void>;
}

export type Http1Listener = (request: IncomingMessage, response: ServerResponse) => void;

/** How soon after a timeout a connection is really ended. */
const TIMEOUT_CHECK_MS = 1_000;

/** Connections that have said nothing yet. A tenth of the default of all. */
const UNDECIDED_MAX = 1_000;

export async function listen(
  onHttp1: Http1Listener,
  sessions: Http2Sessions,
  options: ListenerOptions,
): Promise<Listener> {
  const server = createServer(
    {
      headersTimeout: Math.min(options.headersTimeoutMs, options.requestTimeoutMs),
      requestTimeout: options.requestTimeoutMs,
      keepAliveTimeout: options.keepAliveMs,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
    },
    onHttp1,
  );
  // The listener gets the request before `100 Continue` went out, so that a refusal spares the sender its body.
  server.on("checkContinue", onHttp1);
  server.maxConnections = options.connectionsMax;
  const sniffer = sniff(server, sessions, options.headersTimeoutMs);
  server.listen({ host: options.host, port: options.port, backlog: 1024 });
  await once(server, "listening");
  const closed = once(server, "close").then(() => undefined);
  const stopAccepting = (): void => {
    // The method of http.Server would also end idle connections at once, and with them requests on their way.
    if (server.listening) TcpServer.prototype.close.call(server);
    sniffer.close();
  };
  return {
    port: (server.address() as AddressInfo).port,
    closed,
    stopAccepting,
    closeIdle: () => server.closeIdleConnections(),
    close: () => {
      stopAccepting();
      server.closeAllConnections();
      sessions.destroy();
      return closed;
    },
  };
}

/** Puts the sniffer between the server and its own way of taking a connection. */
function sniff(
  server: Server,
  sessions: Http2Sessions,
  deadlineMs: number,
): ReturnType<typeof createSniffer> {
  const takers = server.listeners("connection") as ((this: Server, socket: Socket) => void)[];
  server.removeAllListeners("connection");
  const sniffer = createSniffer(
    (protocol, socket) => {
      if (protocol === "http2") sessions.accept(socket);
      else for (const take of takers) take.call(server, socket);
    },
    { deadlineMs, undecidedMax: UNDECIDED_MAX },
  );
  server.on("connection", (socket: Socket) => sniffer.accept(socket));
  return sniffer;
}
