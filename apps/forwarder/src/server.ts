/** The forwarder's own port: `/health` for liveness, `/ready` for readiness, `/metrics` for Prometheus. */
import { serve } from "@hono/node-server";
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
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

export interface Server {
  readonly port: number;
  close(): Promise<void>;
}

export function createApp({ metrics, readiness, now }: ServerSources, options: ServerOptions): Hono {
  const app = new Hono();
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
