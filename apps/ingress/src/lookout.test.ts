/** What the status says of an ingress, and to whom. */
import { nodeDisk } from "@event-collector/spool";
import type { Disk } from "@event-collector/spool";
import type { StatusReport } from "@event-collector/operations";
import t from "tap";
import { liveIngress } from "./testing/live-ingress.js";
import { sampleBatch, sampleEvent } from "./testing/sample-event.js";

const JSON_TYPE = { "content-type": "application/json" };

async function statusOf(url: string): Promise<StatusReport> {
  return (await (await fetch(`${url}/status`)).json()) as StatusReport;
}

await t.test("what was accepted and rejected is counted, with reasons", async (t) => {
  const { url } = await liveIngress(t);
  const events = [sampleEvent(), sampleEvent(), sampleEvent({ event_type: "eaten" })];
  await fetch(`${url}/collect`, { method: "POST", headers: JSON_TYPE, body: sampleBatch(...events) });
  t.match(await statusOf(url), {
    role: "ingress",
    state: "healthy",
    problems: [],
    writer: { accepted: 2, rejected: 1, failed_groups: 0, sync_seconds: Number },
    rejections: [{ reason: "unknown_event_type", count: 1 }],
    disk: { spool_bytes: Number, seconds_to_full: null, delivered_bytes: null },
  });
});

await t.test("a full spool is said, with what to do", async (t) => {
  const { url } = await liveIngress(t, { BUFFER_MIN_FREE_BYTES: String(1024 ** 4) });
  t.match(await statusOf(url), {
    state: "failing",
    problems: [{ what: /full/, remedy: /forwarder makes room/ }],
  });
});

await t.test("writes that failed are said for some minutes, although all is well again", async (t) => {
  let failures = 0;
  const disk: Disk = {
    ...nodeDisk,
    create: async (path) => {
      const file = await nodeDisk.create(path);
      const isSegment = path.endsWith(".ndjson");
      return {
        write: (bytes) => {
          if (!isSegment || bytes.byteLength < 200 || failures > 0) return file.write(bytes);
          failures += 1;
          return Promise.reject(Object.assign(new Error("EIO"), { code: "EIO" }));
        },
        read: (target, offset) => file.read(target, offset),
        sync: () => file.sync(),
        status: () => file.status(),
        close: () => file.close(),
      };
    },
  };
  const { url } = await liveIngress(t, {}, disk);
  const send = (): Promise<Response> =>
    fetch(`${url}/collect`, { method: "POST", headers: JSON_TYPE, body: sampleBatch(sampleEvent()) });
  t.equal((await send()).status, 503);
  while ((await send()).status !== 200);
  let report = await statusOf(url);
  while (report.state !== "degraded") {
    await new Promise((resolve) => setTimeout(resolve, 50));
    report = await statusOf(url);
  }
  t.match(report.problems, [{ what: /failed/, remedy: /try again/ }]);
  t.equal(report.writer?.failed_groups, 1);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  t.match(metrics, /collector_batches_refused_total\{protocol="rest",reason="spool_unavailable"\} 1/);
});

await t.test("page and status need what the metrics need", async (t) => {
  const { url } = await liveIngress(t, { API_KEY: "master" });
  for (const path of ["/", "/status"]) {
    t.equal((await fetch(url + path)).status, 401, path);
    const response = await fetch(url + path, { headers: { authorization: "Bearer master" } });
    t.equal(response.status, 200, path);
  }
});

await t.test("with an admin port they are there, without a key, and nowhere else", async (t) => {
  const { url, ingress } = await liveIngress(t, { API_KEY: "master", ADMIN_PORT: "0" });
  const admin = `http://127.0.0.1:${ingress.adminPort}`;
  for (const path of ["/", "/status"]) {
    t.equal((await fetch(admin + path)).status, 200, path);
    t.equal((await fetch(url + path, { headers: { authorization: "Bearer master" } })).status, 404, path);
  }
  const page = await fetch(`${admin}/`);
  t.match(page.headers.get("content-type"), /^text\/html/);
  t.match(page.headers.get("content-security-policy"), /default-src 'none'/);
});
