/**
 * The forwarder's own port: `/health` for liveness, `/ready` for readiness, `/metrics` for Prometheus, `/status` for
 * scripts, `/buffer/stats` for the spool alone, and a page for people.
 */
import { serve } from "@hono/node-server";
import { PAGE_HEADERS, renderPage } from "@event-collector/operations";
import type { StatusReport } from "@event-collector/operations";
import { Hono } from "hono";
import type { Metrics } from "./metrics.js";
import type { Readiness } from "./status.js";

export interface ServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly serviceName: string;
  readonly version: string;
}

export interface ServerSources {
  readonly metrics: Pick<Metrics, "render" | "contentType">;
  readonly readiness: () => Readiness;
  readonly report: () => Promise<StatusReport>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

export interface Server {
  readonly port: number;
  close(): Promise<void>;
}

/** What is true for a moment must not be kept by anything between here and the reader. */
const NOT_STORED = { "cache-control": "no-store" };

export function createApp(sources: ServerSources, options: ServerOptions): Hono {
  const { metrics, readiness, report, now } = sources;
  const page = renderPage({ role: "forwarder", service: options.serviceName, version: options.version });
  const app = new Hono();
  app.get("/", (context) => context.body(page, 200, { ...PAGE_HEADERS }));
  app.get("/status", async (context) => context.json(await report(), 200, NOT_STORED));
  app.get("/buffer/stats", async (context) => {
    const { disk, lag, books } = await report();
    return context.json({ ...disk, lag, books }, 200, NOT_STORED);
  });
  app.get("/health", (context) => {
    const state = readiness();
    return context.json({
      status: state.ready ? "healthy" : "degraded",
      service: options.serviceName,
      version: options.version,
      timestamp: new Date(now()).toISOString(),
      ...(state.ready ? {} : { reason: state.reason }),
    });
  });
  app.get("/ready", (context) => {
    const state = readiness();
    return context.json(state, state.ready ? 200 : 503);
  });
  app.get("/metrics", async (context) =>
    context.body(await metrics.render(), 200, { "content-type": metrics.contentType }),
  );
  return app;
}

/** Listens; rejects if the port is taken. */
export async function startServer(sources: ServerSources, options: ServerOptions): Promise<Server> {
  const app = createApp(sources, options);
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname: options.host, port: options.port }, ({ port }) => {
      resolve({
        port,
        close: () =>
          new Promise<void>((closed) => {
            server.close(() => closed());
            if ("closeAllConnections" in server) server.closeAllConnections();
          }),
      });
    });
    server.once("error", reject);
  });
}
