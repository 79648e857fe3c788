/**
 * One table of inputs, sent in every protocol: the same events are accepted, and the others are refused with the same
 * codes at the same places. What is refused as a whole has the statuses that clients of the earlier service know.
 */
import { Code, ConnectError, createClient, type Client, type Transport } from "@connectrpc/connect";
import * as node from "@connectrpc/connect-node";
import { EventCollectorService, type JsonObject } from "@event-collector/contract";
import { create } from "@bufbuild/protobuf";
import { BadRequestSchema, EventSchema } from "@event-collector/contract/browser";
import t from "tap";
import { createGrpcJsClient } from "../grpc-js.js";
import { sampleEvent, type SampleEvent } from "../sample-event.js";
import { startLoneIngress, type LoneIngress, type LoneScope } from "./lone-ingress.js";

t.setTimeout(300_000);

const KEY = "a-key-of-the-tests";
const folders = t.testdir({ open: {}, guarded: {} });
const scopeOf = (name: string): LoneScope => ({
  teardown: (action) => t.teardown(action),
  comment: (text) => t.comment(text),
  testdir: () => `${folders}/${name}`,
});
const ingress = await startLoneIngress(scopeOf("open"));
const guarded = await startLoneIngress(scopeOf("guarded"), { API_KEY: KEY, MAX_BATCH_SIZE_BYTES: "4096" });

const deep = (levels: number): Record<string, unknown> => (levels === 1 ? {} : { in: deep(levels - 1) });
const members = (count: number): Record<string, unknown> =>
  Object.fromEntries(Array.from({ length: count }, (_, number) => [`k${number}`, number]));

/** An event, and what is wrong with it. Ids are fixed: an answer that names them is the same everywhere. */
const TABLE: readonly [Partial<SampleEvent>, ...string[]][] = [
  [{}],
  [{ session_id: "s", metadata: { device: "mobile", nested: { list: [1, null, "x", true] } } }],
  [{ event_data: {} }],
  [{ event_data: { text: "ünïcödé 😀", zero: 0, negative: -1.5e-7, large: 2 ** 53 } }],
  [{ learner_id: "x".repeat(256) }],
  [{ learner_id: "😀".repeat(256) }],
  [{ timestamp: "2024-02-29T23:59:59.123456789+14:00" }],
  [{ event_data: deep(32) }],
  [{ event_data: members(1000) }],
  [{ learner_id: "" }, "/learner_id missing_field"],
  [{ course_id: "" }, "/course_id missing_field"],
  [{ lesson_id: "" }, "/lesson_id missing_field"],
  [{ event_type: "" }, "/event_type missing_field"],
  [{ timestamp: "" }, "/timestamp missing_field"],
  [{ event_type: "lesson_eaten" }, "/event_type unknown_event_type"],
  [{ timestamp: "2024-01-15T10:30:00" }, "/timestamp invalid_timestamp"],
  [{ timestamp: "2023-02-29T10:30:00Z" }, "/timestamp invalid_timestamp"],
  [{ course_id: "a\u0007b" }, "/course_id invalid_text"],
  [{ lesson_id: "x".repeat(257) }, "/lesson_id too_long"],
  [{ session_id: "x".repeat(257) }, "/session_id too_long"],
  [{ event_data: deep(33) }, `/event_data${"/in".repeat(32)} too_deep`],
  [{ metadata: members(1001) }, "/metadata too_many_keys"],
  [{ event_data: { text: "x".repeat(300_000) } }, " event_too_large"],
  [
    { learner_id: "", event_type: "", timestamp: "yesterday" },
    "/learner_id missing_field",
    "/event_type missing_field",
    "/timestamp invalid_timestamp",
  ],
];

const events = TABLE.map(([bent], index) => sampleEvent({ ...bent, event_id: `same-${index}` }));
const expected = TABLE.flatMap(([, ...reasons], index) =>
  reasons.map((reason) => `${index} same-${index} ${reason}`),
);
const good = TABLE.filter(([, ...reasons]) => reasons.length === 0).length;

interface Verdict {
  accepted: number;
  rejected: number;
  reasons: string[];
}

type Send = (to: LoneIngress, events: readonly SampleEvent[], key?: string) => Promise<Verdict>;

const json = async (response: Response): Promise<Record<string, unknown>> =>
  (await response.json()) as Record<string, unknown>;

const bearer = (key: string | undefined): Record<string, string> =>
  key === undefined ? {} : { authorization: `Bearer ${key}` };

function rest(type: string, bodyOf: (events: readonly SampleEvent[]) => string): Send {
  return async ({ url }, sent, key) => {
    const headers = { "content-type": type, ...bearer(key) };
    const response = await fetch(`${url}/collect`, { method: "POST", headers, body: bodyOf(sent) });
    const { accepted, rejected, errors } = await json(response);
    const entries = (errors ?? []) as { index: number; event_id: string; code: string; pointer: string }[];
    return {
      accepted: Number(accepted),
      rejected: Number(rejected),
      reasons: entries.map(
        ({ index, event_id: id, code, pointer }) =>
          `${index} ${id} ${pointer.replace(`/events/${index}`, "")} ${code}`,
      ),
    };
  };
}

function clientOf(
  { url }: LoneIngress,
  make: (baseUrl: string) => Transport,
): Client<typeof EventCollectorService> {
  return createClient(EventCollectorService, make(url));
}

function rpc(make: (baseUrl: string) => Transport): Send {
  return async (to, sent, key) => {
    const request = { events: sent.map(toMessage) };
    const answer = await clientOf(to, make).collectEvents(request, { headers: bearer(key) });
    return {
      accepted: answer.accepted,
      rejected: answer.rejected,
      reasons: answer.errors.map(
        ({ index, eventId, code, pointer }) => `${index} ${eventId} ${pointer} ${code}`,
      ),
    };
  };
}

const grpcJs: Send = async ({ port }, sent) => {
  const client = createGrpcJsClient(port);
  const answer = await client.collectEvents(sent).finally(() => client.close());
  const errors = answer["errors"] as { index: number; event_id: string; code: string; pointer: string }[];
  return {
    accepted: Number(answer["accepted"]),
    rejected: Number(answer["rejected"]),
    reasons: errors.map(({ index, event_id: id, code, pointer }) => `${index} ${id} ${pointer} ${code}`),
  };
};

const TRANSPORTS: readonly [string, (baseUrl: string) => Transport][] = [
  [
    "Connect in JSON",
    (baseUrl) => node.createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
  ],
  [
    "Connect in protobuf",
    (baseUrl) => node.createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: true }),
  ],
  ["gRPC", (baseUrl) => node.createGrpcTransport({ baseUrl })],
  ["gRPC-Web", (baseUrl) => node.createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })],
];

const PROTOCOLS: readonly [string, Send][] = [
  ["REST", rest("application/json", (sent) => JSON.stringify({ events: sent }))],
  ["REST with text, as beacons are", rest("text/plain", (sent) => JSON.stringify({ events: sent }))],
  [
    "REST with lines",
    rest("application/x-ndjson", (sent) => sent.map((event) => JSON.stringify(event)).join("\n")),
  ],
  ...TRANSPORTS.map(([name, make]): [string, Send] => [name, rpc(make)]),
  ["gRPC of grpc-js", grpcJs],
];

for (const [name, send] of PROTOCOLS) {
  await t.test(`the table has the same answers over ${name}`, async (t) => {
    const before = (await ingress.stored()).length;
    const verdict = await send(ingress, events);
    t.strictSame(verdict, { accepted: good, rejected: events.length - good, reasons: expected });
    const added = (await ingress.stored()).slice(before);
    t.strictSame(
      added.map(({ kind }) => kind),
      TABLE.map(([, ...reasons]) => (reasons.length === 0 ? "event" : "rejected")),
      "and the disk has the same verdicts",
    );
    for (const [index, { value }] of added.entries()) {
      const { received_at: _, ...plain } = value;
      // What is absent and what is empty are the same in protobuf.
      const sent = Object.entries(events[index] ?? {}).filter(([member, is]) => is !== "" || member in plain);
      t.strictSame(plain, Object.fromEntries(sent), `event ${index} as it was sent`);
    }
  });
}

for (const [name, make] of TRANSPORTS) {
  await t.test(`a single bad event fails its call over ${name} with every reason`, async (t) => {
    const [, ...reasons] = TABLE.at(-1) ?? [{}];
    const error = await failure(
      clientOf(ingress, make).collectEvent(toMessage(events.at(-1) ?? sampleEvent())),
    );
    t.equal(error.code, Code.InvalidArgument);
    const [details] = error.findDetails(BadRequestSchema);
    t.strictSame(
      details?.fieldViolations.map(({ field, reason }) => `${field} ${reason}`),
      reasons,
    );
  });

  await t.test(
    `a request that is refused as a whole says so over ${name}, and nothing of the inside`,
    async (t) => {
      const client = clientOf(guarded, make);
      const options = { headers: bearer(KEY) };
      const large = sampleEvent({ event_data: { text: "x".repeat(5_000) } });
      for (const [call, code] of [
        [() => client.collectEvents({ events: [toMessage(sampleEvent())] }), Code.Unauthenticated],
        [() => client.collectEvents({ events: [] }, options), Code.InvalidArgument],
        [() => client.collectEvents({ events: [toMessage(large)] }, options), Code.ResourceExhausted],
      ] as const) {
        const error = await failure(call());
        t.equal(error.code, code, error.message);
        t.notMatch(error.message, /node_modules|\.js|spool-|\bat \//);
      }
    },
  );
}

await t.test("REST has the statuses that clients of the earlier service know", async (t) => {
  const ask = (
    body: string,
    headers: Record<string, string> = {},
    key: string | undefined = KEY,
  ): Promise<Response> =>
    fetch(`${guarded.url}/collect`, {
      method: "POST",
      headers: { "content-type": "application/json", ...bearer(key), ...headers },
      body,
    });
  const batch = (count: number): string =>
    JSON.stringify({ events: Array.from({ length: count }, () => ({})) });
  for (const [response, status, code] of [
    [await ask("{"), 400, "malformed_json"],
    [await ask("no gzip", { "content-encoding": "gzip" }), 400, "malformed_compression"],
    [await ask(batch(1), {}, "wrong"), 401, "unauthenticated"],
    [await ask(batch(101)), 413, "batch_too_large"],
    [await ask(" ".repeat(5_000)), 413, "body_too_large"],
    [await ask(batch(0)), 422, "empty_batch"],
  ] as const) {
    t.equal(response.status, status, code);
    t.equal(response.headers.get("content-type"), "application/problem+json");
    const problem = await json(response);
    t.match(problem, { status, code, title: String, detail: String });
    t.notMatch(JSON.stringify(problem), /node_modules|\.js|\bat \//);
  }
  const rejected = await ask(batch(2));
  t.equal(rejected.status, 422);
  t.match(await json(rejected), { success: false, accepted: 0, rejected: 2 });
});

await t.test("what was refused as a whole left nothing on the disk", async (t) => {
  t.equal((await guarded.stored()).length, 2);
  for (const one of [ingress, guarded]) t.match(await one.program.stop(), { code: 0 });
});

async function failure(promise: Promise<unknown>): Promise<ConnectError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof ConnectError) return error;
    throw error;
  }
  throw new Error("the call did not fail");
}

function toMessage(event: SampleEvent): ReturnType<typeof create<typeof EventSchema>> {
  return create(EventSchema, {
    learnerId: event.learner_id,
    courseId: event.course_id,
    lessonId: event.lesson_id,
    eventType: event.event_type,
    eventData: event.event_data as JsonObject,
    timestamp: event.timestamp,
    eventId: event.event_id,
    ...(event.session_id !== undefined && { sessionId: event.session_id }),
    ...(event.metadata !== undefined && { metadata: event.metadata as JsonObject }),
  });
}
