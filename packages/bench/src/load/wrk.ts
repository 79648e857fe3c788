/** wrk as a generator of HTTP/1.1 load. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LOAD_CORE, runPinned } from "../pinned.js";
import type { Generator, Shot, Volley } from "./volley.js";

const SCRIPT = `
local file = io.open(BODY, "rb")
wrk.method = "POST"
wrk.body = file:read("*a")
file:close()
done = function(summary)
  local failed = summary.errors.status + summary.errors.connect + summary.errors.read
    + summary.errors.write + summary.errors.timeout
  io.write(string.format("\\nresult %d %d %d\\n", summary.requests, failed, summary.duration))
end
`;

export const wrk: Generator = {
  name: "wrk",
  fire: async (shot, seconds) => {
    const folder = await mkdtemp(join(tmpdir(), "bench-wrk-"));
    try {
      await writeFile(join(folder, "body"), shot.body);
      await writeFile(join(folder, "script.lua"), scriptOf(shot, join(folder, "body")));
      return await fire(shot, Math.max(1, Math.round(seconds)), join(folder, "script.lua"));
    } finally {
      await rm(folder, { recursive: true });
    }
  },
};

function scriptOf({ headers }: Shot, body: string): string {
  const lines = Object.entries(headers).map(([name, value]) => `wrk.headers["${name}"] = "${value}"`);
  return [`BODY = "${body}"`, SCRIPT, ...lines, ""].join("\n");
}

async function fire({ url, connections }: Shot, seconds: number, script: string): Promise<Volley> {
  const command = ["wrk", "-t1", `-c${connections}`, `-d${seconds}s`, "--timeout", "10s", "-s", script, url];
  const output = await runPinned(LOAD_CORE, command);
  const [, requests, failed, microseconds] = /^result (\d+) (\d+) (\d+)$/m.exec(output) ?? [];
  if (microseconds === undefined) throw new Error(`wrk told no result: ${output}`);
  return {
    requests: Number(requests) - Number(failed),
    failed: Number(failed),
    seconds: Number(microseconds) / 1e6,
  };
}
