/** Spans of both processes in a receiver of OTLP, joined by what stands in the spool and in Kafka's headers. */
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { EventCollectorService } from "@event-collector/contract";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { createCollector } from "../collector.js";
import { startEmbeddedKafka } from "../kafka/embedded.js";
import { idOf } from "../published.js";
import { sampleEvent } from "../sample-event.js";
import { builtFile, listeningPort, startProgram } from "../program.js";
import type { Program } from "../program.js";
import { startReceiver } from "./receiver.js";
import type { ReceivedSpan } from "./receiver.js";

const TRACE = "4bf92f3577b34da6a3ce929d0e0e4736";
const SENDER = "00f067aa0ba902b7";
const TRACEPARENT = `00-${TRACE}-${SENDER}-01`;
const SERVER = 2;
const PRODUCER = 4;
const ERROR = 2;

t.setTimeout(240_000);

const kafka = await startEmbeddedKafka(t);
const receiver = await startReceiver(t);
const collector = createCollector(t, kafka, { forwarderCreatesTopics: true });
// Writes down at the end which modules of OpenTelemetry its process has loaded, but for the interface alone, which
// the library of metrics has for itself.
const witness = join(collector.workDirectory, "witness.cjs");
await writeFile(
  witness,
  `process.on("exit", () => {
    const loaded = Object.keys(require.cache).filter((path) => /@opentelemetry\\/(?!api\\/)/.test(path));
    require("node:fs").writeFileSync(process.env.WITNESS_FILE, String(loaded.length));
  });`,
);
const traced = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url };
const ingress = await collector.startIngress({ ...traced, SERVICE_NAME: "the-ingress", DEBUG: "true" });
const forwarder = await collector.startForwarder({ ...traced, SERVICE_NAME: "the-forwarder" });

async function collect(url: string, event: object, headers: Record<string, string> = {}): Promise<number> {
  const response = await fetch(`${url}/collect`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ events: [event] }),
  });
  return response.status;
}

async function headerOf(id: string): Promise<string | undefined> {
  const messages = await collector.events((events) => events.some((event) => idOf(event) === id));
  return messages.find((message) => idOf(message) === id)?.headers["traceparent"];
}

function isLinked({ links }: ReceivedSpan, to: ReceivedSpan): boolean {
  return links.some(({ traceId, spanId }) => traceId === to.traceId && spanId === to.spanId);
}

interface Witnessed {
  program: Program;
  url: string;
  /** Ends it; resolves with how many modules it had loaded. */
  modules(): Promise<number>;
}

async function startWitnessed(app: string, environment: Record<string, string> = {}): Promise<Witnessed> {
  const file = join(collector.workDirectory, `${app}-${Object.keys(environment).length}`);
  const command = [process.execPath, `--require=${witness}`, builtFile(app, "main.js")] as const;
  const program = startProgram(t, app, [...command], {
    environment: {
      HTTP_HOST: "127.0.0.1",
      HTTP_PORT: "0",
      FORWARDER_HOST: "127.0.0.1",
      FORWARDER_PORT: "0",
      BUFFER_DIR: collector.bufferDirectory,
      KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrap,
      WITNESS_FILE: file,
      ...environment,
    },
  });
  return {
    program,
    url: `http://127.0.0.1:${await listeningPort(program)}`,
    modules: async () => {
      await program.stop();
      return Number(await readFile(file, "utf8"));
    },
  };
}

await t.test("one trace leads from the sender through the request to the message", async (t) => {
  const event = sampleEvent();
  t.equal(await collect(ingress.url, event, { traceparent: TRACEPARENT, tracestate: "vendor=1" }), 200);
  const request = await receiver.span(({ traceId, kind }) => traceId === TRACE && kind === SERVER);
  t.match(request, {
    name: "POST /collect",
    parentSpanId: SENDER,
    attributes: {
      "http.request.method": "POST",
      "http.route": "/collect",
      "http.response.status_code": 200,
      "event_collector.request.id": String,
    },
    resource: { "service.name": "the-ingress", "event_collector.role": "ingress" },
    status: 0,
  });
  t.ok(request.nanoseconds > 0n);
  t.equal(await headerOf(event.event_id), `00-${TRACE}-${request.spanId}-01`, "a consumer is its child");
  const window = await receiver.span((span) => span.kind === PRODUCER && isLinked(span, request));
  t.match(window, {
    name: `send ${collector.topic}`,
    attributes: { "messaging.system": "kafka", "messaging.destination.name": collector.topic },
    resource: { "service.name": "the-forwarder", "event_collector.role": "forwarder" },
    status: 0,
  });
  t.not(window.traceId, TRACE, "a window belongs to many traces, so it is linked and no child");
});

await t.test("a request without a context begins a trace, over gRPC too", async (t) => {
  const client = createClient(EventCollectorService, createGrpcTransport({ baseUrl: ingress.url }));
  const { eventId } = await client.collectEvent({
    learnerId: "l",
    courseId: "c",
    lessonId: "l",
    eventType: "lesson_started",
    eventData: {},
    timestamp: "2024-01-15T10:30:00Z",
  });
  const name = "event_collector.v1.EventCollectorService/CollectEvent";
  const request = await receiver.span((span) => span.name === name);
  t.match(request.attributes, { "rpc.system": "grpc", "rpc.method": "CollectEvent" });
  t.equal(await headerOf(eventId), `00-${request.traceId}-${request.spanId}-01`);
  await receiver.span((span) => span.kind === PRODUCER && isLinked(span, request));
});

await t.test("a refused request is a span too, and no error: it is the sender's", async (t) => {
  t.equal(await collect(ingress.url, {}, { "content-type": "image/png" }), 415);
  const span = await receiver.span(({ attributes }) => attributes["http.response.status_code"] === 415);
  t.not(span.status, ERROR);
});

await t.test("probes make no spans, and the log names the trace", async (t) => {
  for (const path of ["/health", "/ready", "/metrics", "/status"]) await fetch(ingress.url + path);
  await ingress.program.line(({ record }) => record["msg"] === "request" && record["traceId"] === TRACE);
  t.strictSame(
    receiver.spans.filter(({ name }) => !/collect|send/i.test(name)),
    [],
  );
});

await t.test("a sender's flag switches recording neither on nor off", async (t) => {
  const event = sampleEvent();
  const trace = "5bf92f3577b34da6a3ce929d0e0e4737";
  await collect(ingress.url, event, { traceparent: `00-${trace}-${SENDER}-00` });
  await receiver.span(({ traceId }) => traceId === trace);
  const unrecorded = await collector.startIngress({ ...traced, OTEL_TRACES_SAMPLER_ARG: "0" });
  const other = sampleEvent();
  await collect(unrecorded.url, other, { traceparent: `00-${"6".repeat(32)}-${SENDER}-01` });
  t.match(await headerOf(other.event_id), new RegExp(`^00-${"6".repeat(32)}-[0-9a-f]{16}-00$`));
  await unrecorded.program.stop();
  t.notOk(receiver.spans.some(({ traceId }) => traceId === "6".repeat(32)));
});

await t.test("what is left is exported at the end", async (t) => {
  const last = await startWitnessed("ingress", traced);
  const trace = "7bf92f3577b34da6a3ce929d0e0e4738";
  await collect(last.url, sampleEvent(), { traceparent: `00-${trace}-${SENDER}-01` });
  t.ok((await last.modules()) > 0, "the witness sees modules where there are some");
  t.ok(receiver.spans.some(({ traceId }) => traceId === trace));
});

await t.test("a receiver that is away costs no event and not the end of the process", async (t) => {
  const alone = await collector.startIngress({
    ...traced,
    OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1",
  });
  t.equal(await collect(alone.url, sampleEvent()), 200);
  t.match(await alone.program.stop(), { code: 0 });
});

await t.test(
  "without an endpoint nothing of OpenTelemetry is loaded, and the context goes through",
  async (t) => {
    const plain = await startWitnessed("ingress");
    const event = sampleEvent();
    const traceparent = `00-${"8".repeat(32)}-${SENDER}-01`;
    await collect(plain.url, event, { traceparent });
    t.equal(await headerOf(event.event_id), traceparent);
    t.equal(await plain.modules(), 0);
    await forwarder.program.stop();
    const quiet = await startWitnessed("forwarder");
    await quiet.program.line(({ record }) => record["msg"] === "producer open");
    t.equal(await quiet.modules(), 0);
    t.strictSame(receiver.faults, []);
  },
);
