/** A worker as the primary sees it: a child with a channel, which gets ready once and ends once. */
import { fork } from "node:child_process";
import type { Socket } from "node:net";
import { fileURLToPath } from "node:url";
import type { ToPrimary, ToWorker } from "./messages.js";

export interface WorkerEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface WorkerProcess {
  /** The place that it fills, from 1 on; whoever replaces it has the same. */
  readonly number: number;
  readonly pid: number | undefined;
  /** Resolves with "ready" when it serves, with its end if that comes first. */
  readonly started: Promise<"ready" | WorkerEnd>;
  readonly ended: Promise<WorkerEnd>;
  /** What cannot be sent is dropped: the worker is ending. A connection stays open here, too. */
  send(message: ToWorker, socket?: Socket): void;
  kill(): void;
}

/** What the entry of the app is called with by its primary, before the number of the worker. */
export const WORKER = "worker";

const ENTRY = fileURLToPath(new URL("../main.js", import.meta.url));

export type StartWorker = (number: number, heard: (message: ToPrimary) => void) => WorkerProcess;

/** Standard output and error, the environment and the options of node are those of this process. */
export function startWorker(number: number, heard: (message: ToPrimary) => void): WorkerProcess {
  const child = fork(ENTRY, [WORKER, String(number)], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const ended = new Promise<WorkerEnd>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
    child.once("error", () => resolve({ code: 1, signal: null }));
  });
  const ready = new Promise<"ready">((resolve) => {
    child.on("message", (message) => {
      const known = message as ToPrimary;
      if (known.kind === "ready") resolve("ready");
      else heard(known);
    });
  });
  return {
    number,
    pid: child.pid,
    started: Promise.race([ready, ended]),
    ended,
    send: (message, socket) => {
      if (child.connected) child.send(message, socket, { keepOpen: true }, () => undefined);
    },
    kill: () => void child.kill("SIGKILL"),
  };
}
