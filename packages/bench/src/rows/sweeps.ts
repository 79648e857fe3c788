/** Cost against size: connections, the size of events, and ingress processes on one spool. */
import { join } from "node:path";
import { warmUp } from "../alternation.js";
import { ingressSide, startIngress } from "../collector-side.js";
import { withFolder } from "../folder.js";
import { generatorFor } from "../load/choice.js";
import { eventOfBytes, restBody } from "../sample.js";
import type { Sweep, SweepPoint } from "../sweep.js";
import type { RowContext } from "./context.js";
import { CONNECTIONS, restShot, shotAt, withIngress } from "./http.js";

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

/** So many ingress processes with segments of their own in one spool, all of them on the server's core. */
export async function processSweep({ pace, generators }: RowContext): Promise<Sweep> {
  const points: SweepPoint[] = [];
  for (const processes of pace.processSweep) {
    const rate = await withFolder(async (folder) => {
      const spool = join(folder, "spool");
      const ingresses = await Promise.all(Array.from({ length: processes }, () => startIngress({ spool })));
      const sides = ingresses.map((ingress) => {
        const connections = Math.ceil(CONNECTIONS / processes);
        const shot = { ...restShot(ingress.port, 1), connections };
        return ingressSide("collector", ingress, generatorFor(generators, HTTP1), shot);
      });
      await Promise.all(sides.map((side) => warmUp(side, pace)));
      const turns = await Promise.all(sides.map((side) => side.run(pace.turnSeconds)));
      await Promise.all(ingresses.map(({ program }) => program.kill()));
      return turns.reduce((sum, { events, seconds }) => sum + events / seconds, 0);
    });
    points.push({ size: processes, value: rate });
  }
  const work = "REST, processes on one core";
  return { id: "processes", work, size: "ingress processes", unit: "events/s", points };
}
