/** Cost against size: connections, the size of events, and workers of one ingress. */
import { join } from "node:path";
import { warmUp } from "../alternation.js";
import { ingressSide, startIngress } from "../collector-side.js";
import { withFolder } from "../folder.js";
import { generatorFor } from "../load/choice.js";
import { eventOfBytes, restBody } from "../sample.js";
import type { Sweep, SweepPoint } from "../sweep.js";
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
      await warmUp(side, pace);
      const turn = await side.run(pace.turnSeconds);
      found.push({ size: connections, value: turn.events / turn.seconds });
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
      await warmUp(side, pace);
      const turn = await side.run(pace.turnSeconds);
      found.push({ size: bytes, value: ((turn.events / turn.seconds) * bytes) / MIB });
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
    const rate = await withFolder(async (folder) => {
      const environment = { INGRESS_WORKERS: String(workers) };
      const ingress = await startIngress({ spool: join(folder, "spool"), environment });
      const shot = restShot(ingress.port, 1);
      const side = ingressSide("collector", ingress, generatorFor(generators, HTTP1), shot);
      await warmUp(side, pace);
      const turn = await side.run(pace.turnSeconds);
      await ingress.program.stop();
      return turn.events / turn.seconds;
    });
    points.push({ size: workers, value: rate });
  }
  const work = "REST, INGRESS_WORKERS on one core";
  return { id: "workers", work, size: "workers", unit: "events/s", points };
}
