/** The ingress under load: started on its own core with a spool of its own, and asked afterwards what it stored. */
import { cpuSecondsOf } from "@event-collector/e2e/consumption";
import { listeningPort } from "@event-collector/e2e/program";
import type { Program } from "@event-collector/e2e/program";
import type { Side, Turn } from "./alternation.js";
import type { Generator, Shot } from "./load/volley.js";
import { scriptPath, startPinnedApp } from "./pinned.js";

export interface RunningIngress {
  readonly program: Program;
  readonly port: number;
  /** Events that it says it stored. */
  accepted(): Promise<number>;
}

/** What of the defaults stands in the way of a load from one address. */
const ENVIRONMENT = {
  HTTP_HOST: "127.0.0.1",
  HTTP_PORT: "0",
  BUFFER_MAX_BYTES: String(200 * 1024 ** 3),
  BUFFER_MIN_FREE_BYTES: "0",
  BUFFER_ALLOW_VOLATILE: "true",
  MAX_CONNECTIONS_PER_ADDRESS: "2000",
  MAX_REQUESTS: "10000",
  UV_THREADPOOL_SIZE: "16",
};

export interface IngressOptions {
  readonly spool: string;
  /** False only to see what the syncs cost: a patch of this package takes them out of the process. */
  readonly synced?: boolean;
  readonly environment?: Readonly<Record<string, string>>;
}

export async function startIngress(options: IngressOptions): Promise<RunningIngress> {
  const flags = options.synced === false ? ["--import", scriptPath("floors/without-sync.js")] : [];
  const environment = { ...ENVIRONMENT, BUFFER_DIR: options.spool, ...options.environment };
  const program = startPinnedApp("ingress", environment, flags);
  const port = await listeningPort(program);
  return { program, port, accepted: () => acceptedAt(port) };
}

async function acceptedAt(port: number): Promise<number> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
  const counts = [...text.matchAll(/^collector_events_accepted_total\{[^}]*\} (\d+)/gm)];
  return counts.reduce((sum, [, count]) => sum + Number(count), 0);
}

/** A side that is loaded with the same shot each time. Every request it answered must have been stored. */
export function ingressSide(
  name: string,
  ingress: RunningIngress,
  generator: Generator,
  shot: Shot,
  eventsPerRequest = 1,
): Side {
  const fire = shotSide(name, ingress.program, generator, shot, eventsPerRequest);
  return {
    name,
    run: async (seconds) => {
      const before = await ingress.accepted();
      const turn = await fire.run(seconds);
      const stored = (await ingress.accepted()) - before;
      if (stored < turn.events) {
        throw new Error(`${name} answered ${turn.events} events and stored ${stored}`);
      }
      return turn;
    },
  };
}

/** A side that is loaded with the same shot each time. */
export function shotSide(
  name: string,
  program: Program,
  generator: Generator,
  shot: Shot,
  eventsPerRequest = 1,
): Side {
  return {
    name,
    run: async (seconds): Promise<Turn> => {
      const cpuBefore = await cpuSecondsOf(program);
      const volley = await generator.fire(shot, seconds);
      if (volley.failed > 0) throw new Error(`${volley.failed} requests to ${name} failed`);
      return {
        events: volley.requests * eventsPerRequest,
        requests: volley.requests,
        seconds: volley.seconds,
        cpuSeconds: (await cpuSecondsOf(program)) - cpuBefore,
      };
    },
  };
}
