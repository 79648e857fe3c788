/**
 * The port for operators: metrics, statistics and health, in cleartext and without keys, for a network that the
 * public does not reach. HTTP/1.1 is what scrapers and probes speak.
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { answerClientErrors } from "./client-error.js";
import { adopt } from "./handed-port.js";
import type { HandedPort } from "./handed-port.js";
import { createPipeline } from "./pipeline.js";
import type { Http1Listener } from "./pipeline.js";

export interface AdminListener {
  /** 0 if another process listens. */
  readonly port: number;
  /** Idempotent. */
  close(): Promise<void>;
}

/** Some scrapers and probes; more than that is a mistake. */
export const ADMIN_CONNECTIONS_MAX = 100;

/** Requests have no bodies. */
const REQUEST_TIMEOUT_MS = 10_000;

export async function listenForOperators(
  listener: Http1Listener,
  options: { readonly host: string; readonly port: number },
  handed?: HandedPort,
): Promise<AdminListener> {
  const timeouts = { headersTimeout: REQUEST_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS };
  const pipeline = createPipeline(listener);
  const server = createServer({ ...timeouts, connectionsCheckingInterval: 1_000 }, pipeline.listener);
  answerClientErrors(server, pipeline);
  if (handed !== undefined) {
    const { stop, closed } = adopt(server, handed);
    return {
      port: 0,
      close: async () => {
        stop();
        server.closeAllConnections();
        await closed;
      },
    };
  }
  server.maxConnections = ADMIN_CONNECTIONS_MAX;
  server.listen(options);
  await once(server, "listening");
  const closed = once(server, "close");
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      if (server.listening) server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
