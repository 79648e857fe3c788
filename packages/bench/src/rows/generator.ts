/** What the load generators can do at most, against servers that only answer. */
import { listeningPort } from "@event-collector/e2e/program";
import { figureOf } from "../alternation.js";
import { shotSide } from "../collector-side.js";
import { generatorFor } from "../load/choice.js";
import { SERVER_CORE, startPinnedScript } from "../pinned.js";
import type { Row } from "../row.js";
import { restBody, SAMPLE } from "../sample.js";
import type { RowContext } from "./context.js";

export async function generatorLimits({ generators, pace }: RowContext): Promise<Row[]> {
  const rows: Row[] = [];
  for (const protocol of ["http1", "http2"] as const) {
    const generator = generatorFor(generators, { protocol });
    const server = startPinnedScript(SERVER_CORE, "floors/trivial.js", [protocol]);
    try {
      const port = await listeningPort(server);
      const side = shotSide(generator.name, server, generator, {
        protocol,
        url: `http://127.0.0.1:${port}/`,
        headers: { "content-type": "application/json" },
        body: restBody([SAMPLE]),
        connections: protocol === "http1" ? 64 : 8,
        streams: protocol === "http1" ? 1 : 16,
      });
      const ours = figureOf(generator.name, [await side.run(pace.turnSeconds)]);
      rows.push({
        id: `generator-${protocol}`,
        work: `load generator for ${protocol === "http1" ? "HTTP/1.1" : "HTTP/2"} against a server that only answers`,
        unit: "requests/s",
        ours,
      });
    } finally {
      await server.kill();
    }
  }
  return rows;
}
