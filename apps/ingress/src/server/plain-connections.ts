/**
 * The connections over HTTP/1.1 whose requests were plain so far, and the rest of what a server does for its connections:
 * to end those that are silent for too long, and those that are open when the service ends.
 *
 * **Invariant:** a connection that was handed to Node's server is that server's alone.
 */
import type { Socket } from "node:net";
import { performance } from "node:perf_hooks";
import { PlainConnection } from "./plain-connection.js";
import type { PlainConnectionParts } from "./plain-connection.js";

export interface PlainConnectionsParts extends Pick<PlainConnectionParts, "readHead" | "onRequest"> {
  /** Gives a connection to Node's server. */
  readonly handOver: (socket: Socket) => void;
  /** Nothing came on a new connection in time. */
  readonly refuseLate: (socket: Socket) => void;
}

export interface PlainConnectionsOptions {
  /** How long a new connection may say nothing, milliseconds. */
  readonly headersTimeoutMs: number;
  /** How long a connection may be idle between two requests, milliseconds. */
  readonly keepAliveMs: number;
}

export interface PlainConnections {
  take(socket: Socket): void;
  /** Ends connections that no request is on. */
  closeIdle(): void;
  /** Ends all connections and stops watching them. */
  close(): void;
}

/** How soon after its time a silent connection is really ended. */
const CHECK_MS = 1_000;

export function createPlainConnections(
  { readHead, onRequest, handOver, refuseLate }: PlainConnectionsParts,
  { headersTimeoutMs, keepAliveMs }: PlainConnectionsOptions,
): PlainConnections {
  const open = new Set<PlainConnection>();
  const parts: PlainConnectionParts = {
    readHead,
    onRequest,
    left: (connection, unread) => {
      open.delete(connection);
      if (unread !== undefined) putInto(connection.socket, unread, handOver);
    },
    keepAliveLines: `Connection: keep-alive\r\nKeep-Alive: timeout=${Math.floor(keepAliveMs / 1000)}\r\n`,
  };

  function isOverdue({ isIdle, hasSpoken, idleSince }: PlainConnection, now: number): boolean {
    return isIdle && now - idleSince >= (hasSpoken ? keepAliveMs : headersTimeoutMs);
  }

  function endOverdue(): void {
    const now = performance.now();
    for (const connection of open) {
      if (!isOverdue(connection, now)) continue;
      // When this process was held up, the bytes may be here already, and only not read yet: they get their turn first.
      setImmediate(() => {
        if (open.has(connection) && isOverdue(connection, now)) endSilent(connection);
      });
    }
  }

  function endSilent(connection: PlainConnection): void {
    if (connection.hasSpoken) return void connection.socket.destroy();
    connection.leave();
    refuseLate(connection.socket);
  }

  const timer = setInterval(endOverdue, CHECK_MS);
  timer.unref();
  return {
    take: (socket) => void open.add(new PlainConnection(socket, parts)),
    closeIdle: () => {
      for (const connection of open) if (connection.isIdle) connection.socket.destroy();
    },
    close: () => {
      clearInterval(timer);
      for (const { socket } of open) socket.destroy();
    },
  };
}

/** Puts the bytes back before the socket changes hands: whoever takes it reads on from there. */
function putInto(socket: Socket, unread: Buffer, take: (socket: Socket) => void): void {
  socket.pause();
  socket.unshift(unread);
  take(socket);
  socket.resume();
}
