/** A body many times larger than the memory it may use, against an ingress in a process of its own. */
import { request } from "node:http";
import { join } from "node:path";
import t from "tap";
import { metric, startProcess } from "../testing/ingress-process.js";
import { sampleEvent } from "../testing/sample-event.js";

const MIB = 1024 * 1024;

/** `NDJSON_MIB=1024` makes it the gigabyte of the figures. */
const BODY_MIB = Number(process.env["NDJSON_MIB"] ?? 200);

/** What a process that has just started grows by on any load: compiled code, and a heap with room to breathe. */
const GROWTH_MAX = 128 * MIB;

await t.test(`a body of ${BODY_MIB} MiB is stored with flat memory`, { timeout: 280_000 }, async (t) => {
  const ingress = startProcess(t, {
    BUFFER_DIR: join(t.testdir({}), "spool"),
    MAX_NDJSON_BYTES: String(4096 * MIB),
  });
  const port = Number((await ingress.said("listening"))["port"]);
  const url = `http://127.0.0.1:${port}`;
  const line = `${JSON.stringify(sampleEvent({ event_data: { text: "x".repeat(700) } }))}\n`;
  const piece = Buffer.from(line.repeat(1_000));
  const pieces = Math.ceil((BODY_MIB * MIB) / piece.byteLength);
  const outgoing = request({
    port,
    host: "127.0.0.1",
    path: "/collect",
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
  });
  const answer = new Promise<unknown>((resolve, reject) => {
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () => resolve(JSON.parse(text)));
    });
  });
  const before = await metric(url, "process_resident_memory_bytes");
  const startedAt = performance.now();
  let highest = 0;
  for (let sent = 0; sent < pieces; sent += 1) {
    if (!outgoing.write(piece)) await new Promise((resolve) => void outgoing.once("drain", resolve));
    if (sent % 20 === 0) highest = Math.max(highest, await metric(url, "process_resident_memory_bytes"));
  }
  outgoing.end();
  t.match(await answer, { success: true, accepted: pieces * 1_000, rejected: 0 });
  const seconds = (performance.now() - startedAt) / 1000;
  const grown = highest - before;
  t.comment(
    `${BODY_MIB} MiB, ${pieces * 1_000} events in ${seconds.toFixed(1)} s; ` +
      `memory ${Math.round(before / MIB)} MiB before, ${Math.round(highest / MIB)} MiB at most`,
  );
  t.ok(grown < GROWTH_MAX, `memory grew by ${Math.round(grown / MIB)} MiB`);
});
