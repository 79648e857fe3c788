/** A stream of grpc-js, which shares nothing with the service, treated as clients treat streams: well and badly. */
import { status, type StatusObject } from "@grpc/grpc-js";
import { once } from "node:events";
import t from "tap";
import { createGrpcJsClient, type EventStream, type Reply } from "../grpc-js.js";
import { sampleEvent, type SampleEvent } from "../sample-event.js";
import { startLoneIngress } from "./lone-ingress.js";

const ingress = await startLoneIngress(t, { STREAM_BATCH_SIZE: "10" });
const client = createGrpcJsClient(ingress.port);
t.teardown(() => client.close());
t.setTimeout(300_000);

interface Followed {
  readonly replies: Reply[];
  /** How many events the answers speak of. */
  readonly covered: () => number;
  /** Resolves when the call is over, however it ended. */
  readonly over: Promise<StatusObject>;
}

function follow(stream: EventStream): Followed {
  const replies: Reply[] = [];
  stream.on("data", (reply: Reply) => replies.push(reply));
  // What failed is told by the status too.
  stream.on("error", () => undefined);
  return {
    replies,
    covered: () =>
      replies.reduce((sum, reply) => sum + Number(reply["accepted"]) + Number(reply["rejected"]), 0),
    over: new Promise((resolve) => stream.on("status", resolve)),
  };
}

async function answered(stream: EventStream, covered: () => number, count: number): Promise<void> {
  while (covered() < count) await once(stream, "data");
}

const many = (count: number): SampleEvent[] =>
  Array.from({ length: count }, () => sampleEvent({ learner_id: "one" }));

await t.test("a slow sender is answered event by event, while its stream stays open", async (t) => {
  const stream = client.openStream();
  const { replies, covered, over } = follow(stream);
  for (let sent = 1; sent <= 3; sent += 1) {
    stream.send(sampleEvent());
    await answered(stream, covered, sent);
    t.match(replies.at(-1), { success: true, accepted: 1, first_index: sent - 1 });
  }
  stream.end();
  t.equal((await over).code, status.OK);
});

await t.test("a sender that has ended its half still gets every answer", async (t) => {
  const stream = client.openStream();
  const { replies, covered, over } = follow(stream);
  const events = many(23);
  for (const event of events) stream.send(event);
  stream.end();
  t.equal((await over).code, status.OK);
  t.equal(covered(), events.length);
  t.ok(
    replies.every((reply) => Number(reply["accepted"]) <= 10),
    "in groups of at most ten",
  );
  t.strictSame(
    (await ingress.accepted()).slice(-events.length),
    events.map(({ event_id: id }) => id),
  );
});

await t.test("a bad event on a stream is named, and the stream goes on", async (t) => {
  const stream = client.openStream();
  const { replies, covered, over } = follow(stream);
  stream.send(sampleEvent({ learner_id: "" }));
  await answered(stream, covered, 1);
  t.match(replies, [
    { success: false, rejected: 1, errors: [{ index: 0, code: "missing_field", pointer: "/learner_id" }] },
  ]);
  stream.send(sampleEvent());
  await answered(stream, covered, 2);
  stream.end();
  t.equal((await over).code, status.OK);
});

await t.test("what was answered stays accepted when the caller cancels in the middle", async (t) => {
  const stream = client.openStream();
  const { covered, over } = follow(stream);
  const events = many(40);
  for (const event of events.slice(0, 20)) stream.send(event);
  await answered(stream, covered, 20);
  for (const event of events.slice(20)) stream.send(event);
  stream.cancel();
  t.equal((await over).code, status.CANCELLED);
  const accepted = await ingress.accepted();
  const stored = events.filter(({ event_id: id }) => accepted.includes(id));
  t.ok(stored.length >= 20);
  t.strictSame(stored, events.slice(0, stored.length), "and of the others a beginning, in order");
  t.equal(new Set(accepted).size, accepted.length, "none twice");
});

await t.test("a sender that reads late gets every answer", async (t) => {
  const stream = client.openStream();
  stream.pause();
  const large = "x".repeat(64 * 1024);
  const events = Array.from({ length: 200 }, () => sampleEvent({ event_data: { large } }));
  for (const event of events) if (!stream.send(event)) await once(stream, "drain");
  stream.end();
  const { covered, over } = follow(stream);
  stream.resume();
  t.equal((await over).code, status.OK);
  t.equal(covered(), events.length);
});

await t.test("a deadline that passes ends the stream with its code", async (t) => {
  const stream = client.openStream(Date.now() + 500);
  const { over } = follow(stream);
  stream.send(sampleEvent());
  t.equal((await over).code, status.DEADLINE_EXCEEDED);
});
