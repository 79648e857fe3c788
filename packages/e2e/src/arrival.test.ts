/** An event arrives in the topic once, with key, value and headers, whichever protocol carried it. */
import { createClient, type Client, type Transport } from "@connectrpc/connect";
import * as node from "@connectrpc/connect-node";
import * as web from "@connectrpc/connect-web";
import { EventCollectorService, type JsonObject } from "@event-collector/contract";
import { gzipSync } from "node:zlib";
import t, { type Test } from "tap";
import { createCollector } from "./collector.js";
import { createGrpcJsClient } from "./grpc-js.js";
import { startKafka, type TopicMessage } from "./kafka/index.js";
import { idOf } from "./published.js";
import { sampleEvent, type SampleEvent } from "./sample-event.js";
import { missing, runCommand } from "./sh.js";

const TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

const kafka = await startKafka(t);
const collector = createCollector(t, kafka);
await collector.createTopics();
const [ingress, forwarder] = await Promise.all([collector.startIngress(), collector.startForwarder()]);
const sent: string[] = [];

/** Asserts that the event is in the topic once, as it was sent. */
async function assertArrived(t: Test, event: SampleEvent): Promise<TopicMessage> {
  sent.push(event.event_id);
  const isIt = (message: TopicMessage): boolean => idOf(message) === event.event_id;
  const [message, ...more] = (await collector.events((messages) => messages.some(isIt))).filter(isIt);
  if (message === undefined) throw new Error(`event ${event.event_id} has not arrived`);
  t.equal(more.length, 0, "it is there once");
  const { received_at: receivedAt, ...value } = JSON.parse(message.value.toString()) as SampleEvent & {
    received_at: string;
  };
  t.equal(message.key, event.learner_id, "its key is the learner");
  t.strictSame(value, event, "its value is what was sent");
  t.match(receivedAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, "and when it came");
  t.match(message.headers, { "content-type": "application/json" });
  return message;
}

await t.test("an event sent by curl arrives", { skip: await missing("curl") }, async (t) => {
  const event = sampleEvent({ session_id: "session123", metadata: { device: "mobile" } });
  const { stdout } = await runCommand([
    "curl",
    "--silent",
    "--header",
    "Content-Type: application/json",
    "--header",
    `traceparent: ${TRACEPARENT}`,
    "--data",
    JSON.stringify({ events: [event] }),
    `${ingress.url}/collect`,
  ]);
  t.match(JSON.parse(stdout), { success: true, accepted: 1, rejected: 0 });
  const message = await assertArrived(t, event);
  t.equal(message.headers["traceparent"], TRACEPARENT);
});

await t.test("a compressed body arrives, with the very bytes of its numbers", async (t) => {
  const event = sampleEvent({ event_data: { big: 0 } });
  const text = JSON.stringify(event).replace('"big":0', '"big":12345678901234567890');
  const response = await fetch(`${ingress.url}/collect`, {
    method: "POST",
    headers: { "content-type": "application/json", "content-encoding": "gzip" },
    body: gzipSync(`{"events":[${text}]}`),
  });
  t.equal(response.status, 200);
  const message = await assertArrived(t, JSON.parse(text) as SampleEvent);
  t.match(message.value.toString(), '"big":12345678901234567890');
});

await t.test("an event without an id is given one", async (t) => {
  const { event_id: _, ...event } = sampleEvent({ learner_id: "anonymous" });
  const response = await fetch(`${ingress.url}/collect`, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson" },
    body: JSON.stringify(event),
  });
  t.equal(response.status, 200);
  const isIt = (message: TopicMessage): boolean => message.key === "anonymous";
  const [message] = (await collector.events((messages) => messages.some(isIt))).filter(isIt);
  const value = JSON.parse(message?.value.toString() ?? "{}") as SampleEvent;
  t.match(value.event_id, /^[\da-f]{8}-[\da-f]{4}-7[\da-f]{3}-/, "a UUID that sorts by time");
  sent.push(value.event_id);
});

const transports: readonly [string, Transport][] = [
  ["Connect over HTTP/1.1", node.createConnectTransport({ baseUrl: ingress.url, httpVersion: "1.1" })],
  [
    "Connect in protobuf over HTTP/2",
    node.createConnectTransport({ baseUrl: ingress.url, httpVersion: "2", useBinaryFormat: true }),
  ],
  ["gRPC", node.createGrpcTransport({ baseUrl: ingress.url })],
  ["gRPC-Web", node.createGrpcWebTransport({ baseUrl: ingress.url, httpVersion: "1.1" })],
  ["Connect by fetch, as in a browser", web.createConnectTransport({ baseUrl: ingress.url })],
  ["gRPC-Web by fetch, as in a browser", web.createGrpcWebTransport({ baseUrl: ingress.url })],
];

for (const [name, transport] of transports) {
  await t.test(`events sent by ${name} arrive, one alone and a batch`, async (t) => {
    const client = createClient(EventCollectorService, transport);
    const single = sampleEvent();
    const receipt = await client.collectEvent(toMessage(single), { headers: { traceparent: TRACEPARENT } });
    t.match(receipt, { success: true, eventId: single.event_id });
    const batch = [sampleEvent({ metadata: { device: "web" } }), sampleEvent({ session_id: "s" })];
    const answer = await client.collectEvents({ events: batch.map(toMessage) });
    t.match(answer, { success: true, accepted: 2, rejected: 0 });
    const message = await assertArrived(t, single);
    t.equal(message.headers["traceparent"], TRACEPARENT);
    for (const event of batch) await assertArrived(t, event);
  });
}

await t.test("events streamed by Connect's gRPC client arrive", async (t) => {
  const client = createClient(EventCollectorService, node.createGrpcTransport({ baseUrl: ingress.url }));
  const events = Array.from({ length: 25 }, () => sampleEvent({ learner_id: "streamer" }));
  let accepted = 0;
  for await (const response of client.streamEvents(streamOf(events))) accepted += response.accepted;
  t.equal(accepted, events.length);
  for (const event of events.slice(0, 2)) await assertArrived(t, event);
  sent.push(...events.slice(2).map((event) => event.event_id));
});

await t.test("events sent by an independent gRPC client arrive", async (t) => {
  const client = createGrpcJsClient(ingress.port);
  t.teardown(() => client.close());
  const single = sampleEvent({ metadata: { nested: { list: [1, null, "x"] } } });
  t.match(await client.collectEvent(single, { traceparent: TRACEPARENT }), { success: true });
  const batch = [sampleEvent(), sampleEvent()];
  t.match(await client.collectEvents(batch), { success: true, accepted: 2, rejected: 0 });
  const streamed = Array.from({ length: 12 }, () => sampleEvent({ learner_id: "streamer" }));
  const replies = await client.streamEvents(streamed);
  t.equal(
    replies.reduce((sum, reply) => sum + Number(reply["accepted"]), 0),
    streamed.length,
  );
  t.equal((await assertArrived(t, single)).headers["traceparent"], TRACEPARENT);
  for (const event of [...batch, ...streamed]) await assertArrived(t, event);
});

await t.test("nothing else arrived, and nothing twice, when both have stopped in order", async (t) => {
  t.match(await ingress.program.stop(), { code: 0 });
  t.match(await forwarder.program.stop(), { code: 0 });
  const events = await collector.events(() => true);
  t.strictSame(events.map(idOf).sort(), [...sent].sort());
  const streamed = events.filter((message) => message.key === "streamer");
  t.strictSame(
    streamed.map(idOf),
    sent.filter((id) => streamed.some((message) => idOf(message) === id)),
    "the events of one learner are in the order in which they were sent",
  );
  t.strictSame(await collector.deadLetters(() => true), []);
});

type EventInit = Parameters<Client<typeof EventCollectorService>["collectEvent"]>[0];

function toMessage(event: SampleEvent): EventInit {
  return {
    learnerId: event.learner_id,
    courseId: event.course_id,
    lessonId: event.lesson_id,
    eventType: event.event_type,
    eventData: event.event_data as JsonObject,
    timestamp: event.timestamp,
    eventId: event.event_id,
    ...(event.session_id !== undefined && { sessionId: event.session_id }),
    ...(event.metadata !== undefined && { metadata: event.metadata as JsonObject }),
  };
}

async function* streamOf(events: readonly SampleEvent[]): AsyncGenerator<EventInit> {
  for (const event of events) yield toMessage(event);
}
