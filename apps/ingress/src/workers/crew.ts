/**
 * The workers, each in its place: started, replaced when one ends by itself, ended together.
 *
 * **Invariant:** what keeps the first worker from starting ends the start; it is not tried again. Later, a place stays
 * empty for longer and longer while others serve; with none left, what keeps a worker from starting ends the service.
 */
import { setTimeout as wait } from "node:timers/promises";
import type { Clock } from "@event-collector/spool";
import type { Logger } from "pino";
import { createBackoff } from "./backoff.js";
import type { ToPrimary, ToWorker } from "./messages.js";
import type { StartWorker, WorkerEnd, WorkerProcess } from "./worker-process.js";

export interface CrewObserver {
  /** It takes connections from now on. */
  joined(worker: WorkerProcess): void;
  /** It takes none any more. */
  gone(worker: WorkerProcess): void;
  /** It ended by itself. */
  lost(worker: WorkerProcess): void;
  heard(worker: WorkerProcess, message: ToPrimary): void;
}

/** A worker that ended before it served. What it had to say about it, it has said. */
export class FailedWorker extends Error {
  override readonly name = "FailedWorker";
  readonly end: WorkerEnd;

  constructor(number: number, end: WorkerEnd) {
    super(`worker ${number} ended by ${nameOf(end)} before it served`);
    this.end = end;
  }
}

export interface CrewParts {
  readonly begin: StartWorker;
  readonly clock: Pick<Clock, "monotonic">;
  readonly logger: Logger;
  readonly observer: CrewObserver;
}

export class Crew {
  /** Resolves when no worker is left and none can be started. */
  readonly failed: Promise<FailedWorker>;
  readonly #parts: CrewParts;
  readonly #size: number;
  /** All that run, by their places. */
  readonly #members = new Map<number, WorkerProcess>();
  readonly #serving = new Set<WorkerProcess>();
  readonly #dismissal = new AbortController();
  /** One ended otherwise than it should when it had been told to. */
  #isDisorderly = false;
  #fail: (failure: FailedWorker) => void = () => undefined;

  constructor(parts: CrewParts, size: number) {
    this.#parts = parts;
    this.#size = size;
    this.failed = new Promise((resolve) => void (this.#fail = resolve));
  }

  /** Resolves when all serve; rejects with a FailedWorker if one cannot start. */
  async start(): Promise<void> {
    // The first one alone, so that what keeps all from starting is said once.
    const first = await this.#fill(1);
    const numbers = Array.from({ length: this.#size - 1 }, (_, index) => index + 2);
    const others = await Promise.all(numbers.map((number) => this.#fill(number)));
    for (const worker of [first, ...others]) void this.#tend(worker);
  }

  /** Those that serve. */
  serving(): readonly WorkerProcess[] {
    return [...this.#serving];
  }

  /** Tells all, also those that are about to serve. */
  tell(message: ToWorker): void {
    for (const worker of this.#members.values()) worker.send(message);
  }

  /** Replaces none any more. */
  dismiss(): void {
    this.#dismissal.abort();
  }

  /** Waits until all have ended; what is left after that time is killed. True if all ended in order. */
  async ended(timeoutMs: number): Promise<boolean> {
    const deadline = setTimeout(() => this.kill(), timeoutMs);
    const ends = await Promise.all([...this.#members.values()].map(({ ended }) => ended));
    clearTimeout(deadline);
    return !this.#isDisorderly && ends.every(({ code }) => code === 0);
  }

  kill(): void {
    for (const worker of this.#members.values()) worker.kill();
  }

  /** Resolves when the worker serves; rejects if it ends before. */
  async #fill(number: number): Promise<WorkerProcess> {
    const { begin, observer, logger } = this.#parts;
    const worker = begin(number, (message) => observer.heard(worker, message));
    this.#members.set(number, worker);
    const start = await worker.started;
    if (start !== "ready") {
      this.#members.delete(number);
      throw new FailedWorker(number, start);
    }
    this.#serving.add(worker);
    observer.joined(worker);
    if (!this.#dismissal.signal.aborted) logger.info({ worker: number, pid: worker.pid }, "worker serves");
    return worker;
  }

  /** Keeps the place filled until the crew is dismissed. */
  async #tend(first: WorkerProcess): Promise<void> {
    const { clock } = this.#parts;
    const { number } = first;
    const { signal } = this.#dismissal;
    const backoff = createBackoff();
    let since = clock.monotonic();
    for (let worker: WorkerProcess | undefined = first; ; worker = await this.#refill(number)) {
      if (worker !== undefined) await this.#endOf(worker);
      if (signal.aborted) return;
      const pauseMs = backoff.after(clock.monotonic() - since);
      await wait(pauseMs, undefined, { signal }).catch(() => undefined);
      if (signal.aborted) return;
      since = clock.monotonic();
    }
  }

  async #endOf(worker: WorkerProcess): Promise<void> {
    const { observer, logger } = this.#parts;
    const end = await worker.ended;
    const { number, pid } = worker;
    this.#members.delete(number);
    this.#serving.delete(worker);
    observer.gone(worker);
    if (this.#dismissal.signal.aborted) {
      if (end.code !== 0) this.#isDisorderly = true;
      return;
    }
    observer.lost(worker);
    logger.error({ worker: number, pid, ...end }, "worker lost; another takes its place");
  }

  async #refill(number: number): Promise<WorkerProcess | undefined> {
    const { logger } = this.#parts;
    const { signal } = this.#dismissal;
    try {
      return await this.#fill(number);
    } catch (error) {
      if (!(error instanceof FailedWorker)) throw error;
      if (signal.aborted) return undefined;
      if (this.#members.size === 0) this.#fail(error);
      logger.error({ worker: number, error }, "worker cannot start; it is tried again");
      return undefined;
    }
  }
}

function nameOf({ code, signal }: WorkerEnd): string {
  return signal ?? `exit code ${code ?? "unknown"}`;
}
