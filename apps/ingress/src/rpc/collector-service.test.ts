import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { create } from "@bufbuild/protobuf";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  EventSchema,
  RetryInfoSchema,
  EventCollectorService,
} from "@event-collector/contract";
import type { Event, JsonObject } from "@event-collector/contract";
import { nodeDisk } from "@event-collector/spool";
import t from "tap";
import { liveIngress } from "../testing/live-ingress.js";
import { allTransports, collectorClient, grpcTransport } from "../testing/rpc-clients.js";
import { sampleEvent } from "../testing/sample-event.js";

/** A message of an event's JSON form, with whatever is wrong in it. */
function message(json: JsonObject): Event {
  const text = (name: string): string => (typeof json[name] === "string" ? json[name] : "");
  const event = create(EventSchema, {
    learnerId: text("learner_id"),
    courseId: text("course_id"),
    lessonId: text("lesson_id"),
    eventType: text("event_type"),
    timestamp: text("timestamp"),
  });
  if (json["event_data"] !== undefined) event.eventData = json["event_data"] as JsonObject;
  if (json["metadata"] !== undefined) event.metadata = json["metadata"] as JsonObject;
  if (json["session_id"] !== undefined) event.sessionId = text("session_id");
  if (json["event_id"] !== undefined) event.eventId = text("event_id");
  return event;
}

async function failure(promise: Promise<unknown>): Promise<ConnectError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof ConnectError) return error;
    throw error;
  }
  throw new Error("the call did not fail");
}

const deep = (levels: number): JsonObject => (levels === 1 ? {} : { in: deep(levels - 1) });

/** What is sent, and what every protocol must answer. */
const TABLE: [string, JsonObject][] = [
  ["a good event", sampleEvent()],
  [
    "an event with everything",
    sampleEvent({ session_id: "s", metadata: { device: "mobile" }, event_id: "mine-1" }),
  ],
  ["an empty learner", sampleEvent({ learner_id: "" })],
  ["an unknown type", sampleEvent({ event_type: "lesson_eaten", event_id: "mine-2" })],
  ["a timestamp without zone", sampleEvent({ timestamp: "2024-01-15T10:30:00" })],
  ["a control character", sampleEvent({ course_id: "a\u0007b" })],
  ["a long identifier", sampleEvent({ lesson_id: "x".repeat(257) })],
  ["data that is too deep", sampleEvent({ event_data: deep(33) })],
  ["data that is just not too deep", sampleEvent({ event_data: deep(32) })],
  [
    "metadata with too many members",
    sampleEvent({ metadata: Object.fromEntries(Array.from({ length: 1001 }, (_, n) => [`k${n}`, n])) }),
  ],
  ["data that is far too deep", sampleEvent({ event_data: deep(100) })],
  [
    "a member named __proto__",
    sampleEvent({ event_data: JSON.parse('{"a":{"__proto__":1}}') as JsonObject }),
  ],
  ["several mistakes", sampleEvent({ learner_id: "", event_type: "", timestamp: "yesterday" })],
];

interface Verdict {
  success: boolean;
  accepted: number;
  rejected: number;
  errors: { index: number; event_id: string | undefined; code: string; pointer: string; message: string }[];
}

await t.test("the same events have the same outcome over every protocol", async (t) => {
  const { url, records } = await liveIngress(t);
  const response = await fetch(`${url}/collect`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ events: TABLE.map(([, event]) => event) }),
  });
  const rest = (await response.json()) as Verdict;
  const expected: Verdict = {
    success: rest.success,
    accepted: rest.accepted,
    rejected: rest.rejected,
    errors: rest.errors.map(({ index, event_id, code, pointer, message: text }) => ({
      index,
      event_id,
      code,
      pointer: pointer.replace(`/events/${index}`, ""),
      message: text,
    })),
  };
  t.equal(expected.accepted, 3, "REST accepts the good ones");
  let stored = TABLE.length;
  for (const { name, protocol, transport } of allTransports(t, url)) {
    await t.test(name, async (t) => {
      const client = collectorClient(transport);
      const answer = await client.collectEvents({ events: TABLE.map(([, event]) => message(event)) });
      const { success, accepted, rejected, errors } = answer;
      t.same(
        {
          success,
          accepted,
          rejected,
          errors: errors.map(({ index, eventId, code, pointer, message: text }) => ({
            index,
            event_id: eventId,
            code,
            pointer,
            message: text,
          })),
        },
        expected,
      );
      t.match(answer, { batchId: /^batch_/, timestamp: /^\d{4}-.*Z$/ });
      const added = (await records()).slice(stored);
      stored += TABLE.length;
      t.equal(added.length, TABLE.length);
      for (const record of added) if (record.kind === "rejected") t.equal(record.protocol, protocol);
    });
  }
});

await t.test("a single event", async (t) => {
  const { url, records } = await liveIngress(t);
  for (const { name, transport } of allTransports(t, url)) {
    await t.test(name, async (t) => {
      const client = collectorClient(transport);

      await t.test("that is good is answered with its id", async (t) => {
        const answer = await client.collectEvent(message(sampleEvent({ event_id: "mine" })));
        t.match(answer, { success: true, eventId: "mine", batchId: /^batch_/, message: String });
        t.match((await records()).at(-1), { kind: "event", eventId: "mine" });
      });

      await t.test("that is bad fails the call with every reason and its place", async (t) => {
        const error = await failure(
          client.collectEvent(message(sampleEvent({ learner_id: "", timestamp: "x" }))),
        );
        t.equal(error.code, Code.InvalidArgument);
        t.match(error.findDetails(BadRequestSchema), [
          {
            fieldViolations: [
              { field: "/learner_id", reason: "missing_field", description: /learner_id/ },
              { field: "/timestamp", reason: "invalid_timestamp" },
            ],
          },
        ]);
        t.match((await records()).at(-1), { kind: "rejected" }, "and is stored for the dead-letter topic");
      });
    });
  }
});

await t.test("a call over a limit is refused with a reason for machines", async (t) => {
  const { url, records } = await liveIngress(t, { MAX_BATCH_SIZE: "10", MAX_BATCH_SIZE_BYTES: "4096" });
  for (const { name, transport } of allTransports(t, url)) {
    await t.test(name, async (t) => {
      const client = collectorClient(transport);
      const reasonOf = (error: ConnectError): unknown => error.findDetails(ErrorInfoSchema)[0]?.reason;
      const empty = await failure(client.collectEvents({ events: [] }));
      t.same([empty.code, reasonOf(empty)], [Code.InvalidArgument, "empty_batch"]);
      const many = await failure(
        client.collectEvents({ events: Array.from({ length: 11 }, () => message({})) }),
      );
      t.same([many.code, reasonOf(many)], [Code.InvalidArgument, "batch_too_large"]);
      const large = await failure(
        client.collectEvent(message(sampleEvent({ event_data: { text: "x".repeat(5000) } }))),
      );
      t.equal(large.code, Code.ResourceExhausted);
    });
  }
  t.same(await records(), [], "and nothing of it is stored");
});

await t.test("a compressed message is undone, and a bomb is refused", async (t) => {
  const { url } = await liveIngress(t);
  const { compressionGzip, compressionBrotli } = await import("@connectrpc/connect-node");
  for (const compression of [compressionGzip, compressionBrotli]) {
    const options = { baseUrl: url, sendCompression: compression, compressMinBytes: 0 } as const;
    for (const transport of [
      createGrpcTransport(options),
      createConnectTransport({ ...options, httpVersion: "1.1" }),
    ]) {
      const client = createClient(EventCollectorService, transport);
      t.match(await client.collectEvent(message(sampleEvent())), { success: true });
      const bomb = message(sampleEvent({ event_data: { zeros: "0".repeat(8 * 1024 * 1024) } }));
      t.equal((await failure(client.collectEvent(bomb))).code, Code.ResourceExhausted);
    }
  }
});

await t.test("a spool that refuses is unavailable, with when to come back", async (t) => {
  let full = false;
  const space = async (directory: string): ReturnType<typeof nodeDisk.space> => {
    const measured = await nodeDisk.space(directory);
    return full ? { ...measured, freeBytes: 0 } : measured;
  };
  const { url } = await liveIngress(t, { BUFFER_MIN_FREE_BYTES: "4096" }, { ...nodeDisk, space });
  full = true;
  while ((await fetch(`${url}/ready`)).status === 200)
    await new Promise((resolve) => void setImmediate(resolve));
  for (const { name, transport } of allTransports(t, url)) {
    const error = await failure(collectorClient(transport).collectEvent(message(sampleEvent())));
    t.equal(error.code, Code.Unavailable, name);
    t.match(error.findDetails(RetryInfoSchema), [{ retryDelay: { seconds: 5n } }], name);
    t.equal(error.metadata.get("retry-after"), "5", name);
    t.notMatch(error.message, /\//, "no path of the disk is told");
  }
  const ready = await fetch(`${url}/ready`);
  t.match(await ready.json(), { status: 503, code: "spool_full" });
  t.match(await collectorClient(grpcTransport(t, url)).readinessCheck({}), {
    ready: false,
    code: "spool_full",
  });
  t.match(await collectorClient(grpcTransport(t, url)).healthCheck({}), { status: "degraded" });
});

await t.test("a stream", async (t) => {
  const { url, records } = await liveIngress(t, { STREAM_BATCH_SIZE: "3", STREAM_LINGER_MS: "5" });
  const http2 = allTransports(t, url).filter(({ name }) => name.endsWith("HTTP/2"));

  await t.test("is answered group by group, in order, with where each begins", async (t) => {
    for (const { name, transport } of http2) {
      const before = (await records()).length;
      async function* events(): AsyncGenerator<Event> {
        for (let n = 0; n < 8; n += 1)
          yield message(sampleEvent({ event_id: `${n}`, learner_id: n === 4 ? "" : "l" }));
      }
      let next = 0n;
      let accepted = 0;
      const errors: unknown[] = [];
      for await (const answer of collectorClient(transport).streamEvents(events())) {
        t.equal(answer.firstIndex, next, name);
        t.ok(answer.accepted + answer.rejected <= 3);
        next += BigInt(answer.accepted + answer.rejected);
        accepted += answer.accepted;
        for (const { index, eventId } of answer.errors)
          errors.push([answer.firstIndex + BigInt(index), eventId]);
      }
      t.same([next, accepted, errors], [8n, 7, [[4n, "4"]]], name);
      t.equal((await records()).length - before, 8, name);
    }
  });

  await t.test("of a slow sender is answered before the sender goes on", async (t) => {
    for (const { name, transport } of http2) {
      let answered: () => void = () => undefined;
      async function* events(): AsyncGenerator<Event> {
        for (let n = 0; n < 3; n += 1) {
          const answer = new Promise<void>((resolve) => void (answered = resolve));
          yield message(sampleEvent());
          await answer;
        }
      }
      let groups = 0;
      for await (const answer of collectorClient(transport).streamEvents(events())) {
        t.equal(answer.accepted, 1, name);
        groups += 1;
        answered();
      }
      t.equal(groups, 3, name);
    }
  });

  await t.test("that is cancelled leaves what was answered accepted", async (t) => {
    for (const { name, transport } of http2) {
      const before = (await records()).length;
      const cancel = new AbortController();
      async function* events(): AsyncGenerator<Event> {
        for (let n = 0; n < 3; n += 1) yield message(sampleEvent());
        await new Promise<void>((resolve) => cancel.signal.addEventListener("abort", () => resolve()));
      }
      let accepted = 0;
      const error = await failure(
        (async () => {
          const answers = collectorClient(transport).streamEvents(events(), { signal: cancel.signal });
          for await (const answer of answers) {
            accepted += answer.accepted;
            if (accepted === 3) cancel.abort();
          }
        })(),
      );
      t.equal(error.code, Code.Canceled, name);
      t.equal((await records()).length - before, 3, name);
    }
  });

  await t.test("over HTTP/1.1 is refused, since it has no two directions", async (t) => {
    const response = await fetch(`${url}/event_collector.v1.EventCollectorService/StreamEvents`, {
      method: "POST",
      headers: { "content-type": "application/connect+json" },
      body: "",
    });
    t.equal(response.status, 505);
  });
});

await t.test("bytes that are no message are the caller's fault", async (t) => {
  const { url, records } = await liveIngress(t);
  for (const [type, bytes] of [
    ["application/proto", Buffer.from([0xff, 0xff, 0xff])],
    ["application/proto", Buffer.from([0x0a, 2, 0xff, 0xfe])],
    ["application/json", Buffer.from("{oops")],
    ["application/json", Buffer.from(`{"eventData":${'{"a":'.repeat(50_000)}1${"}".repeat(50_000)}}`)],
  ] as const) {
    const response = await fetch(`${url}/event_collector.v1.EventCollectorService/CollectEvent`, {
      method: "POST",
      headers: { "content-type": type },
      body: bytes,
    });
    t.equal(response.status, 400, type);
    t.match(await response.json(), { code: "invalid_argument" });
  }
  t.same(await records(), []);
});

await t.test("a deadline beyond a day is refused, and one in the past ends the call", async (t) => {
  const { url } = await liveIngress(t);
  const client = collectorClient(grpcTransport(t, url));
  const long = await failure(client.healthCheck({}, { timeoutMs: 25 * 60 * 60 * 1000 }));
  t.equal(long.code, Code.InvalidArgument);
  t.match(await client.healthCheck({}, { timeoutMs: 10_000 }), { status: "healthy" });
});

await t.test("health and readiness", async (t) => {
  const { url } = await liveIngress(t, { SERVICE_NAME: "here", VERSION: "7.8.9" });
  for (const { name, transport } of allTransports(t, url)) {
    const client = collectorClient(transport);
    t.match(await client.healthCheck({}), { status: "healthy", service: "here", version: "7.8.9" }, name);
    t.match(await client.readinessCheck({}), { ready: true, code: "", message: "" }, name);
  }
  const get = await fetch(
    `${url}/event_collector.v1.EventCollectorService/HealthCheck?connect=v1&encoding=json&message=%7B%7D`,
  );
  t.match(await get.json(), { status: "healthy" }, "and by GET, for what can do nothing else");
});
