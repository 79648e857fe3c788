/**
 * One port for HTTP/1.1 and HTTP/2: in cleartext by the first bytes of a connection, over TLS by ALPN. Over HTTP/1.1
 * Node's server gets what `plain-connection.ts` does not serve itself.
 *
 * The http.Server itself is the listener, and only its way of taking a connection is replaced: a server that is
 * handed sockets by somebody else's listener never arms the timeouts that end slow requests.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { Server, ServerOptions } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { Server as SecureServer } from "node:https";
import { Server as TcpServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import type { SecureContextOptions, TLSSocket } from "node:tls";
import { answerClientErrors, reportLate } from "./client-error.js";
import type { Connections } from "./connections.js";
import type { Http2Sessions } from "./http2-sessions.js";
import { adopt } from "./handed-port.js";
import type { Adoption, HandedPort } from "./handed-port.js";
import type { Gate } from "./gate.js";
import { createPipeline } from "./pipeline.js";
import type { Http1Listener } from "./pipeline.js";
import { createPlainConnections } from "./plain-connections.js";
import type { PlainConnections } from "./plain-connections.js";
import { readPlainHead } from "./plain-head.js";
import type { PlainHead } from "./plain-head.js";
import { createSniffer } from "./preface.js";
import type { Sniffer } from "./preface.js";
import type { TlsMaterial } from "./tls.js";

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly connectionsMax: number;
  /** The head of a request, or a TLS handshake, must be over by then, milliseconds. */
  readonly headersTimeoutMs: number;
  /** How long an idle HTTP/1.1 connection stays open, milliseconds. */
  readonly keepAliveMs: number;
  /** Undefined: cleartext. */
  readonly tls: TlsMaterial | undefined;
  /** Undefined: it listens itself. Otherwise host and port are another's, who bounds the connections too. */
  readonly handed?: HandedPort | undefined;
}

export interface ListenerParts {
  /** Where requests over HTTP/1.1 go, and which of them Node's server need not see. */
  readonly gate: Gate;
  readonly sessions: Http2Sessions;
  readonly connections: Connections;
  readonly observer: ListenerObserver;
}

export interface ListenerObserver {
  /** A connection was not taken: the port, or its address, has too many, or its TLS handshake failed. */
  connectionRefused(reason: "port" | "address" | "handshake"): void;
}

export interface Listener {
  /** 0 if another process listens. */
  readonly port: number;
  /** Resolves when the port is free and its last connection has ended. */
  readonly closed: Promise<void>;
  /** From now on new connections get this certificate. */
  secure(material: TlsMaterial): void;
  /** Takes no new connections; those that are open, and idle, stay. */
  stopAccepting(): void;
  /** Ends connections that no request is on. */
  closeIdle(): void;
  /** Ends all connections. Idempotent. */
  close(): Promise<void>;
}

/** How soon after a timeout a connection is really ended. */
const TIMEOUT_CHECK_MS = 1_000;

/** Connections that the system keeps until they are taken. */
export const BACKLOG = 1024;

/** Of all connections, how many may be undecided: a tenth, since whoever means well speaks at once. */
const UNDECIDED_SHARE = 0.1;

type Taker = (socket: Socket) => void;

export async function listen(given: ListenerParts, options: ListenerOptions): Promise<Listener> {
  const pipeline = createPipeline(given.gate.enter);
  const parts: ServerParts = { ...given, onHttp1: pipeline.listener };
  const { sessions, observer } = parts;
  const serverOptions: ServerOptions = {
    headersTimeout: options.headersTimeoutMs,
    // How long a body may take depends on what it is: the exchanges have deadlines of their own.
    requestTimeout: 0,
    keepAliveTimeout: options.keepAliveMs,
    connectionsCheckingInterval: TIMEOUT_CHECK_MS,
  };
  const { server, secure, sniffer, plain } =
    options.tls === undefined
      ? cleartextServer(parts, options, serverOptions)
      : secureServer(parts, options, serverOptions, options.tls);
  // The listener gets the request before `100 Continue` went out, so that a refusal spares the sender its body.
  server.on("checkContinue", parts.onHttp1);
  answerClientErrors(server, pipeline);
  answerHalfClosed(server);
  server.maxConnections = options.connectionsMax;
  server.on("drop", () => observer.connectionRefused("port"));
  countConnections(server, parts);
  const { port, closed, stop } =
    options.handed === undefined
      ? await openPort(server, options)
      : { port: 0, ...adopt(server, options.handed) };
  const stopAccepting = (): void => {
    stop();
    sniffer?.close();
  };
  return {
    port,
    closed,
    secure,
    stopAccepting,
    closeIdle: () => {
      server.closeIdleConnections();
      plain.closeIdle();
    },
    close: () => {
      stopAccepting();
      server.closeAllConnections();
      plain.close();
      sessions.destroy();
      return closed;
    },
  };
}

async function openPort(
  server: Server | SecureServer,
  { host, port }: ListenerOptions,
): Promise<Adoption & { port: number }> {
  server.listen({ host, port, backlog: BACKLOG });
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    closed: once(server, "close").then(() => undefined),
    stop: () => {
      // The method of http.Server would also end idle connections at once, and with them requests on their way.
      if (server.listening) TcpServer.prototype.close.call(server);
    },
  };
}

interface ServerParts extends ListenerParts {
  readonly onHttp1: Http1Listener;
}

interface MadeServer {
  readonly server: Server | SecureServer;
  readonly secure: Listener["secure"];
  readonly sniffer: Sniffer | undefined;
  readonly plain: PlainConnections;
}

function cleartextServer(
  parts: ServerParts,
  options: ListenerOptions,
  serverOptions: ServerOptions,
): MadeServer {
  const { onHttp1, sessions } = parts;
  const { headersTimeoutMs, connectionsMax } = options;
  const server = createServer(serverOptions, onHttp1);
  const takeHttp1 = replaceTakers(server, "connection", (socket) => sniffer.accept(socket));
  const sniffer = createSniffer(
    (protocol, socket) => (protocol === "http2" ? sessions.accept(socket) : plain.take(socket)),
    {
      deadlineMs: headersTimeoutMs,
      undecidedMax: Math.max(1, Math.floor(connectionsMax * UNDECIDED_SHARE)),
    },
  );
  const plain = plainConnectionsOf(server, parts, options, takeHttp1);
  return { server, secure: () => undefined, sniffer, plain };
}

function secureServer(
  parts: ServerParts,
  options: ListenerOptions,
  serverOptions: ServerOptions,
  material: TlsMaterial,
): MadeServer {
  const { onHttp1, sessions, observer } = parts;
  const needsClientCertificate = material.clientAuthorities !== undefined;
  const server = createSecureServer(
    {
      ...serverOptions,
      ...contextOf(material),
      ALPNProtocols: ["h2", "http/1.1"],
      handshakeTimeout: options.headersTimeoutMs,
      requestCert: needsClientCertificate,
      rejectUnauthorized: needsClientCertificate,
    },
    onHttp1,
  );
  const takeHttp1 = replaceTakers(server, "secureConnection", (socket) => {
    if ((socket as TLSSocket).alpnProtocol === "h2") sessions.accept(socket);
    else plain.take(socket);
  });
  const plain = plainConnectionsOf(server, parts, options, takeHttp1);
  // The peer is gone by then, or is told by TLS itself.
  server.on("tlsClientError", () => observer.connectionRefused("handshake"));
  return { server, secure: (next) => server.setSecureContext(contextOf(next)), sniffer: undefined, plain };
}

/** Those that come first to our own reader of plain requests, and then, maybe, to the server. */
function plainConnectionsOf(
  server: Server | SecureServer,
  { gate }: ListenerParts,
  options: ListenerOptions,
  takeHttp1: Taker,
): PlainConnections {
  const readHead = (bytes: Buffer): PlainHead | undefined => {
    const head = readPlainHead(bytes);
    return head !== undefined && gate.takesPlain(head) ? head : undefined;
  };
  const refuseLate: Taker = (socket) => reportLate(server, socket);
  return createPlainConnections(
    { readHead, onRequest: gate.enter, handOver: takeHttp1, refuseLate },
    options,
  );
}

function contextOf({ certificate, key, clientAuthorities }: TlsMaterial): SecureContextOptions {
  return { cert: certificate, key, ...(clientAuthorities !== undefined && { ca: clientAuthorities }) };
}

/** Whoever says that nothing more will come still waits for the answer. The types do not know the property. */
function answerHalfClosed(server: Server | SecureServer): void {
  Object.assign(server, { httpAllowHalfOpen: true });
}

/** Puts a taker between the server and its own way of taking a connection, which comes back. */
function replaceTakers(server: TcpServer, event: string, take: Taker): Taker {
  const takers = server.listeners(event) as ((this: TcpServer, socket: Socket) => void)[];
  server.removeAllListeners(event);
  server.on(event, take);
  return (socket) => {
    for (const own of takers) own.call(server, socket);
  };
}

function countConnections(server: TcpServer, { connections, observer }: ListenerParts): void {
  const take = replaceTakers(server, "connection", (socket) => {
    if (connections.admit(socket)) return take(socket);
    observer.connectionRefused("address");
    socket.destroy();
  });
}
