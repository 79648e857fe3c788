/**
 * What Node's HTTP/1.1 parser refuses before there is a request, or in the middle of its body: answered with a problem
 * document like everything else, and with the end of the connection, since nobody knows where a next request begins.
 *
 * **Invariant:** an answer never stands in for another one: requests that came before are answered first.
 * **Invariant:** nothing that Node says of the error goes out.
 */
import { systemClock } from "@event-collector/spool";
import { STATUS_CODES } from "node:http";
import { Socket } from "node:net";
import type { Server } from "node:net";
import type { Duplex } from "node:stream";
import { problemOf } from "../http/problem.js";
import { makeId } from "../ids.js";
import type { ServiceRefusal } from "../refusal.js";
import type { Pipeline } from "./pipeline.js";
import { DISCARDED } from "./unread-body.js";

export function answerClientErrors(server: Server, pipeline: Pipeline): void {
  /** The connections that are being ended, and how many bytes they may bring all in all. */
  const bytesMax = new WeakMap<Socket, number>();

  function refuse(socket: Socket, refusal: ServiceRefusal): void {
    if (bytesMax.has(socket)) return;
    bytesMax.set(socket, socket.bytesRead + DISCARDED.bytesMax);
    const current = pipeline.underWay(socket);
    if (current === undefined || current.request.complete) {
      return pipeline.afterAll(socket, () => endWith(socket, answerOf(refusal)));
    }
    // It is the body of a request under way that is broken. With the connection its handler is ended too.
    if (!current.response.headersSent) socket.write(answerOf(refusal));
    socket.destroySoon();
  }

  server.on("clientError", (error: NodeJS.ErrnoException, socket: Duplex) => {
    const refusal = refusalOf(error.code ?? "");
    if (!(socket instanceof Socket)) {
      socket.destroy();
    } else if (refusal === undefined || !socket.writable) {
      // What still comes after the last answer is passed over, up to a point.
      if (socket.bytesRead >= (bytesMax.get(socket) ?? 0)) socket.destroy();
    } else if (refusal.code === "request_timeout") {
      refuseUnlessItCame(socket, refusal);
    } else {
      refuse(socket, refusal);
    }
  });

  /** When this process was held up, the head may be here already, and only not read yet. */
  function refuseUnlessItCame(socket: Socket, refusal: ServiceRefusal): void {
    const before = pipeline.taken(socket);
    setImmediate(() => {
      if (pipeline.taken(socket) === before) refuse(socket, refusal);
    });
  }
}

/** Undefined where it is the connection that failed, and nobody is left to be told. */
function refusalOf(code: string): ServiceRefusal | undefined {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return { code: "headers_too_large", message: "the head of a request must have at most 16 KiB" };
    case "HPE_CHUNK_EXTENSIONS_OVERFLOW":
      return { code: "body_too_large", message: "the extensions of a chunk are too long" };
    case LATE_CODE:
      return { code: "request_timeout", message: "the head of the request did not arrive in time" };
    default:
      return code.startsWith("HPE_") ? NO_HTTP : undefined;
  }
}

const NO_HTTP: ServiceRefusal = { code: "malformed_request", message: "this is no HTTP" };

/** The whole answer to a request that ends in the middle. */
export function brokenRequestText(): string {
  return answerOf(NO_HTTP);
}

/** What Node reports of a connection on which nothing has come in time. */
export function reportLate(server: Server, socket: Socket): void {
  server.emit("clientError", Object.assign(new Error("late"), { code: LATE_CODE }), socket);
}

const LATE_CODE = "ERR_HTTP_REQUEST_TIMEOUT";

function answerOf(refusal: ServiceRefusal): string {
  const id = makeId();
  const { status, headers, body } = problemOf(refusal, id, {});
  const lines = Object.entries({
    ...headers,
    "content-length": String(Buffer.byteLength(body)),
    "x-request-id": id,
    date: new Date(systemClock.now()).toUTCString(),
    connection: "close",
  }).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n${body}`;
}

/** Half-closes after the text and takes what still comes for a while, lest a reset overtake the text. */
function endWith(socket: Socket, text: string): void {
  socket.end(text);
  const deadline = setTimeout(() => socket.destroy(), DISCARDED.timeMax);
  deadline.unref();
  socket.once("close", () => clearTimeout(deadline));
}
