/** Cost against size: connections, the size of events, and workers of one ingress. */
import { join } from "node:path";
import { warmUp } from "../alternation.js";
import type { Side } from "../alternation.js";
import { ingressSide, startIngress } from "../collector-side.js";
import { watchCores } from "../core-use.js";
import { withFolder } from "../folder.js";
import { generatorFor } from "../load/choice.js";
import { eventOfBytes, restBody } from "../sample.js";
import type { Sweep, SweepPoint } from "../sweep.js";
import type { Pace } from "../pace.js";
import type { RowContext } from "./context.js";
import { restShot, shotAt, withIngress } from "./http.js";

const HTTP1 = { protocol: "http1" } as const;
const MIB = 1024 * 1024;

export async function connectionSweep({ pace, generators }: RowContext): Promise<Sweep> {
  const points = await withIngress(async (ingress) => {
    const found: SweepPoint[] = [];
    for (const connections of pace.connectionSweep) {
      const shot = { ...restShot(ingress.port, 1), connections };
      const side = ingressSide("collector", ingress, generatorFor(generators, HTTP1), shot);
      found.push(await measurePoint(side, connections, pace));
    }
    return found;
  });
  const work = "REST, 1 event a request";
  return { id: "connections", work, size: "connections", unit: "events/s", points };
}

export async function eventSizeSweep({ pace, generators }: RowContext): Promise<Sweep> {
  const points = await withIngress(async (ingress) => {
    const found: SweepPoint[] = [];
    for (const bytes of pace.eventBytesSweep) {
      const body = restBody([eventOfBytes(bytes)]);
      const shot = shotAt(ingress.port, "/collect", "application/json", body);
      const side = ingressSide("collector", ingress, generatorFor(generators, HTTP1), shot);
      const point = await measurePoint(side, bytes, pace);
      found.push({ ...point, value: (point.value * bytes) / MIB });
    }
    return found;
  });
  const work = "REST, 1 event a request, by its size";
  return { id: "event-size", work, size: "bytes", unit: "MiB/s", points };
}

/** One ingress with so many workers, all of them on the server's core: what is seen is what they cost. */
export async function processSweep({ pace, generators }: RowContext): Promise<Sweep> {
  const points: SweepPoint[] = [];
  for (const workers of pace.processSweep) {
    const point = await withFolder(async (folder) => {
      const environment = { INGRESS_WORKERS: String(workers) };
      const ingress = await startIngress({ spool: join(folder, "spool"), environment });
      const shot = restShot(ingress.port, 1);
      const side = ingressSide("collector", ingress, generatorFor(generators, HTTP1), shot);
      const found = await measurePoint(side, workers, pace);
      await ingress.program.stop();
      return found;
    });
    points.push(point);
  }
  const work = "REST, INGRESS_WORKERS on one core";
  return { id: "workers", work, size: "workers", unit: "events/s", points };
}

/** Events a second, and what the cores had to do. */
async function measurePoint(side: Side, size: number, pace: Pace): Promise<SweepPoint> {
  await warmUp(side, pace);
  const cores = await watchCores();
  const turn = await side.run(pace.turnSeconds);
  return { size, value: turn.events / turn.seconds, cores: await cores() };
}
