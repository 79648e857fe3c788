/** What two processes write while they are sent secrets in every place that a sender has: enough, and no word of them. */
import { createClient, type Transport } from "@connectrpc/connect";
import * as node from "@connectrpc/connect-node";
import { EventCollectorService } from "@event-collector/contract";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import t from "tap";
import { createCollector } from "../collector.js";
import { startEmbeddedKafka } from "../kafka/embedded.js";
import { sampleEvent } from "../sample-event.js";

/** Every secret has it in it, and nothing else has. */
const MARK = "zebra";
const KEY = `${MARK}-api-key`;
const REQUEST_ID = "request-4711";
const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const LEVELS = ["debug", "info", "warn", "error", "fatal"];

t.setTimeout(180_000);

const kafka = await startEmbeddedKafka(t);
const collector = createCollector(t, kafka, { forwarderCreatesTopics: true });
const properties = join(collector.workDirectory, "kafka.properties");
await writeFile(properties, `ssl.key.password=${MARK}-password\n`);
const [ingress, forwarder] = await Promise.all([
  collector.startIngress({ API_KEY: KEY, DEBUG: "true" }),
  collector.startForwarder({
    DEBUG: "true",
    KAFKA_CONFIG_FILE: properties,
    KAFKA_MESSAGE_BYTES_MAX: "16384",
  }),
]);

const secret = {
  event_id: `${MARK}-event`,
  learner_id: `${MARK}-learner`,
  course_id: `${MARK}-course`,
  lesson_id: `${MARK}-lesson`,
  session_id: `${MARK}-session`,
  event_data: { password: `${MARK}-password`, [`${MARK}-member`]: 1 },
  metadata: { token: `${MARK}-token` },
};
const good = JSON.stringify({ events: [sampleEvent(secret)] });
const rejected = JSON.stringify({ events: [sampleEvent({ ...secret, event_type: `${MARK}-type` })] });
const huge = JSON.stringify({
  events: [sampleEvent({ ...secret, event_data: { text: `${MARK}${"x".repeat(20_000)}` } })],
});
const json = { "content-type": "application/json" };
const bearer = { authorization: `Bearer ${KEY}` };

/** Requests of which each shows a secret in another place. */
const REQUESTS: readonly [string, string, Record<string, string>, string | Uint8Array][] = [
  ["accepted", "/collect", { ...json, ...bearer, "x-request-id": REQUEST_ID }, good],
  ["rejected", "/collect", { ...json, ...bearer, traceparent: `00-${TRACE}-00f067aa0ba902b7-01` }, rejected],
  ["too large for the broker", "/collect", { ...json, ...bearer }, huge],
  ["malformed", "/collect", { ...json, ...bearer }, `{"events":[{"${MARK}`],
  ["no gzip", "/collect", { ...json, ...bearer, "content-encoding": "gzip" }, `${MARK}`],
  ["gzip", "/collect", { ...json, ...bearer, "content-encoding": "gzip" }, gzipSync(good)],
  ["lines", "/collect", { "content-type": "application/x-ndjson", ...bearer }, `{"${MARK}":\n"${MARK}"\n`],
  ["a wrong key", "/collect", { ...json, authorization: `Bearer ${MARK}-wrong` }, good],
  ["a key in the query", `/collect?key=${KEY}`, json, good],
  ["a path", `/${MARK}/path`, { ...json, ...bearer }, good],
  ["headers", "/collect", { ...json, ...bearer, cookie: `id=${MARK}`, "x-request-id": `${MARK} !` }, good],
  [
    "an RPC",
    "/event_collector.v1.EventCollectorService/CollectEvent",
    { ...json, ...bearer },
    `{"${MARK}":1}`,
  ],
  ["an unknown RPC", `/event_collector.v1.EventCollectorService/${MARK}`, { ...json, ...bearer }, "{}"],
];

for (const [, path, headers, body] of REQUESTS) {
  await fetch(ingress.url + path, { method: "POST", headers, body }).then((response) => response.text());
}
const transports: readonly Transport[] = [
  node.createGrpcTransport({ baseUrl: ingress.url }),
  node.createGrpcWebTransport({ baseUrl: ingress.url, httpVersion: "1.1" }),
];
for (const transport of transports) {
  const client = createClient(EventCollectorService, transport);
  await client.collectEvent({ learnerId: MARK, eventType: MARK }, { headers: bearer }).catch(() => undefined);
  await client.collectEvent({ learnerId: MARK }, { headers: { "x-api-key": MARK } }).catch(() => undefined);
}
await forwarder.program.line(
  ({ record }) =>
    record["msg"] === "dead letters delivered" && JSON.stringify(record).includes("record_too_large"),
);
await Promise.all([ingress.program.stop(), forwarder.program.stop()]);
const lines = [...ingress.program.lines, ...forwarder.program.lines];

await t.test("no word of a secret, of an event or of a key is in the log", async (t) => {
  t.ok(lines.length > REQUESTS.length, "everything that can be logged is");
  t.strictSame(
    lines.filter(({ text }) => text.includes(MARK)).map(({ text }) => text),
    [],
  );
});

await t.test("every line is an object with level, time, service and a sentence", async (t) => {
  for (const { text, record } of lines) {
    const { level, time, service, msg } = record;
    const isWhole =
      LEVELS.includes(String(level)) &&
      !Number.isNaN(Date.parse(String(time))) &&
      service === "event-collector" &&
      typeof msg === "string" &&
      msg.length > 3;
    if (!isWhole) t.fail(text);
  }
  t.pass("of all lines");
});

await t.test("a request is found by its id and by its trace", async (t) => {
  const requests = lines.filter(({ record }) => record["msg"] === "request");
  t.ok(requests.length >= REQUESTS.length);
  t.ok(requests.every(({ record }) => typeof record["requestId"] === "string"));
  const own = requests.find(({ record }) => record["requestId"] === REQUEST_ID);
  t.match(own?.record, { protocol: "rest", route: "/collect", code: "200", seconds: Number });
  t.ok(requests.some(({ record }) => record["traceId"] === TRACE));
});
