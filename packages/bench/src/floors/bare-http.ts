/**
 * The least that a Node server can do with a body: read it, and answer bytes of the size of ours. With `json` it also
 * parses the body and writes each event out again, which is what storing costs before anything is stored. Nothing is
 * durable here. Run as `node bare-http.js read|json '<answer>'`.
 */
import { createServer } from "node:http";
import { announce } from "./announce.js";

const [, , mode = "read", text = "{}"] = process.argv;
const answer = Buffer.from(text);
const headers = { "content-type": "application/json", "content-length": String(answer.byteLength) };

/** What was written of the last body, so that the work cannot be left out as useless. */
export const written: { lines: string[] } = { lines: [] };

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
    if (mode === "json" && body !== undefined) {
      const { events } = JSON.parse(body.toString("utf8")) as { events: unknown[] };
      written.lines = events.map((event) => JSON.stringify(event));
    }
    response.writeHead(200, headers);
    response.end(answer);
  });
});
server.keepAliveTimeout = 60_000;
announce(server);
