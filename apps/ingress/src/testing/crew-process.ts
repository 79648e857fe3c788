/** An ingress of several workers as a process of its own, and ways to reach each of its workers. */
import { Agent, request } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { join } from "node:path";
import type { Test } from "tap";
import { startProcess } from "./ingress-process.js";
import type { IngressProcess } from "./ingress-process.js";
import { sampleBatch, sampleEvent } from "./sample-event.js";

export interface CrewProcess extends IngressProcess {
  readonly spool: string;
  readonly port: number;
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
}

/** Resolves when all serve and the port is open. */
export async function startCrew(
  t: Test,
  workers: number,
  environment: Readonly<Record<string, string>> = {},
): Promise<CrewProcess> {
  const spool = environment["BUFFER_DIR"] ?? join(t.testdir({}), "spool");
  const ingress = startProcess(t, {
    BUFFER_DIR: spool,
    INGRESS_WORKERS: String(workers),
    ...environment,
  });
  const port = Number((await ingress.said("listening"))["port"]);
  // Its workers end by themselves when it is killed; a test that is over need not wait for that.
  t.teardown(() => {
    for (const { pid } of workersOf(ingress)) killIfAlive(pid, "SIGKILL");
  });
  return { ...ingress, spool, port, url: `http://127.0.0.1:${port}` };
}

export interface KnownWorker {
  readonly worker: number;
  readonly pid: number;
}

/** All that served at any time, as the log names them. */
export function workersOf({ log }: Pick<IngressProcess, "log">): KnownWorker[] {
  return log
    .filter(({ msg }) => msg === "worker serves")
    .map(({ worker, pid }) => ({ worker: Number(worker), pid: Number(pid) }));
}

export function isAlive(pid: number): boolean {
  return killIfAlive(pid, 0);
}

export function killIfAlive(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A connection that is kept, and with it the worker behind it. */
export interface Line {
  get(path: string): Promise<Answer>;
  /** Posts an event with this id; rejects if the connection ends before the answer. */
  post(id?: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  close(): void;
}

export function openLine(t: Test, port: number, localAddress = "127.0.0.1"): Line {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.teardown(() => agent.destroy());
  const call = (
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body?: string,
  ): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const options = { port, host: "127.0.0.1", localAddress, agent, method, path, headers };
      const outgoing = request(options, (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        );
        response.on("error", reject);
      });
      outgoing.on("error", reject);
      outgoing.end(body);
    });
  return {
    get: (path) => call("GET", path, {}),
    post: (id, headers = {}) =>
      call(
        "POST",
        "/collect",
        { "content-type": "application/json", ...headers },
        sampleBatch(sampleEvent(id === undefined ? {} : { event_id: id })),
      ),
    close: () => agent.destroy(),
  };
}
