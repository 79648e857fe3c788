/**
 * The HTTP/2 half of the port: a server that never listens itself but is given sockets, with the limits that Node
 * leaves open, and the list of its sessions, which Node 20 does not keep.
 *
 * **Invariant:** a session without streams ends after twice `idleMs` at the latest; one with streams must answer a PING in each
 * `idleMs` of silence. So a peer that vanished is noticed, and a quiet stream of a living one stays.
 * **Invariant:** a session whose streams are reset rather than ended does not go on.
 */
import { constants, createServer } from "node:http2";
import type {
  Http2Server,
  Http2ServerRequest,
  Http2ServerResponse,
  IncomingHttpHeaders,
  ServerHttp2Session,
  ServerHttp2Stream,
} from "node:http2";
import type { Socket } from "node:net";
import { isCall, StreamRequest, StreamResponse } from "./stream-request.js";

export interface Http2Options {
  /** Silence after which a session is closed or asked whether it lives, milliseconds. */
  idleMs: number;
  /** Open streams of one session. */
  streamsMax: number;
}

export type Http2Listener = (
  request: Http2ServerRequest | StreamRequest,
  response: Http2ServerResponse | StreamResponse,
) => void;

export interface Http2Sessions {
  accept(socket: Socket): void;
  count(): number;
  /** First half of a graceful end: says that no new stream should come, and still takes those under way. */
  announceEnd(): void;
  /** Second half: takes no new stream; a session ends with its last one. */
  end(): void;
  destroy(): void;
}

/** A megabyte of unread request bytes for one session; one stream may use a quarter. More costs memory, less throughput. */
const SESSION_WINDOW_BYTES = 1024 * 1024;
const STREAM_WINDOW_BYTES = SESSION_WINDOW_BYTES / 4;

/** Headers of one request; the default of Node's HTTP/1.1 parser. */
const HEADER_BYTES_MAX = 16 * 1024;

/** The largest stream number there is: a GOAWAY with it promises to take all streams under way. */
const LAST_STREAM = 2 ** 31 - 1;

export function createHttp2Sessions(listener: Http2Listener, options: Http2Options): Http2Sessions {
  const sessions = new Set<ServerHttp2Session>();
  const server: Http2Server = createServer({
    settings: {
      maxConcurrentStreams: options.streamsMax,
      initialWindowSize: STREAM_WINDOW_BYTES,
      maxHeaderListSize: HEADER_BYTES_MAX,
    },
  });
  // Never given a socket: it puts Node's own objects around the streams that need them.
  const compatible = createServer(listener);

  function keep(session: ServerHttp2Session, socket: Socket): void {
    sessions.add(session);
    session.once("close", () => sessions.delete(session));
    // A peer that breaks the protocol or resets is its own affair; Node destroys the session.
    session.on("error", () => undefined);
    session.setLocalWindowSize(SESSION_WINDOW_BYTES);
    watchSilence(session, socket, countStreams(session), options.idleMs);
    session.on("stream", handOver);
  }

  function handOver(
    stream: ServerHttp2Stream,
    headers: IncomingHttpHeaders,
    flags: number,
    rawHeaders: string[],
  ): void {
    if (!isCall(headers)) return void compatible.emit("stream", stream, headers, flags, rawHeaders);
    // What goes wrong with a stream is its peer's affair, and ends it.
    stream.on("error", ignore);
    listener(new StreamRequest(stream, headers, rawHeaders), new StreamResponse(stream));
  }

  // Node reports here what a session's own listener has already seen.
  server.on("sessionError", () => undefined);
  return {
    accept: (socket) => {
      // The HTTP/1.1 listener that took the socket lets peers half-close; a session would then never end by itself.
      socket.allowHalfOpen = false;
      server.once("session", (session) => keep(session, socket));
      server.emit("connection", socket);
    },
    count: () => sessions.size,
    announceEnd: () => {
      for (const session of sessions)
        if (!session.destroyed) session.goaway(constants.NGHTTP2_NO_ERROR, LAST_STREAM);
    },
    end: () => {
      for (const session of sessions) if (!session.destroyed) session.close();
    },
    destroy: () => {
      for (const session of sessions) session.destroy();
    },
  };
}

function ignore(): void {}

interface StreamCount {
  /** Those that are open now. */
  open: number;
}

/**
 * Counts the streams of a session, and ends a session whose streams are reset too often. The library under Node stops
 * such a session too, but then neither ends its connection nor tells anybody.
 */
function countStreams(session: ServerHttp2Session): StreamCount {
  const count: StreamCount = { open: 0 };
  let balance = 0;
  function leave(this: ServerHttp2Stream): void {
    count.open -= 1;
    balance = this.rstCode === constants.NGHTTP2_NO_ERROR ? Math.max(0, balance - 1) : balance + 1;
    if (balance > RESETS_MAX) session.destroy();
  }
  session.on("stream", (stream) => {
    count.open += 1;
    // Once for each stream, and for all of them the same function: a closure for each would cost more than it does.
    stream.on("close", leave);
  });
  return count;
}

/**
 * Streams of a session that may be reset, beyond those that end in an orderly way. Callers give up now and then;
 * whoever opens streams only to reset them makes work that nobody waits for (CVE-2023-44487).
 */
const RESETS_MAX = 500;

function watchSilence(session: ServerHttp2Session, socket: Socket, count: StreamCount, idleMs: number): void {
  session.on("timeout", () => {
    if (count.open === 0) endSoon(session, socket, idleMs);
    else demandSign(session, idleMs);
  });
  session.setTimeout(idleMs);
}

/**
 * Closes a session in an orderly way, which takes a peer that goes along: one that leaves the head of a request
 * unfinished, or never closes its own half of the connection, would keep both.
 */
function endSoon(session: ServerHttp2Session, socket: Socket, timeMax: number): void {
  session.close();
  const deadline = setTimeout(() => socket.destroy(), timeMax);
  deadline.unref();
  socket.once("close", () => clearTimeout(deadline));
}

/** Ends a session unless it answers a PING in time. The answer alone would not arm its timer again. */
function demandSign(session: ServerHttp2Session, idleMs: number): void {
  let isAlive = false;
  const deadline = setTimeout(() => {
    // When this process was held up, the answer may be here already, and only not read yet.
    setImmediate(() => {
      if (!isAlive) session.destroy();
    });
  }, idleMs);
  const asked = session.ping(() => {
    isAlive = true;
    clearTimeout(deadline);
    if (!session.destroyed) session.setTimeout(idleMs);
  });
  if (!asked) session.destroy();
}
