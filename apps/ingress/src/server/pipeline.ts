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

/** Some packets' worth; libraries that pipeline at all stay at about ten. */
export const WAITING_MAX = 256;

/** `listener` sees the requests of each connection one after the other. Beyond the bound the connection is ended. */
export function oneByOne(listener: Http1Listener, waitingMax: number = WAITING_MAX): Http1Listener {
  const lines = new WeakMap<Socket, (() => void)[]>();
  return (request, response) => {
    const { socket } = request;
    const waiting = lines.get(socket);
    if (waiting !== undefined) {
      if (waiting.length >= waitingMax) socket.destroy();
      else waiting.push(() => begin(request, response));
      return;
    }
    lines.set(socket, []);
    begin(request, response);
  };

  function begin(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    // "close" follows "finish", and comes alone when the connection has ended.
    response.once("close", () => {
      if (socket.destroyed) return void lines.delete(socket);
      const next = lines.get(socket)?.shift();
      if (next === undefined) lines.delete(socket);
      else next();
    });
    listener(request, response);
  }
}
