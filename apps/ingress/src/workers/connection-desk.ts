/**
 * Accepts the connections of all ports and hands each to the worker that has the fewest.
 *
 * This is our own, since what node:cluster has loses connections that it accepted when its workers leave or die, hands
 * them round for ever when all workers are at their limit, and cannot count them for the service as a whole. Left to
 * the system, with one socket that all workers listen on, whoever wakes first would take them all; a few HTTP/2
 * connections that live for days must be spread evenly.
 *
 * **Invariant:** a worker is handed one connection at a time, and the next when it has taken that one. So one that
 * stands still is handed no more, and one that dies takes with it what it has taken, and at most one besides.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo, Server, Socket } from "node:net";
import { BACKLOG } from "../server/listener.js";
import type { ListenerObserver } from "../server/listener.js";
import type { IngressConfig } from "../settings.js";
import { createGuestBook } from "./guest-book.js";
import type { Guest, GuestBook } from "./guest-book.js";
import type { PortName } from "./messages.js";
import type { WorkerProcess } from "./worker-process.js";

export interface Ports {
  readonly port: number;
  readonly grpcPort: number | undefined;
  readonly adminPort: number | undefined;
}

type DeskConfig = Pick<IngressConfig, "host" | "port" | "grpcPort" | "admin" | "limits" | "trustedProxies">;

interface Arrival {
  readonly id: number;
  readonly guest: Guest;
  readonly socket: Socket;
}

/** A worker's place at the desk. */
interface Seat {
  readonly guests: Map<number, Guest>;
  /** Handed to it, and not taken yet. */
  handing: Arrival | undefined;
}

export class ConnectionDesk {
  readonly #config: DeskConfig;
  readonly #book: GuestBook;
  /** Those that have waited the longest for a connection come first. */
  readonly #seats = new Map<WorkerProcess, Seat>();
  /** Accepted, and not handed to anybody; bounded as all connections are. */
  readonly #waiting: Arrival[] = [];
  readonly #servers: Server[] = [];
  #accepted = 0;
  #handedAll: () => void = () => undefined;

  constructor(config: DeskConfig, observer: ListenerObserver) {
    this.#config = config;
    this.#book = createGuestBook(config, observer);
  }

  /** Opens the ports. Rejects if one of them cannot be had. */
  async open(): Promise<Ports> {
    const { host, port, grpcPort, admin } = this.#config;
    const adminPort = admin && (await this.#openPort("admin", admin.host, admin.port));
    return {
      port: await this.#openPort("public", host, port),
      grpcPort: grpcPort === undefined ? undefined : await this.#openPort("grpc", host, grpcPort),
      adminPort,
    };
  }

  /** The worker takes connections from now on. */
  join(worker: WorkerProcess): void {
    this.#seats.set(worker, { guests: new Map(), handing: undefined });
    this.#hand();
  }

  /** The worker has ended, and its connections with it. */
  leave(worker: WorkerProcess): void {
    const seat = this.#seats.get(worker);
    this.#seats.delete(worker);
    for (const guest of seat?.guests.values() ?? []) guest.ended();
    // It may have been read from: nobody else could make sense of the rest.
    seat?.handing?.socket.destroy();
  }

  /** The worker has taken what it was handed. */
  taken(worker: WorkerProcess): void {
    const seat = this.#seats.get(worker);
    // The worker has the connection; this closes but the copy of it here.
    seat?.handing?.socket.destroy();
    if (seat !== undefined) seat.handing = undefined;
    this.#hand();
  }

  /** These connections have ended. */
  ended(worker: WorkerProcess, ids: readonly number[]): void {
    const guests = this.#seats.get(worker)?.guests;
    for (const id of ids) {
      guests?.get(id)?.ended();
      guests?.delete(id);
    }
  }

  /** Accepts no more. Resolves when all that were accepted are handed over, or will not be. */
  async stop(timeoutMs: number): Promise<void> {
    for (const server of this.#servers) server.close();
    if (this.#waiting.length === 0) return;
    const handedAll = new Promise<void>((resolve) => void (this.#handedAll = resolve));
    const deadline = setTimeout(this.#handedAll, timeoutMs);
    await handedAll;
    clearTimeout(deadline);
    for (const { socket } of this.#waiting.splice(0)) socket.destroy();
  }

  async #openPort(name: PortName, host: string, port: number): Promise<number> {
    // Nothing is read of a connection here, and it gets what http.Server gives to those of its own.
    const options = { pauseOnConnect: true, allowHalfOpen: true, noDelay: true };
    const server = createServer(options, (socket) => this.#accept(name, socket));
    server.listen({ host, port, backlog: BACKLOG });
    await once(server, "listening");
    this.#servers.push(server);
    return (server.address() as AddressInfo).port;
  }

  #accept(port: PortName, socket: Socket): void {
    // It is its worker that hears of failures.
    socket.on("error", () => undefined);
    const guest = this.#book.admit(port, socket.remoteAddress);
    if (guest === undefined) return void socket.destroy();
    this.#accepted += 1;
    this.#waiting.push({ id: this.#accepted, guest, socket });
    this.#hand();
  }

  /** Hands over what waits, as long as a worker is free. */
  #hand(): void {
    for (;;) {
      const [arrival] = this.#waiting;
      if (arrival === undefined) return this.#handedAll();
      const free = this.#freeSeat();
      if (free === undefined) return;
      this.#waiting.shift();
      const [worker, seat] = free;
      this.#seats.delete(worker);
      this.#seats.set(worker, seat);
      const { id, guest, socket } = arrival;
      seat.guests.set(id, guest);
      seat.handing = arrival;
      worker.send({ kind: "connection", id, port: guest.port }, socket);
    }
  }

  /** Of those that have the fewest connections, the one that comes first. */
  #freeSeat(): [WorkerProcess, Seat] | undefined {
    let best: [WorkerProcess, Seat] | undefined;
    for (const one of this.#seats) {
      const [, { handing, guests }] = one;
      if (handing === undefined && (best === undefined || guests.size < best[1].guests.size)) best = one;
    }
    return best;
  }
}
