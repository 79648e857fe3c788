/** REST, and the protocols that browsers speak, beside bare Node servers. */
import { listeningPort } from "@event-collector/e2e/program";
import { alternate } from "../alternation.js";
import type { Side } from "../alternation.js";
import { ingressSide, shotSide, startIngress } from "../collector-side.js";
import type { RunningIngress } from "../collector-side.js";
import { withFolder } from "../folder.js";
import { generatorFor } from "../load/choice.js";
import type { Shot } from "../load/volley.js";
import { SERVER_CORE, startPinnedScript } from "../pinned.js";
import type { Row } from "../row.js";
import { eventMessage, grpcFrame, repeated, restBody, SAMPLE } from "../sample.js";
import type { RowContext } from "./context.js";

export const CONNECTIONS = 64;
export const BATCH_EVENTS = 100;

/** What the collector answers to a batch that it took, or something as long. */
const ANSWER = JSON.stringify({
  success: true,
  batch_id: "batch_0197a5f0-7c4e-7bb1-8f0e-2d1c5a6b7c8d",
  accepted: 100,
  rejected: 0,
  timestamp: "2024-01-15T10:30:01.042Z",
});

const SERVICE = "/event_collector.v1.EventCollectorService";

export function shotAt(port: number, path: string, contentType: string, body: Uint8Array): Shot {
  return {
    protocol: "http1",
    url: `http://127.0.0.1:${port}${path}`,
    headers: { "content-type": contentType },
    body,
    connections: CONNECTIONS,
    streams: 1,
  };
}

export function restShot(port: number, events: number): Shot {
  return shotAt(port, "/collect", "application/json", restBody(repeated(SAMPLE, events)));
}

export async function restSingle(context: RowContext): Promise<Row> {
  const result = await besideBareHttp(context, "read", 1);
  return {
    id: "rest-single",
    work: "REST, 1 event a request, durable",
    unit: "events/s",
    ...result,
    target: { of: "ratio", least: 0.6 },
  };
}

export async function restBatch(context: RowContext): Promise<Row> {
  const result = await besideBareHttp(context, "json", BATCH_EVENTS);
  return {
    id: "rest-batch",
    work: `REST, batches of ${BATCH_EVENTS}, durable`,
    unit: "events/s",
    ...result,
    target: { of: "ratio", least: 0.7 },
  };
}

async function besideBareHttp(
  context: RowContext,
  mode: "read" | "json",
  events: number,
): Promise<Awaited<ReturnType<typeof alternate>>> {
  return withIngress(async (ingress) => {
    const floor = startPinnedScript(SERVER_CORE, "floors/bare-http.js", [mode, ANSWER]);
    try {
      const port = await listeningPort(floor);
      const name = mode === "read" ? "bare node:http" : "bare node:http, parse and stringify";
      return await alternate(
        rest(context, ingress, events),
        shotSide(name, floor, generatorFor(context.generators, HTTP1), restShot(port, events), events),
        context.pace,
      );
    } finally {
      await floor.kill();
    }
  });
}

const HTTP1 = { protocol: "http1" } as const;

function rest({ generators }: RowContext, ingress: RunningIngress, events: number, name = "collector"): Side {
  const shot = restShot(ingress.port, events);
  return ingressSide(name, ingress, generatorFor(generators, HTTP1), shot, events);
}

export function withIngress<Result>(
  use: (ingress: RunningIngress) => Promise<Result>,
  options: Omit<Parameters<typeof startIngress>[0], "spool"> = {},
): Promise<Result> {
  return withFolder(async (folder) => {
    const ingress = await startIngress({ ...options, spool: `${folder}/spool` });
    try {
      return await use(ingress);
    } finally {
      await ingress.program.kill();
    }
  });
}

/** What the syncs cost: the same process with and without them. */
export async function syncCost(context: RowContext): Promise<Row> {
  const result = await withIngress((synced) =>
    withIngress(
      (unsynced) =>
        alternate(rest(context, synced, 1), rest(context, unsynced, 1, "without fdatasync"), context.pace),
      { synced: false },
    ),
  );
  return {
    id: "sync-cost",
    work: "REST, 1 event a request, what fdatasync costs",
    unit: "events/s",
    ...result,
    note: "the other side is not durable",
  };
}

/** Connect and gRPC-Web over HTTP/1.1 beside REST, all three of the same process. */
export async function browserRpc(context: RowContext): Promise<Row[]> {
  const kinds = [
    ["connect", "Connect unary, JSON, durable", "application/json", Buffer.from(JSON.stringify(SAMPLE))],
    ["grpc-web", "gRPC-Web unary, durable", "application/grpc-web+proto", grpcFrame(eventMessage(SAMPLE))],
  ] as const;
  return withIngress(async (ingress) => {
    const rows: Row[] = [];
    const floor = rest(context, ingress, 1, "REST, 1 event");
    for (const [id, work, contentType, body] of kinds) {
      const shot = shotAt(ingress.port, `${SERVICE}/CollectEvent`, contentType, body);
      const side = ingressSide("collector", ingress, generatorFor(context.generators, HTTP1), shot);
      const result = await alternate(side, floor, context.pace);
      rows.push({ id, work, unit: "events/s", ...result, target: { of: "ratio", least: 0.5 } });
    }
    return rows;
  });
}
