/**
 * A worker's link to its primary: connections come in by it, as do orders; questions about the whole go out.
 *
 * **Invariant:** whatever fails here means that the primary is gone, which the worker hears by itself.
 */
import type { Socket } from "node:net";
import type { Primary } from "../ingress.js";
import type { HandedPort } from "../server/handed-port.js";
import type { PortName, ToPrimary, ToWorker, ViewName } from "./messages.js";
import { createTakeExchange } from "./take-exchange.js";

/** What the primary tells a worker to do. */
export type Order = Extract<ToWorker, { kind: "retire" | "leave" | "reload" | "snapshot" }>;

export interface PrimaryLink extends Primary {
  send(message: ToPrimary): void;
}

/** The channel of this process to the one that started it. */
export interface Channel {
  send(message: ToPrimary): void;
  on(heard: (message: ToWorker, socket: Socket | undefined) => void): void;
}

export function openPrimaryLink(channel: Channel, obey: (order: Order) => void): PrimaryLink {
  const takers = new Map<PortName, (socket: Socket) => void>();
  const questions = new Map<number, (text: string | undefined) => void>();
  const exchange = createTakeExchange((takes) => channel.send({ kind: "takes", takes }));
  const closed = createCloseReport((ids) => channel.send({ kind: "closed", ids }));
  let asked = 0;

  function take(id: number, port: PortName, socket: Socket | undefined): void {
    channel.send({ kind: "taken" });
    // Its peer hung up on the way.
    if (socket === undefined) return closed(id);
    socket.once("close", () => closed(id));
    const taker = takers.get(port);
    if (taker === undefined) socket.destroy();
    else taker(socket);
  }

  async function ask(view: ViewName): Promise<string> {
    const question = (asked += 1);
    const answer = new Promise<string | undefined>((resolve) => void questions.set(question, resolve));
    channel.send({ kind: "view", question, view });
    const text = await answer;
    if (text === undefined) throw new Error(`the primary could not tell the ${view} of all workers`);
    return text;
  }

  channel.on((message, socket) => {
    if (message.kind === "connection") return take(message.id, message.port, socket);
    if (message.kind === "takes") return exchange.hear(message.takes);
    if (message.kind !== "view") return obey(message);
    questions.get(message.question)?.(message.text);
    questions.delete(message.question);
  });
  return {
    send: (message) => channel.send(message),
    port: (name): HandedPort => ({ take: (taker) => void takers.set(name, taker) }),
    rateExchange: exchange,
    overview: { metrics: () => ask("metrics"), status: () => ask("status"), stats: () => ask("stats") },
  };
}

/** Connections that end in one turn of the event loop are reported together. */
function createCloseReport(report: (ids: readonly number[]) => void): (id: number) => void {
  let ids: number[] = [];
  return (id) => {
    ids.push(id);
    if (ids.length > 1) return;
    setImmediate(() => {
      report(ids);
      ids = [];
    });
  };
}
