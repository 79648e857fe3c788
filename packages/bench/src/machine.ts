/** What the figures were measured on, and how busy it was. */
import { availableParallelism, cpus, loadavg, totalmem } from "node:os";

export interface Machine {
  readonly node: string;
  readonly processor: string;
  readonly cores: number;
  readonly memoryGib: number;
  /** Of the last minute, when the run began: above 1 or so, others were at work too. */
  readonly loadAverage: number;
}

export function describeMachine(): Machine {
  return {
    node: process.version,
    processor: cpus()[0]?.model ?? "unknown",
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 1024 ** 3),
    loadAverage: Math.round((loadavg()[0] ?? 0) * 10) / 10,
  };
}
