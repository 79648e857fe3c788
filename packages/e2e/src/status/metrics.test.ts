/**
 * The metrics of both processes as Prometheus wants them: names, units, types and help. And those that an operator
 * needs are there and tell the truth.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import t from "tap";
import { createCollector } from "../collector.js";
import { startEmbeddedKafka } from "../kafka/embedded.js";
import { sampleEvent } from "../sample-event.js";
import { missing } from "../sh.js";

t.setTimeout(180_000);

interface Family {
  name: string;
  type: string;
  help: string;
}

/** Units of Prometheus, and things that are counted. */
const UNITS = ["seconds", "bytes", "info", "ratio"];
const THINGS = [
  "lines",
  "segments",
  "messages",
  "records",
  "sessions",
  "connections",
  "workers",
  "in_flight",
];
/** 1 or 0. */
const STATES = ["up", "ready", "failed"];
/** Names of prom-client that every Node dashboard knows; not all of them are as they should be. */
const RUNTIME = /^(?:process|nodejs)_/;

/** What must be there: by process, one for each question that an operator asks. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  ingress: [
    "collector_events_accepted_total",
    "collector_events_rejected_total",
    "collector_batches_refused_total",
    "collector_request_duration_seconds",
    "collector_spool_sync_duration_seconds",
    "collector_spool_group_lines",
    "collector_spool_bytes",
    "collector_spool_free_bytes",
    "collector_spool_segments",
    "collector_spool_ready",
    "collector_build_info",
    "nodejs_eventloop_lag_p99_seconds",
  ],
  forwarder: [
    "forwarder_events_forwarded_total",
    "forwarder_dead_letters_total",
    "forwarder_books_records",
    "forwarder_backlog_bytes",
    "forwarder_spool_bytes",
    "forwarder_segments",
    "forwarder_oldest_unforwarded_age_seconds",
    "forwarder_window_lines",
    "forwarder_window_duration_seconds",
    "forwarder_commit_duration_seconds",
    "forwarder_end_to_end_latency_seconds",
    "forwarder_producer_queue_messages",
    "forwarder_broker_up",
    "forwarder_retries_total",
    "forwarder_delivery_failures_total",
    "forwarder_fenced_total",
    "forwarder_build_info",
    "nodejs_eventloop_lag_p99_seconds",
  ],
};

const kafka = await startEmbeddedKafka(t);
const collector = createCollector(t, kafka, { forwarderCreatesTopics: true });
const [ingress, forwarder] = await Promise.all([collector.startIngress(), collector.startForwarder()]);
const events = [...Array.from({ length: 20 }, () => sampleEvent()), sampleEvent({ event_type: "eaten" })];
await fetch(`${ingress.url}/collect`, {
  method: "POST",
  headers: { "content-type": "application/json" },
  body: JSON.stringify({ events }),
});
await collector.events((messages) => messages.length >= 20);
await collector.deadLetters((messages) => messages.length > 0);
const urls: Readonly<Record<string, string>> = { ingress: ingress.url, forwarder: forwarder.url };
const texts = new Map<string, string>();
for (const [app, url] of Object.entries(urls)) texts.set(app, await (await fetch(`${url}/metrics`)).text());

const skip = await missing("promtool");

function familiesOf(text: string): Family[] {
  return [...text.matchAll(/^# HELP (\S+) (.+)\n# TYPE \S+ (\S+)$/gm)].map(
    ([, name = "", help = "", type = ""]) => ({ name, help, type }),
  );
}

/** What is wrong with a family of our own. */
function faultsOf({ name, type, help }: Family): string[] {
  const faults: string[] = [];
  if (!/^(?:collector|forwarder)_[a-z0-9]+(?:_[a-z0-9]+)*$/.test(name))
    faults.push(`${name}: form or prefix`);
  if ((type === "counter") !== name.endsWith("_total")) faults.push(`${name}: _total is for counters`);
  if (/_(?:count|sum|bucket|gauge|counter|histogram|ms|milliseconds|kb|mb|percent)(?:_|$)/.test(name)) {
    faults.push(`${name}: a suffix that is reserved, a type, or no base unit`);
  }
  const endings = [...UNITS, ...THINGS, ...STATES];
  if (type !== "counter" && !endings.some((ending) => name.endsWith(`_${ending}`))) {
    faults.push(`${name}: no unit`);
  }
  if (!help.endsWith(".")) faults.push(`${name}: the help is no sentence`);
  return faults;
}

for (const [app, text] of texts) {
  await t.test(`${app}: every metric has a name, a unit, a type and a help as they should be`, async (t) => {
    const own = familiesOf(text).filter(({ name }) => !RUNTIME.test(name));
    t.ok(own.length > 15);
    t.equal(own.length, new Set(own.map(({ name }) => name)).size, "no name is there twice");
    t.strictSame(own.flatMap(faultsOf), []);
  });

  await t.test(`${app}: what an operator asks for is there`, async (t) => {
    const names = new Set(familiesOf(text).map(({ name }) => name));
    t.strictSame(
      (NEEDED[app] ?? []).filter((name) => !names.has(name)),
      [],
    );
  });

  await t.test(`${app}: promtool finds no fault in them`, { skip }, async (t) => {
    const child = spawn("promtool", ["check", "metrics"], { stdio: ["pipe", "pipe", "pipe"] });
    const said: string[] = [];
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (part: Buffer) => said.push(String(part)));
    child.stdin.end(text);
    await once(child, "close");
    const lines = said.join("").split("\n");
    t.strictSame(
      lines.filter((line) => /^(?:collector|forwarder)_/.test(line) || line.includes("error")),
      [],
    );
  });
}

await t.test("what they say is what was sent", async (t) => {
  const value = (app: string, sample: string): number => {
    const line = (texts.get(app) ?? "").split("\n").find((one) => one.startsWith(`${sample} `));
    return Number(line?.slice(sample.length + 1));
  };
  t.equal(value("ingress", 'collector_events_accepted_total{protocol="rest"}'), 20);
  t.equal(
    value("ingress", 'collector_events_rejected_total{protocol="rest",reason="unknown_event_type"}'),
    1,
  );
  t.equal(value("forwarder", "forwarder_events_forwarded_total"), 20);
  t.equal(
    value("forwarder", 'forwarder_dead_letters_total{stage="validate",reason="unknown_event_type"}'),
    1,
  );
  t.equal(value("forwarder", "forwarder_broker_up"), 1);
  t.ok(value("forwarder", "forwarder_commit_duration_seconds_count") >= 1);
  t.ok(value("forwarder", "forwarder_end_to_end_latency_seconds_count") >= 1);
});

await t.test("the rule finds faults where there are some", async (t) => {
  const bad = [
    { name: "forwarder_events", type: "counter", help: "Events." },
    { name: "forwarder_wait_ms", type: "histogram", help: "Waits." },
    { name: "forwarder_age", type: "gauge", help: "Age." },
    { name: "collector_bytes_total", type: "gauge", help: "Bytes." },
    { name: "lag_seconds", type: "gauge", help: "Lag." },
    { name: "forwarder_lag_seconds", type: "gauge", help: "lag" },
  ];
  for (const family of bad) t.ok(faultsOf(family).length > 0, family.name);
});
