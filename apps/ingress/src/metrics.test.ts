import t from "tap";
import { liveIngress } from "./testing/live-ingress.js";
import { allTransports, collectorClient } from "./testing/rpc-clients.js";
import { sampleBatch, sampleEvent } from "./testing/sample-event.js";

async function scrape(url: string): Promise<string> {
  const response = await fetch(`${url}/metrics`);
  t.match(response.headers.get("content-type"), /^text\/plain; version=0\.0\.4/);
  return response.text();
}

function valueOf(text: string, sample: string): number {
  const line = text.split("\n").find((one) => one.startsWith(`${sample} `));
  return line === undefined ? Number.NaN : Number(line.slice(sample.length + 1));
}

await t.test("counts what became of events, by protocol and reason", async (t) => {
  const { url } = await liveIngress(t);
  const body = sampleBatch(sampleEvent(), sampleEvent(), sampleEvent({ event_type: "eaten" }));
  await fetch(`${url}/collect`, { method: "POST", body, headers: { "content-type": "application/json" } });
  for (const { transport } of allTransports(t, url))
    await collectorClient(transport).collectEvents({ events: [{}] });
  const call =
    'collector_request_duration_seconds_count{protocol="grpc",route="/event_collector.v1.EventCollectorService/CollectEvents",code="ok"}';
  let text = await scrape(url);
  // A call is counted when its answer is out, which its caller may see first.
  while (Number.isNaN(valueOf(text, call))) text = await scrape(url);
  t.equal(valueOf(text, 'collector_events_accepted_total{protocol="rest"}'), 2);
  t.equal(valueOf(text, 'collector_events_rejected_total{protocol="rest",reason="unknown_event_type"}'), 1);
  t.equal(valueOf(text, 'collector_events_rejected_total{protocol="connect",reason="missing_field"}'), 4);
  t.equal(valueOf(text, 'collector_events_rejected_total{protocol="grpc",reason="missing_field"}'), 1);
  t.equal(valueOf(text, 'collector_events_rejected_total{protocol="grpc-web",reason="missing_field"}'), 2);
  t.equal(valueOf(text, "collector_spool_group_lines_sum"), 10);
  t.equal(
    valueOf(text, 'collector_request_duration_seconds_count{protocol="rest",route="/collect",code="200"}'),
    1,
  );
  t.equal(valueOf(text, call), 1);
});

await t.test("every name has its prefix, a unit or a total, and a help text", async (t) => {
  const { url } = await liveIngress(t);
  const text = await scrape(url);
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  t.ok(types.length > 15);
  for (const [, name = "", type] of types) {
    t.match(name, /^(collector|nodejs|process)_[a-z0-9_]+$/);
    if (name.startsWith("collector_") && type === "counter") t.match(name, /_total$/);
    t.match(text, `# HELP ${name} `);
  }
  t.match(text, /^nodejs_eventloop_lag_p99_seconds /m);
  t.match(text, /^collector_build_info\{service="event-collector",version="1\.0\.0",node="[\d.]+"\} 1$/m);
  t.equal(valueOf(text, "collector_spool_ready"), 1);
});

await t.test("what a sender makes up becomes no label", async (t) => {
  const { url } = await liveIngress(t);
  await fetch(`${url}/zebra-path`);
  await fetch(`${url}/zebra.v1.Service/Method`, { method: "POST" });
  const body = sampleBatch(sampleEvent({ event_type: "zebra-type", learner_id: "zebra-learner" }));
  await fetch(`${url}/collect`, { method: "POST", body, headers: { "content-type": "application/json" } });
  t.notMatch(await scrape(url), /zebra/);
});
