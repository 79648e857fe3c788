/**
 * Part of the one door to the broker: a client of node-rdkafka in promises, with its life cycle.
 *
 * **Invariant:** a client is disconnected only when none of its calls is under way, for disconnecting frees what
 * those calls still use. **Invariant:** a call that fails rejects with a BrokerFailure.
 */
import { asBrokerFailure, brokerFailure, connectFailure } from "./broker-failure.js";
import type { NativeError } from "./broker-failure.js";
import type { BrokerObserver } from "./broker-observer.js";

/** How node-rdkafka answers. */
export type Callback<Result> = (error: NativeError | null | undefined, result?: Result) => void;

/** What its producers and consumers have in common. */
export interface NativeClient {
  connect(options: { allTopics?: boolean; timeout?: number }, done: Callback<unknown>): unknown;
  isConnected(): boolean;
  setOauthBearerToken(token: string): unknown;
  on(event: "event.error", listener: (error: NativeError) => void): unknown;
  on(event: "event.log", listener: (line: LogLine) => void): unknown;
}

/** A line of librdkafka's own log. */
export interface LogLine {
  /** As in syslog(3): 3 is an error. */
  readonly severity: number;
  readonly fac: string;
  readonly message: string;
}

/** A connected client. */
export interface Client<Native> {
  readonly native: Native;
  /** Runs one call of the native client. */
  call<Result>(start: (done: Callback<Result>) => unknown): Promise<Result>;
  /** Waits for the calls under way, then lets go of the client. Safe to call twice. */
  close(): Promise<void>;
}

export interface ClientOptions {
  /** The current OAUTHBEARER token; absent with other mechanisms. */
  readonly token?: (() => Promise<string>) | undefined;
  readonly connectTimeoutMs: number;
}

/** How often the token is looked at again; tokens live for minutes at least. Milliseconds. */
const TOKEN_REFRESH_MS = 30_000;

/** Lines that are kept while a client connects: more than it logs in that time. */
const LOG_LINES_MAX = 100;

const ALL_BROKERS_DOWN = -187;

/** Connects; `disconnect` is how this kind of client is told to end. */
export async function connectClient<Native extends NativeClient>(
  native: Native,
  disconnect: (done: () => void) => unknown,
  options: ClientOptions,
  observer: BrokerObserver,
): Promise<Client<Native>> {
  const underWay = new Set<Promise<void>>();
  let closing: Promise<void> | undefined;

  function call<Result>(start: (done: Callback<Result>) => unknown): Promise<Result> {
    const outcome = new Promise<Result>((resolve, reject) => {
      try {
        start((error, result) => {
          if (error === null || error === undefined) resolve(result as Result);
          else reject(brokerFailure(error));
        });
      } catch (error) {
        reject(brokerFailure(asNativeError(error)));
      }
    });
    const settled = outcome.then(
      () => observer.reachable(true),
      () => undefined,
    );
    underWay.add(settled);
    void settled.then(() => underWay.delete(settled));
    return outcome;
  }

  async function end(): Promise<void> {
    stopRefreshing();
    await Promise.all(underWay);
    if (native.isConnected()) await new Promise<void>((resolve) => disconnect(resolve));
  }

  native.on("event.error", (error) => {
    const failure = brokerFailure(error);
    if (failure.code === ALL_BROKERS_DOWN) observer.reachable(false);
    observer.heard(failure);
  });
  const loggedWhileConnecting: string[] = [];
  let connected = false;
  native.on("event.log", ({ severity, fac, message }) => {
    if (!connected && loggedWhileConnecting.length < LOG_LINES_MAX) loggedWhileConnecting.push(message);
    observer.logged(severity, `${fac}: ${message}`);
  });
  const stopRefreshing = await keepToken(native, options);
  const client: Client<Native> = { native, call, close: () => (closing ??= end()) };
  try {
    await call((done) => native.connect({ allTopics: false, timeout: options.connectTimeoutMs }, done));
    connected = true;
  } catch (error) {
    await client.close();
    throw connectFailure(asBrokerFailure(error), loggedWhileConnecting);
  }
  return client;
}

/** Gives the client its token and keeps it fresh; returns what ends that. */
async function keepToken(native: NativeClient, { token }: ClientOptions): Promise<() => void> {
  if (token === undefined) return () => undefined;
  native.setOauthBearerToken(await token());
  const timer = setInterval(() => {
    // A token that cannot be read leaves the old one in place; the broker refuses it when it is over.
    token().then(
      (fresh) => native.setOauthBearerToken(fresh),
      () => undefined,
    );
  }, TOKEN_REFRESH_MS);
  timer.unref();
  return () => clearInterval(timer);
}

/** Whatever was thrown, in the shape of an error of node-rdkafka. */
export function asNativeError(error: unknown): NativeError {
  return error instanceof Error ? error : { message: String(error) };
}
