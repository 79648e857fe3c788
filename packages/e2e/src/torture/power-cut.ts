/**
 * Power cuts: the file system under the spool dies with everything that was not on its disk, and is mounted again.
 *
 * The program is stopped first, as the processor is by a real cut, and then the file system is shut down. Without
 * that the program would see the moment after the cut, in which ext4 and XFS answer success to a sync that was under
 * way although its data is gone, and would pass this on. So every answer that a client ever reads was sent before
 * the cut.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Program } from "../program.js";
import type { Crash } from "./trial.js";
import type { Cutter, Volume } from "./volume.js";

/** The spool on a volume; made by the ingress. */
export function spoolOn(volume: Volume): string {
  return join(volume.directory, "spool");
}

/** The next cut. The volume is mounted before and afterwards. */
export async function preparePowerCut(volume: Volume, cutProgram: string): Promise<Crash> {
  const cutter: Cutter = await volume.arm(cutProgram);
  return {
    strike: async (program) => {
      if (program !== undefined) await freeze(program);
      await cutter.cut();
    },
    afterwards: async () => {
      await volume.unmount();
      await volume.mount();
    },
  };
}

/** Resolves when the thread that answers has stopped, or the program is gone. */
async function freeze(program: Program): Promise<void> {
  program.signal("SIGSTOP");
  while (program.running) {
    const status = await readFile(`/proc/${program.pid}/stat`, "latin1").catch(() => "");
    const state = status.charAt(status.lastIndexOf(")") + 2);
    if (state === "T" || state === "Z" || state === "") return;
    await pause(1);
  }
}
