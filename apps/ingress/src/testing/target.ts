/**
 * An ingress in a process of its own as the target of senders that mean no good, and the two questions that every case
 * ends with: was a client of another address served all the while, and is what was held bounded?
 */
import { Agent, request } from "node:http";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Test } from "tap";
import { metric, startProcess } from "./ingress-process.js";
import type { IngressProcess } from "./ingress-process.js";
import { sampleBatch, sampleEvent } from "./sample-event.js";

export const MIB: number = 1024 * 1024;

export interface Target {
  readonly process: IngressProcess;
  readonly port: number;
  /** The sum of a metric over its labels, or of those lines that hold `label`. */
  readonly metric: (name: string, label?: string) => Promise<number>;
  /** Opens a connection from 127.0.0.1, where the ill-meaning ones come from. */
  readonly attack: () => Socket;
  /** Posts an event over a new connection; resolves with the status. */
  readonly post: (localAddress?: string) => Promise<number>;
}

/** Where honest senders come from. */
const ELSEWHERE = "127.0.0.2";

export async function startTarget(t: Test, environment: Record<string, string> = {}): Promise<Target> {
  const process = startProcess(t, {
    BUFFER_DIR: join(t.testdir({}), "spool"),
    ADMIN_PORT: "0",
    ...environment,
  });
  const port = Number((await process.said("listening"))["port"]);
  const admin = Number((await process.said("listening for operators"))["port"]);
  const url = `http://127.0.0.1:${admin}`;
  return {
    process,
    port,
    metric: (name, label) => metric(url, name, label),
    attack: () => {
      const socket = connect({ port, host: "127.0.0.1", localAddress: "127.0.0.1" });
      socket.on("error", () => undefined);
      t.teardown(() => socket.destroy());
      return socket;
    },
    post: async (localAddress = ELSEWHERE) => {
      const agent = new Agent({ keepAlive: false });
      return post(port, localAddress, agent);
    },
  };
}

function post(port: number, localAddress: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        port,
        host: "127.0.0.1",
        localAddress,
        agent,
        path: "/collect",
        method: "POST",
        headers: { "content-type": "application/json" },
      },
      (response) => {
        response.resume();
        response.on("end", () => resolve(response.statusCode ?? 0));
      },
    );
    outgoing.on("error", reject);
    outgoing.end(sampleBatch(sampleEvent()));
  });
}

/**
 * Posts from another address until `during` is over; all must be answered with 200. Over one connection that is kept:
 * a new one could be held up on a busy machine for as long as the deadlines that are tested here.
 */
export async function serveMeanwhile(t: Test, { port }: Target, during: () => Promise<void>): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  let isOver = false;
  const statuses = new Map<number, number>();
  const others = (async () => {
    do {
      const status = await post(port, ELSEWHERE, agent);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      await wait(5);
    } while (!isOver);
  })();
  await during();
  isOver = true;
  await others;
  agent.destroy();
  t.same([...statuses.keys()], [200], "others are served all the while");
}

/** Looks again until it is so. There is no deadline but that of the test. */
export async function until(condition: () => Promise<boolean> | boolean): Promise<void> {
  while (!(await condition())) await wait(20);
}

export function ended(socket: Socket): Promise<void> {
  socket.resume();
  return new Promise((resolve) => {
    if (socket.destroyed) resolve();
    else socket.once("close", () => resolve());
  });
}

/** Writes the pieces as fast as they are taken, until they are all written or the connection is ended. */
export async function pour(socket: Socket, pieces: Iterable<Buffer>): Promise<void> {
  socket.resume();
  for (const piece of pieces) {
    if (socket.destroyed) return;
    if (socket.write(piece)) continue;
    await new Promise<void>((resolve) => {
      for (const event of ["drain", "close"]) socket.once(event, () => resolve());
    });
  }
}

/** Memory that a target has before anything is done to it, for `assertUnharmed`. */
export async function memoryOf(target: Target): Promise<number> {
  await target.post();
  return target.metric("process_resident_memory_bytes");
}

export async function assertUnharmed(
  t: Test,
  target: Target,
  before: number,
  bytesMax: number,
): Promise<void> {
  const grown = (await target.metric("process_resident_memory_bytes")) - before;
  t.ok(grown < bytesMax, `memory grew by ${Math.round(grown / MIB)} MiB`);
  t.equal(target.process.child.exitCode, null, "the process is alive");
  t.equal(target.process.errors(), "");
}
