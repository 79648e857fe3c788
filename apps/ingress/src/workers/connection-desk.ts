/**
 * Accepts the connections of all ports and hands each to the worker that has the fewest.
 *
 * This is our own, since what node:cluster has loses connections that it accepted when its workers leave, hands
 * them round for ever when all workers are at their limit, and cannot count them for the service as a whole. Left to
 * the system, with one socket that all workers listen on, whoever wakes first would take them all; a few HTTP/2
 * connections that live for days must be spread evenly.
 *
 * **Invariant:** a connection is its worker's until that says that it ended, or ends.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { BACKLOG } from "../server/listener.js";
import type { ListenerObserver } from "../server/listener.js";
import type { IngressConfig } from "../settings.js";
import { createGuestBook } from "./guest-book.js";
import type { Guest } from "./guest-book.js";
import type { PortName } from "./messages.js";
import type { WorkerProcess } from "./worker-process.js";

export interface ConnectionDesk {
  /** Opens the ports. Rejects if one of them cannot be had. */
  open(): Promise<Ports>;
  /** The worker takes connections from now on. */
  join(worker: WorkerProcess): void;
  /** The worker has ended, and its connections with it. */
  leave(worker: WorkerProcess): void;
  /** These connections have ended. */
  ended(worker: WorkerProcess, ids: readonly number[]): void;
  /** Accepts no more; all that were accepted are handed over. */
  stop(): void;
}

export interface Ports {
  readonly port: number;
  readonly grpcPort: number | undefined;
  readonly adminPort: number | undefined;
}

type Guests = Map<number, Guest>;

export function createConnectionDesk(
  config: Pick<IngressConfig, "host" | "port" | "grpcPort" | "admin" | "limits" | "trustedProxies">,
  observer: ListenerObserver,
): ConnectionDesk {
  const book = createGuestBook(config, observer);
  const seats = new Map<WorkerProcess, Guests>();
  /** Accepted while nobody serves; bounded as all connections are. */
  const waiting: { readonly id: number; readonly guest: Guest; readonly socket: Socket }[] = [];
  const servers: Server[] = [];
  let accepted = 0;

  function accept(port: PortName, socket: Socket): void {
    // From here on it is its worker that hears of failures.
    socket.on("error", () => undefined);
    const guest = book.admit(port, socket.remoteAddress);
    if (guest === undefined) return void socket.destroy();
    accepted += 1;
    seat(accepted, guest, socket);
  }

  function seat(id: number, guest: Guest, socket: Socket): void {
    let best: [WorkerProcess, Guests] | undefined;
    for (const one of seats) if (best === undefined || one[1].size < best[1].size) best = one;
    if (best === undefined) return void waiting.push({ id, guest, socket });
    const [worker, guests] = best;
    // Of those that have as few, the one comes next that has waited the longest.
    seats.delete(worker);
    seats.set(worker, guests);
    guests.set(id, guest);
    worker.send({ kind: "connection", id, port: guest.port }, socket);
  }

  async function openPort(name: PortName, host: string, port: number): Promise<number> {
    const server = await listenFor((socket) => accept(name, socket), host, port);
    servers.push(server);
    return (server.address() as AddressInfo).port;
  }

  return {
    open: async () => {
      const { host, port, grpcPort, admin } = config;
      const adminPort = admin && (await openPort("admin", admin.host, admin.port));
      return {
        port: await openPort("public", host, port),
        grpcPort: grpcPort === undefined ? undefined : await openPort("grpc", host, grpcPort),
        adminPort,
      };
    },
    join: (worker) => {
      seats.set(worker, new Map());
      for (const { id, guest, socket } of waiting.splice(0)) seat(id, guest, socket);
    },
    leave: (worker) => {
      for (const guest of seats.get(worker)?.values() ?? []) guest.ended();
      seats.delete(worker);
    },
    ended: (worker, ids) => {
      const guests = seats.get(worker);
      for (const id of ids) {
        guests?.get(id)?.ended();
        guests?.delete(id);
      }
    },
    stop: () => {
      for (const server of servers) server.close();
      for (const { socket } of waiting.splice(0)) socket.destroy();
    },
  };
}

async function listenFor(accept: (socket: Socket) => void, host: string, port: number): Promise<Server> {
  // Nothing is read of a connection here, and it gets what http.Server gives to those of its own.
  const options = { pauseOnConnect: true, allowHalfOpen: true, noDelay: true };
  const server = createServer(options, accept);
  server.listen({ host, port, backlog: BACKLOG });
  await once(server, "listening");
  return server;
}
