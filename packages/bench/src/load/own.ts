/** The generator of our own, for machines without wrk and h2load: `generator.ts` in a process on the other core. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LOAD_CORE, runPinned, scriptPath } from "../pinned.js";
import type { Generator, Volley } from "./volley.js";

export const own: Generator = {
  name: "own Node generator",
  fire: async ({ body, ...shot }, seconds) => {
    const folder = await mkdtemp(join(tmpdir(), "bench-own-"));
    try {
      const file = join(folder, "body");
      await writeFile(file, body);
      const order = JSON.stringify({ ...shot, file, seconds });
      const output = await runPinned(LOAD_CORE, [process.execPath, scriptPath("load/generator.js"), order]);
      return JSON.parse(output) as Volley;
    } finally {
      await rm(folder, { recursive: true });
    }
  },
};
