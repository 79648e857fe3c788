/**
 * Requests that an HTTP/1.1 sender has put behind one another without waiting: each is begun when the answer before it
 * has gone out.
 *
 * Node hands over all requests of a packet at once and keeps their answers until it is their turn: a sender that reads
 * none could make 64 KiB of requests into some 40 MiB of answers, on every connection.
 *
 * **Invariant:** of one connection one answer at most is being made, and a bounded number of requests waits.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

export type Http1Listener = (request: IncomingMessage, response: ServerResponse) => void;

export interface Pipeline {
  /** Sees requests as Node hands them over. */
  readonly listener: Http1Listener;
  /** The request of the connection that is being answered, and its answer. */
  underWay(socket: Socket): RequestUnderWay | undefined;
  /** How many requests the connection has brought. */
  taken(socket: Socket): number;
  /** Calls back once every request that the connection has brought is answered. Nothing is begun on it after that. */
  afterAll(socket: Socket, then: () => void): void;
}

export interface RequestUnderWay {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** Some packets' worth; libraries that pipeline at all stay at about ten. */
export const WAITING_MAX = 256;

/** What is known of one connection. */
interface Line {
  /** The request that is being answered, and its answer. */
  request: IncomingMessage | undefined;
  response: ServerResponse | undefined;
  taken: number;
  readonly waiting: (() => void)[];
  /** Called when an answer is over. One for all of them. */
  readonly over: () => void;
}

/** `listener` sees the requests of each connection one after the other. Beyond the bound the connection is ended. */
export function createPipeline(listener: Http1Listener, waitingMax: number = WAITING_MAX): Pipeline {
  const lines = new WeakMap<Socket, Line>();

  function lineOf(socket: Socket): Line {
    const known = lines.get(socket);
    if (known !== undefined) return known;
    const line: Line = {
      request: undefined,
      response: undefined,
      taken: 0,
      waiting: [],
      over: () => {
        line.request = undefined;
        line.response = undefined;
        if (socket.destroyed) line.waiting.length = 0;
        line.waiting.shift()?.();
      },
    };
    lines.set(socket, line);
    return line;
  }

  function begin(line: Line, request: IncomingMessage, response: ServerResponse): void {
    line.request = request;
    line.response = response;
    // It follows "finish", or comes alone when the connection has ended; once in any case.
    response.on("close", line.over);
    listener(request, response);
  }

  return {
    listener: (request, response) => {
      const { socket } = request;
      const line = lineOf(socket);
      line.taken += 1;
      if (line.request === undefined) begin(line, request, response);
      else if (line.waiting.length >= waitingMax) socket.destroy();
      else line.waiting.push(() => begin(line, request, response));
    },
    underWay: (socket) => {
      const { request, response } = lines.get(socket) ?? {};
      return request === undefined || response === undefined ? undefined : { request, response };
    },
    taken: (socket) => lines.get(socket)?.taken ?? 0,
    afterAll: (socket, then) => {
      const line = lineOf(socket);
      if (line.request === undefined) then();
      else line.waiting.push(then);
    },
  };
}
