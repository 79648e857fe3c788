import { EVENT_LIMITS } from "@event-collector/contract";
import { SpoolError } from "@event-collector/spool";
import type { Hono } from "hono";
import * as zlib from "node:zlib";
import { pino } from "pino";
import t from "tap";
import { createIngest } from "../ingest.js";
import { requestLimits } from "../refusal.js";
import { createFakeWriter } from "../testing/fake-writer.js";
import type { FakeWriter } from "../testing/fake-writer.js";
import { sampleBatch, sampleEvent } from "../testing/sample-event.js";
import { createRefuse, createRestApp } from "./app.js";
import type { RestEnvironment } from "./app.js";
import { createTurnstile } from "../turnstile.js";
import { createCollectHandler } from "./collect.js";

const BYTES_MAX = 4096;
const logger = pino({ level: "silent" });

function fixture(): { app: Hono<RestEnvironment>; writer: FakeWriter } {
  const writer = createFakeWriter();
  const observer = { accepted: () => undefined, rejected: () => undefined, refused: () => undefined };
  const clock = { now: () => Date.parse("2026-02-03T04:05:06.789Z"), monotonic: () => 0 };
  const ingest = createIngest(writer, clock, logger, observer, { eventsMax: 3, limits: EVENT_LIMITS });
  const refuse = createRefuse(requestLimits(3, BYTES_MAX));
  const handle = createCollectHandler(ingest, refuse, {
    eventsMax: 3,
    bytesMax: BYTES_MAX,
    ndjson: { bytesMax: 4 * BYTES_MAX, expansionMax: 20, rejectedMax: 100 },
    decompress: createTurnstile(2),
    leaving: new AbortController().signal,
  });
  return { app: createRestApp([{ method: "POST", path: "/collect", handle }], refuse, logger), writer };
}

function post(body: string | Uint8Array, headers: Record<string, string> = {}): RequestInit {
  return { method: "POST", body, headers: { "content-type": "application/json", ...headers } };
}

await t.test(
  "a good batch is answered with 200 and the members of the specification, and no others",
  async (t) => {
    const { app, writer } = fixture();
    const response = await app.request("/collect", post(sampleBatch(sampleEvent(), sampleEvent())));
    t.equal(response.status, 200);
    t.equal(response.headers.get("content-type"), "application/json");
    const answer = (await response.json()) as Record<string, unknown>;
    t.same(Object.keys(answer), ["success", "batch_id", "accepted", "rejected", "timestamp"]);
    t.match(answer, {
      success: true,
      batch_id: /^batch_[0-9a-f-]{36}$/,
      accepted: 2,
      rejected: 0,
      timestamp: "2026-02-03T04:05:06.789Z",
    });
    t.match(writer.appends, [[{ kind: "event", key: "learner123" }, { kind: "event" }]]);
  },
);

await t.test("a batch with one bad event is answered with 200, its reasons and where they are", async (t) => {
  const { app, writer } = fixture();
  const bad = sampleEvent({ event_id: "mine", event_type: "lesson_eaten", event_data: 5 });
  const response = await app.request("/collect", post(sampleBatch(sampleEvent(), bad)));
  t.equal(response.status, 200);
  t.match(await response.json(), {
    success: false,
    accepted: 1,
    rejected: 1,
    errors: [
      {
        index: 1,
        event_id: "mine",
        code: "unknown_event_type",
        pointer: "/events/1/event_type",
        message: /one of/,
      },
      { index: 1, event_id: "mine", code: "invalid_type", pointer: "/events/1/event_data" },
    ],
  });
  t.match(writer.appends, [[{ kind: "event" }, { kind: "rejected", eventId: "mine" }]]);
});

await t.test("a batch of none but bad events is answered with 422 and the same members", async (t) => {
  const { app, writer } = fixture();
  const response = await app.request("/collect", post(sampleBatch(sampleEvent({ learner_id: "" }))));
  t.equal(response.status, 422);
  t.match(await response.json(), {
    success: false,
    accepted: 0,
    rejected: 1,
    errors: [{ index: 0, code: "missing_field", pointer: "/events/0/learner_id" }],
  });
  t.match(writer.appends, [[{ kind: "rejected" }]], "and it is stored for the dead-letter topic");
});

await t.test("text/plain that holds JSON is taken, since a beacon can send nothing else", async (t) => {
  const { app } = fixture();
  const body = sampleBatch(sampleEvent());
  const response = await app.request("/collect", post(body, { "content-type": "text/plain;charset=UTF-8" }));
  t.equal(response.status, 200);
});

await t.test("NDJSON is one event a line, and a malformed line is judged alone", async (t) => {
  const { app, writer } = fixture();
  const lines = [JSON.stringify(sampleEvent()), "", "{oops", JSON.stringify(sampleEvent())].join("\n");
  const response = await app.request("/collect", post(lines, { "content-type": "application/x-ndjson" }));
  t.equal(response.status, 200);
  t.match(await response.json(), {
    accepted: 2,
    rejected: 1,
    errors: [{ index: 1, code: "malformed_json", pointer: "/events/1" }],
  });
  t.match(writer.appends.flat(), [
    { kind: "event" },
    { kind: "rejected", encoding: "base64" },
    { kind: "event" },
  ]);
});

await t.test("compressed bodies are undone", async (t) => {
  const { app } = fixture();
  const body = Buffer.from(sampleBatch(sampleEvent()));
  const encoded: [string, Buffer][] = [
    ["gzip", zlib.gzipSync(body)],
    ["deflate", zlib.deflateSync(body)],
    ["br", zlib.brotliCompressSync(body)],
    // Node has it from 22.15 on.
    ...("zstdCompressSync" in zlib
      ? [["zstd", (zlib.zstdCompressSync as typeof zlib.gzipSync)(body)] satisfies [string, Buffer]]
      : []),
  ];
  for (const [encoding, bytes] of encoded) {
    const response = await app.request(
      "/collect",
      post(new Uint8Array(bytes), { "content-encoding": encoding }),
    );
    t.equal(response.status, 200, encoding);
  }
});

await t.test("numbers reach the record as they were spelt", async (t) => {
  const { app, writer } = fixture();
  await app.request(
    "/collect",
    post(sampleBatch(sampleEvent()).replace("95", '12345678901234567890, "b": 1.10')),
  );
  const value = Buffer.from(writer.appends[0]?.[0]?.value ?? []).toString();
  t.match(value, '"score":12345678901234567890, "b": 1.10');
});

await t.test("a batch that is pretty-printed becomes one line", async (t) => {
  const { app, writer } = fixture();
  await app.request(
    "/collect",
    post(JSON.stringify({ events: [sampleEvent()] }, null, 2).replaceAll("\n", "\r\n")),
  );
  const record = writer.appends[0]?.[0];
  t.match(record, { kind: "event" });
  t.notMatch(Buffer.from(record?.value ?? []).toString(), /[\r\n]/);
});

const gzipBomb = new Uint8Array(zlib.gzipSync(Buffer.alloc(50 * 1024 * 1024)));
const JSON_TYPE = "application/json";

const REFUSED: [string, number, string, string | Uint8Array, Record<string, string>][] = [
  ["no JSON", 400, "malformed_json", "{oops", {}],
  ["nothing", 400, "malformed_json", "", {}],
  ["bytes that are not UTF-8", 400, "malformed_json", new Uint8Array([0x22, 0xff, 0x22]), {}],
  ["a depth of 2,048", 400, "body_too_deep", `${"[".repeat(2048)}${"]".repeat(2048)}`, {}],
  ["no array of events", 422, "invalid_batch", "{}", {}],
  ["an empty batch", 422, "empty_batch", '{"events":[]}', {}],
  ["too many events", 413, "batch_too_large", '{"events":[1,2,3,4]}', {}],
  ["too many bytes", 413, "body_too_large", "x".repeat(BYTES_MAX + 1), {}],
  ["a bomb", 413, "body_too_large", gzipBomb.subarray(0, BYTES_MAX), { "content-encoding": "gzip" }],
  ["no gzip", 400, "malformed_compression", "{}", { "content-encoding": "gzip" }],
  ["an unknown encoding", 415, "unsupported_encoding", "{}", { "content-encoding": "rot13" }],
  ["a form", 415, "unsupported_media_type", "a=1", { "content-type": "application/x-www-form-urlencoded" }],
  ["no media type", 415, "unsupported_media_type", "{}", { "content-type": "" }],
];

for (const [name, status, code, body, headers] of REFUSED) {
  await t.test(
    `${name} is refused with ${status} and a problem document, and nothing is stored`,
    async (t) => {
      const { app, writer } = fixture();
      const response = await app.request("/collect", post(body, { "content-type": JSON_TYPE, ...headers }));
      t.equal(response.status, status);
      t.equal(response.headers.get("content-type"), "application/problem+json");
      t.match(await response.json(), {
        type: `urn:event-collector:problem:${code}`,
        title: String,
        status,
        detail: String,
        code,
        retryable: false,
      });
      t.same(writer.appends, []);
    },
  );
}

await t.test("a refusal for a limit names the limit", async (t) => {
  const { app } = fixture();
  const many = await app.request("/collect", post('{"events":[1,2,3,4]}'));
  t.match(await many.json(), { limit: 3, unit: "events" });
  const large = await app.request("/collect", post("x".repeat(BYTES_MAX + 1)));
  t.match(await large.json(), { limit: BYTES_MAX, unit: "bytes" });
});

await t.test("415 says what would be understood", async (t) => {
  const { app } = fixture();
  const type = await app.request("/collect", post("{}", { "content-type": "text/html" }));
  t.match(type.headers.get("accept"), /application\/json.*ndjson.*text\/plain/);
  const encoding = await app.request("/collect", post("{}", { "content-encoding": "rot13" }));
  t.match(encoding.headers.get("accept-encoding"), /gzip, deflate, br/);
});

await t.test("a spool that refuses is answered with 503 and when to come back", async (t) => {
  const { app, writer } = fixture();
  writer.fail(new SpoolError("spool_full", "full"));
  const response = await app.request("/collect", post(sampleBatch(sampleEvent())));
  t.equal(response.status, 503);
  t.match(response.headers.get("retry-after"), /^\d+$/);
  t.match(await response.json(), { code: "spool_full", retryable: true });
});

await t.test("another method is answered with 405 and the right one, another path with 404", async (t) => {
  const { app } = fixture();
  const method = await app.request("/collect");
  t.equal(method.status, 405);
  t.equal(method.headers.get("allow"), "POST");
  t.match(await method.json(), { code: "method_not_allowed" });
  const path = await app.request("/collect/");
  t.equal(path.status, 404);
  t.match(await path.json(), { code: "not_found" });
});

await t.test("a defect is answered with 500 that says nothing about it", async (t) => {
  const refuse = createRefuse({});
  const handle = (): never => {
    throw new Error("secret of the house");
  };
  const app = createRestApp([{ method: "POST", path: "/collect", handle }], refuse, logger);
  const response = await app.request("/collect", post("{}"));
  t.equal(response.status, 500);
  t.notMatch(await response.text(), /secret/);
});
