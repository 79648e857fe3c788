/** gRPC beside a server of grpc-js that does the same decode, line and sync. */
import { listeningPort } from "@event-collector/e2e/program";
import type { Program } from "@event-collector/e2e/program";
import { alternate } from "../alternation.js";
import type { Comparison, Side } from "../alternation.js";
import { ingressSide, shotSide } from "../collector-side.js";
import type { RunningIngress } from "../collector-side.js";
import { withFolder } from "../folder.js";
import { generatorFor } from "../load/choice.js";
import { streamSide } from "../load/stream.js";
import type { Shot } from "../load/volley.js";
import { SERVER_CORE, startPinnedScript } from "../pinned.js";
import type { Row } from "../row.js";
import { batchMessage, eventMessage, grpcFrame, repeated, SAMPLE } from "../sample.js";
import type { RowContext } from "./context.js";
import { BATCH_EVENTS, withIngress } from "./http.js";

const CONNECTIONS = 8;
const STREAMS = 16;
const SERVICE = "/event_collector.v1.EventCollectorService";
const AT_LEAST = { of: "ratio", least: 1.3 } as const;
const HTTP2 = { protocol: "http2" } as const;

function shotAt(port: number, method: string, message: Uint8Array): Shot {
  return {
    protocol: "http2",
    url: `http://127.0.0.1:${port}${SERVICE}/${method}`,
    headers: { "content-type": "application/grpc", te: "trailers" },
    body: grpcFrame(message),
    connections: CONNECTIONS,
    streams: STREAMS,
  };
}

export async function grpcUnary(context: RowContext): Promise<Row> {
  const message = eventMessage(SAMPLE);
  const result = await besideGrpcJs(context, (ingress, floor, port) =>
    sides(context, ingress, floor, [ingress.port, port], "CollectEvent", message, 1),
  );
  return { id: "grpc-unary", work: "gRPC unary, durable", unit: "events/s", ...result, target: AT_LEAST };
}

export async function grpcBatch(context: RowContext): Promise<Row> {
  const message = batchMessage(repeated(SAMPLE, BATCH_EVENTS));
  // The requests under way hold more than ten thousand events: a short turn would end before the first answers.
  const pace = { ...context.pace, turnSeconds: context.pace.batchTurnSeconds };
  const result = await besideGrpcJs({ ...context, pace }, (ingress, floor, port) =>
    sides(context, ingress, floor, [ingress.port, port], "CollectEvents", message, BATCH_EVENTS),
  );
  const work = `gRPC batches of ${BATCH_EVENTS}, durable`;
  return { id: "grpc-batch", work, unit: "events/s", ...result, target: AT_LEAST };
}

export async function grpcStream(context: RowContext): Promise<Row> {
  const frame = grpcFrame(eventMessage(SAMPLE));
  const result = await besideGrpcJs(context, (ingress, floor, port) => [
    streamSide("collector", ingress.program, ingress.port, frame),
    streamSide("grpc-js stream", floor, port, frame),
  ]);
  const work = "gRPC bidirectional stream, one connection, durable";
  return { id: "grpc-stream", work, unit: "events/s", ...result, target: AT_LEAST };
}

type MakeSides = (ingress: RunningIngress, floor: Program, port: number) => readonly [Side, Side];

function besideGrpcJs({ pace }: RowContext, makeSides: MakeSides): Promise<Comparison> {
  return withIngress((ingress) =>
    withFolder(async (folder) => {
      const floor = startPinnedScript(SERVER_CORE, "floors/grpc-js-server.js", [`${folder}/spool`]);
      try {
        const [ours, its] = makeSides(ingress, floor, await listeningPort(floor));
        return await alternate(ours, its, pace);
      } finally {
        await floor.kill();
      }
    }),
  );
}

function sides(
  { generators }: RowContext,
  ingress: RunningIngress,
  floor: Program,
  [ours, its]: readonly [number, number],
  method: string,
  message: Uint8Array,
  events: number,
): readonly [Side, Side] {
  const generator = generatorFor(generators, HTTP2);
  return [
    ingressSide("collector", ingress, generator, shotAt(ours, method, message), events),
    shotSide("grpc-js", floor, generator, shotAt(its, method, message), events),
  ];
}
