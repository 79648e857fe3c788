/** The load of one stream: `stream-generator.ts` in a process on the other core. */
import { cpuSecondsOf } from "@event-collector/e2e/consumption";
import type { Program } from "@event-collector/e2e/program";
import type { Side } from "../alternation.js";
import { LOAD_CORE, runPinned, scriptPath } from "../pinned.js";

export function streamSide(name: string, program: Program, port: number, frame: Buffer): Side {
  return {
    name,
    run: async (seconds) => {
      const cpuBefore = await cpuSecondsOf(program);
      const order = JSON.stringify({ port, frame: frame.toString("base64"), seconds });
      const script = scriptPath("load/stream-generator.js");
      const output = await runPinned(LOAD_CORE, [process.execPath, script, order]);
      const result = JSON.parse(output) as { events: number; seconds: number };
      return { ...result, cpuSeconds: (await cpuSecondsOf(program)) - cpuBefore };
    },
  };
}
