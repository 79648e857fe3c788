/** The ingress under test: the built program, on a spool of its own, on a free port of the loopback. */
import { builtFile, listeningPort, startProgram, type Program, type Scope } from "../program.js";

export interface CollectorOptions {
  /** The spool directory. */
  spool: string;
  /** More of the ingress's settings, or other values of these. */
  environment?: Readonly<Record<string, string>>;
  /** Words put before the command: strace, prlimit and their arguments. */
  under?: readonly string[];
}

export interface Collector {
  readonly program: Program;
  readonly port: number;
  /** Answers of the service's own pages. */
  get(path: string): Promise<{ status: number; retryAfter: string | null; text: string }>;
}

const GET_TIMEOUT_MS = 30_000;

/** What makes rotation, batches and streams common; tests of room set their own. */
const SETTINGS = {
  HTTP_HOST: "127.0.0.1",
  HTTP_PORT: "0",
  BUFFER_MIN_FREE_BYTES: "0",
  BUFFER_SEGMENT_BYTES: "65536",
  STREAM_LINGER_MS: "2",
};

/** Starts an ingress and resolves once it listens. */
export function startCollector(scope: Scope | undefined, options: CollectorOptions): Promise<Collector> {
  return reachCollector(launchCollector(scope, options));
}

/** Starts an ingress that may never come to listen. */
export function launchCollector(scope: Scope | undefined, options: CollectorOptions): Program {
  return startProgram(scope, "ingress", commandOf(options), {
    environment: { ...SETTINGS, BUFFER_DIR: options.spool, ...options.environment },
  });
}

/** Resolves once it listens. */
export async function reachCollector(program: Program): Promise<Collector> {
  const port = await listeningPort(program);
  return {
    program,
    port,
    get: async (path) => {
      const signal = AbortSignal.timeout(GET_TIMEOUT_MS);
      const response = await fetch(`http://127.0.0.1:${port}${path}`, { signal });
      const retryAfter = response.headers.get("retry-after");
      return { status: response.status, retryAfter, text: await response.text() };
    },
  };
}

function commandOf({ under = [] }: CollectorOptions): [string, ...string[]] {
  const command = [process.execPath, builtFile("ingress", "main.js")] as const;
  const [first, ...others] = under;
  return first === undefined ? [...command] : [first, ...others, ...command];
}
