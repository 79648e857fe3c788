import t from "tap";
import { liveIngress } from "../testing/live-ingress.js";
import { sampleBatch, sampleEvent } from "../testing/sample-event.js";

await t.test("GET /health says who it is and that it is alive", async (t) => {
  const { url } = await liveIngress(t, { SERVICE_NAME: "here", VERSION: "7.8.9" });
  const response = await fetch(`${url}/health`);
  t.equal(response.status, 200);
  t.equal(response.headers.get("cache-control"), "no-store");
  t.match(await response.json(), {
    status: "healthy",
    service: "here",
    version: "7.8.9",
    uptime_seconds: Number,
  });
  t.equal((await fetch(`${url}/health`, { method: "HEAD" })).status, 200);
  const wrong = await fetch(`${url}/health`, { method: "POST" });
  t.equal(wrong.status, 405);
  t.equal(wrong.headers.get("allow"), "GET, HEAD");
});

await t.test("GET /ready says that events would be accepted", async (t) => {
  const { url } = await liveIngress(t);
  const response = await fetch(`${url}/ready`);
  t.equal(response.status, 200);
  t.match(await response.json(), { ready: true, timestamp: /Z$/ });
});

await t.test("GET /buffer/stats says how full the spool is and what was written", async (t) => {
  const { url } = await liveIngress(t);
  const body = sampleBatch(sampleEvent(), sampleEvent());
  await fetch(`${url}/collect`, { method: "POST", body, headers: { "content-type": "application/json" } });
  const response = await fetch(`${url}/buffer/stats`);
  t.match(await response.json(), {
    ready: true,
    instance: /^[0-9a-f]{32}$/,
    segment: /\.ndjson$/,
    spool_bytes: Number,
    free_bytes: Number,
    queue_bytes: 0,
    written: { lines: 2, groups: 1, failures: 0 },
  });
});
