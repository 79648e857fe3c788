/**
 * The end of a process that drops nothing: what its sockets have taken is answered before they go.
 *
 * Not ready → a pause for load balancers → no new connections → open ones get their last answer with
 * `Connection: close` or a GOAWAY → idle ones are closed → at the deadline the rest is ended.
 */
import { setTimeout as wait } from "node:timers/promises";
import type { Lifecycle } from "../lifecycle.js";
import type { Http2Sessions } from "./http2-sessions.js";
import type { Listener } from "./listener.js";

export interface DrainOptions {
  /** Not ready, still serving, milliseconds. */
  readonly delayMs: number;
  /** For requests under way, milliseconds. */
  readonly timeoutMs: number;
}

/** How long an open connection may use its last chance: a round trip of any line. */
const LAST_REQUEST_MS = 500;

/** What ended streams may use to say so. */
const LAST_WORD_MS = 500;

export async function drain(
  lifecycle: Lifecycle,
  listeners: readonly Listener[],
  sessions: Http2Sessions,
  options: DrainOptions,
): Promise<void> {
  lifecycle.drain();
  if (options.delayMs > 0) await wait(options.delayMs);
  lifecycle.leave();
  await pending();
  for (const listener of listeners) listener.stopAccepting();
  sessions.announceEnd();
  const closed = Promise.all(listeners.map((listener) => listener.closed)).then(() => true);
  const deadline = new AbortController();
  try {
    const within = (ms: number): Promise<boolean> =>
      Promise.race([closed, wait(ms, false, { signal: deadline.signal })]);
    if (!(await within(Math.min(LAST_REQUEST_MS, options.timeoutMs)))) {
      await pending();
      for (const listener of listeners) listener.closeIdle();
      sessions.end();
      if (!(await within(options.timeoutMs))) {
        lifecycle.abort();
        await within(LAST_WORD_MS);
      }
    }
  } finally {
    lifecycle.abort();
    deadline.abort();
    await Promise.all(listeners.map((listener) => listener.close()));
  }
}

/** Lets in what the sockets have already, connections and requests: closing them would drop it. */
function pending(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}
