/**
 * A port that another process listens on, which hands its connections over: what a worker has instead of a port.
 *
 * A server that never listens would not end slow requests: node arms those timeouts when a server says that it
 * listens, so it is made to say so.
 */
import type { Server, Socket } from "node:net";

export interface HandedPort {
  /** Hands each connection to `taker` from now on. */
  take(taker: (socket: Socket) => void): void;
}

export interface Adoption {
  /** Resolves when it was stopped and its last connection has ended. */
  readonly closed: Promise<void>;
  /** Takes no more; those that are open stay. */
  readonly stop: () => void;
}

/** Makes the server serve the connections of the port as if they were its own. */
export function adopt(server: Server, port: HandedPort): Adoption {
  let open = 0;
  let isStopped = false;
  let finish: () => void = () => undefined;
  const closed = new Promise<void>((resolve) => void (finish = resolve));
  const finishIfDone = (): void => {
    if (isStopped && open === 0) finish();
  };
  server.emit("listening");
  port.take((socket) => {
    if (isStopped) return void socket.destroy();
    open += 1;
    socket.once("close", () => {
      open -= 1;
      finishIfDone();
    });
    // As http.Server has it with connections of its own: whoever says no more may still be answered.
    socket.allowHalfOpen = true;
    server.emit("connection", socket);
  });
  return {
    closed,
    stop: () => {
      isStopped = true;
      finishIfDone();
    },
  };
}
