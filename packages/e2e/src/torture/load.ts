/**
 * Load on an ingress: senders that each send, read the answer, enter it in the ledger, and send again.
 *
 * Invariant: an event is in the ledger before its first byte is sent, and an answer is entered as soon as it is
 * read.
 */
import { setTimeout as pause } from "node:timers/promises";
import { eventId, issuedEvent } from "./issued-event.js";
import { createHttpSender } from "./http-sender.js";
import type { Ledger } from "./ledger.js";
import type { Random } from "./random.js";
import { createRpcSenders } from "./rpc-sender.js";
import type { Answer, Sender } from "./sender.js";

export interface LoadOptions {
  port: number;
  /** Begins the names of the senders; the ids of two loads on one ledger must differ. No dot. */
  name: string;
  /** How many senders of each kind. */
  http?: number;
  rpcSingle?: number;
  rpcBatch?: number;
  rpcStream?: number;
  /** A call that is not answered within this is given up: its events are unknown. */
  timeoutMs?: number;
  /** What a sender waits after an answer that took nothing, so that a service in trouble is not hammered. */
  pauseMs?: number;
}

/** One call and what came of it. */
export interface Call {
  readonly protocol: string;
  readonly ids: readonly string[];
  readonly answer: Answer;
  /** By the clock of performance.now(). */
  readonly startedAt: number;
  readonly tookMs: number;
}

export interface Load {
  /** All calls that have ended. */
  readonly calls: readonly Call[];
  /** Resolves with the next call to end, from now on, that `matches`. */
  next(matches: (call: Call) => boolean, timeoutMs?: number): Promise<Call>;
  /** Sends nothing more and resolves when every call under way has its answer. */
  finish(): Promise<void>;
  /** Ends the senders at once; calls that are under way become unknown. */
  stop(): Promise<void>;
}

const TIMEOUT_MS = 60_000;
const PAUSE_MS = 20;
const NEXT_TIMEOUT_MS = 60_000;

export function startLoad(ledger: Ledger, random: Random, options: LoadOptions): Load {
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  const rpc = createRpcSenders(options.port, timeoutMs);
  const senders: Sender[] = [];
  const add = (count: number, make: () => Sender): void => {
    for (let index = 0; index < count; index += 1) senders.push(make());
  };
  add(options.http ?? 0, () => createHttpSender(options.port, timeoutMs));
  add(options.rpcSingle ?? 0, () => rpc.single);
  add(options.rpcBatch ?? 0, () => rpc.batch);
  // A stream belongs to one sender.
  add(Math.min(options.rpcStream ?? 0, 1), () => rpc.stream);

  const calls: Call[] = [];
  const watchers = new Set<(call: Call | undefined) => void>();
  let stopped = false;

  async function run(sender: Sender, name: string): Promise<void> {
    for (let number = 0; !stopped;) {
      const size = 1 + random.below(sender.eventsMax);
      const events = Array.from({ length: size }, (_, index) => issuedEvent(eventId(name, number + index)));
      number += size;
      for (const { id } of events) ledger.issue(id);
      const startedAt = performance.now();
      const answer = await sender.send(events);
      const ids = events.map(({ id }) => id);
      enter(ledger, ids, answer);
      const call = {
        protocol: sender.protocol,
        ids,
        answer,
        startedAt,
        tookMs: performance.now() - startedAt,
      };
      calls.push(call);
      for (const watcher of watchers) watcher(call);
      if (answer.type !== "stored" && !stopped) await pause(options.pauseMs ?? PAUSE_MS);
    }
  }

  async function stop(): Promise<void> {
    stopped = true;
    for (const sender of senders) sender.close();
    rpc.close();
    await Promise.all(ended);
    for (const watcher of watchers) watcher(undefined);
  }

  const ended = senders.map((sender, index) => run(sender, `${options.name}-${index}`));
  return {
    calls,
    next: (matches, nextTimeoutMs = NEXT_TIMEOUT_MS) => nextCall(watchers, matches, nextTimeoutMs),
    finish: async () => {
      stopped = true;
      await Promise.all(ended);
      await stop();
    },
    stop,
  };
}

/** The kinds of senders that the long runs use together. */
export const MIXED_LOAD = { http: 4, rpcSingle: 1, rpcBatch: 1, rpcStream: 1 } as const;

function enter(ledger: Ledger, ids: readonly string[], answer: Answer): void {
  if (answer.type === "unknown") return;
  for (const [index, id] of ids.entries()) {
    if (answer.type === "refused") ledger.refuse(id);
    else ledger.acknowledge(id, answer.rejected.has(index) ? "rejected" : "accepted");
  }
}

function nextCall(
  watchers: Set<(call: Call | undefined) => void>,
  matches: (call: Call) => boolean,
  timeoutMs: number,
): Promise<Call> {
  return new Promise((resolve, reject) => {
    const finish = (action: () => void): void => {
      clearTimeout(timer);
      watchers.delete(watch);
      action();
    };
    const watch = (call: Call | undefined): void => {
      if (call === undefined)
        finish(() => reject(new Error("the load was stopped before such a call ended")));
      else if (matches(call)) finish(() => resolve(call));
    };
    const timer = setTimeout(
      () => finish(() => reject(new Error(`no call ended as expected within ${timeoutMs} ms`))),
      timeoutMs,
    );
    watchers.add(watch);
  });
}
