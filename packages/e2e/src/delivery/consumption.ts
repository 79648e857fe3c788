/** What a program took of the machine so far, as Linux counts it; NaN where that cannot be known. */
import { readFile } from "node:fs/promises";
import type { Program } from "../program.js";

const CLOCK_TICKS_PER_SECOND = 100;

/** The most memory that it ever had at a time, in MiB. */
export async function peakMebibytesOf({ pid }: Program): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const kibibytes = /^VmHWM:\s+(\d+) kB/m.exec(status)?.[1];
  return kibibytes === undefined ? NaN : Math.round(Number(kibibytes) / 1024);
}

export async function cpuSecondsOf({ pid }: Program): Promise<number> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  // The name of the program, in parentheses, may hold spaces.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND;
}
