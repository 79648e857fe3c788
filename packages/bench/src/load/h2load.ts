/** h2load as a generator of HTTP/2 load. It does not read trailers: whoever uses it for gRPC counts what was stored. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { LOAD_CORE, runPinned } from "../pinned.js";
import type { Generator, Shot, Volley } from "./volley.js";

export const h2load: Generator = {
  name: "h2load",
  fire: async (shot, seconds) => {
    const folder = await mkdtemp(join(tmpdir(), "bench-h2load-"));
    try {
      const body = join(folder, "body");
      await writeFile(body, shot.body);
      return await fire(shot, seconds, body);
    } finally {
      await rm(folder, { recursive: true });
    }
  },
};

async function fire(
  { url, headers, connections, streams }: Shot,
  seconds: number,
  body: string,
): Promise<Volley> {
  const fields = Object.entries(headers).flatMap(([name, value]) => ["-H", `${name}: ${value}`]);
  const size = ["-t1", "-c", String(connections), "-m", String(streams)];
  const duration = ["-D", `${Math.round(seconds * 1000)}ms`];
  const output = await runPinned(LOAD_CORE, ["h2load", ...size, ...duration, "-d", body, ...fields, url]);
  const [, took, unit] = /^finished in ([\d.]+)(s|ms),/m.exec(output) ?? [];
  const [, done, failed, errored] =
    /^requests: \d+ total, \d+ started, (\d+) done, \d+ succeeded, (\d+) failed, (\d+) errored/m.exec(
      output,
    ) ?? [];
  const [, ok] = /^status codes: (\d+) 2xx/m.exec(output) ?? [];
  if (took === undefined || ok === undefined || done === undefined) {
    throw new Error(`h2load told no result: ${output}`);
  }
  const faults = Number(failed) + Number(errored);
  // What was under way at the end counts as errored there.
  return {
    requests: Math.min(Number(done), Number(ok)),
    failed: Math.max(0, faults - connections * streams),
    seconds: unit === "ms" ? Number(took) / 1000 : Number(took),
  };
}
