import { BODY_DEPTH_MAX } from "@event-collector/contract";
import { connect } from "node:net";
import { gzipSync } from "node:zlib";
import t from "tap";
import type { Test } from "tap";
import * as v from "valibot";
import { startCrew } from "../testing/crew-process.js";
import { liveIngress } from "../testing/live-ingress.js";
import { STILL } from "../testing/still-clock.js";
import { sampleBatch, sampleEvent } from "../testing/sample-event.js";
import { bufferStats, health, problem, readiness, receipt } from "./answers.js";
import type { OpenApiDocument } from "./document.js";

const KEY = "a-key-of-the-tests";
const SCHEMAS: Readonly<Record<string, v.GenericSchema>> = {
  Receipt: receipt,
  Problem: problem,
  Health: health,
  Readiness: readiness,
  BufferStats: bufferStats,
};

/** Headers that say something of this service. */
const HEADERS = ["retry-after", "www-authenticate", "allow", "accept", "accept-encoding", "x-request-id"];
HEADERS.push("ratelimit", "ratelimit-policy");

async function readDocument(url: string): Promise<OpenApiDocument> {
  return (await (await fetch(`${url}/openapi.json`)).json()) as OpenApiDocument;
}

/** The members that real answers had, by the schema they stand in. */
const seen = new Set<string>();

/** Asserts that every member of an answer is described, however deep, and notes it. */
function assertDescribed(t: Test, document: OpenApiDocument, schema: unknown, value: unknown): void {
  const { $ref, properties, items } = schema as {
    $ref?: string;
    properties?: Record<string, unknown>;
    items?: unknown;
  };
  if ($ref !== undefined) {
    const name = $ref.slice($ref.lastIndexOf("/") + 1);
    for (const member of Object.keys(value as object)) seen.add(`${name}.${member}`);
    return assertDescribed(t, document, document.components.schemas[name], value);
  }
  if (Array.isArray(value)) {
    for (const item of value) assertDescribed(t, document, items, item);
  } else if (properties !== undefined && typeof value === "object" && value !== null) {
    for (const [member, content] of Object.entries(value)) {
      const described = properties[member];
      if (described === undefined) t.fail(`${member} is not described`);
      else assertDescribed(t, document, described, content);
    }
  }
}

/** Asserts that an answer has a documented status, media type, header names and body. */
async function assertDocumented(
  t: Test,
  document: OpenApiDocument,
  path: string,
  method: string,
  response: Response,
) {
  const documented = document.paths[path]?.[method]?.responses[response.status];
  if (documented === undefined) throw new Error(`${response.status} of ${method} ${path} is not documented`);
  const mediaType = (response.headers.get("content-type") ?? "").replace(/;.*/, "");
  const content = documented.content[mediaType];
  if (content === undefined)
    throw new Error(`${response.status} of ${path} as ${mediaType} is not documented`);
  const { $ref } = content.schema;
  const text = await response.text();
  for (const name of HEADERS) {
    if (!response.headers.has(name)) continue;
    t.ok(
      Object.keys(documented.headers).some((known) => known.toLowerCase() === name),
      `${name} is documented`,
    );
  }
  if (typeof $ref !== "string") return text;
  const schema = SCHEMAS[$ref.slice($ref.lastIndexOf("/") + 1)];
  if (schema === undefined) throw new Error(`no schema for ${$ref}`);
  assertDescribed(t, document, content.schema, JSON.parse(text));
  const result = v.safeParse(schema, JSON.parse(text));
  t.strictSame(result.issues, undefined, text);
  return text;
}

await t.test("the description and its page are served to everybody, and nothing may be kept", async (t) => {
  const { url } = await liveIngress(t, { API_KEY: KEY, EVENT_TYPES_EXTRA: "lesson_sung" });
  const document = await readDocument(url);
  t.equal(document.openapi, "3.1.0");
  t.match(JSON.stringify(document.components.schemas["Event"]), "lesson_sung");
  for (const path of ["/openapi.json", "/docs"]) {
    const response = await fetch(url + path);
    t.equal(response.headers.get("cache-control"), "no-cache");
    await assertDocumented(t, document, path, "get", response);
  }
  const page = await fetch(`${url}/docs`);
  t.match(page.headers.get("content-security-policy"), "default-src 'none'");
  t.equal(page.headers.get("x-content-type-options"), "nosniff");
});

const good = sampleBatch(sampleEvent());
const json = { "content-type": "application/json" };
const ndjson = { "content-type": "application/x-ndjson" };

/** A request to `/collect`, and the status and code it leads to. */
const REFUSED: readonly [code: string | undefined, status: number, init: RequestInit][] = [
  [undefined, 200, { headers: json, body: good }],
  [undefined, 200, { headers: ndjson, body: JSON.stringify(sampleEvent()) }],
  [undefined, 422, { headers: json, body: sampleBatch(sampleEvent({ event_id: "mine", learner_id: "" })) }],
  [undefined, 200, { headers: { "content-type": "text/plain" }, body: good }],
  [undefined, 422, { headers: json, body: sampleBatch(sampleEvent({ learner_id: "" })) }],
  ["malformed_json", 400, { headers: json, body: '{"events":' }],
  ["malformed_compression", 400, { headers: { ...json, "content-encoding": "gzip" }, body: "no gzip" }],
  ["body_too_deep", 400, { headers: json, body: "[".repeat(BODY_DEPTH_MAX + 1) }],
  ["unauthenticated", 401, { headers: { ...json, authorization: "Bearer wrong" }, body: good }],
  ["method_not_allowed", 405, { method: "DELETE" }],
  [
    "batch_too_large",
    413,
    { headers: json, body: sampleBatch(...Array.from({ length: 101 }, () => sampleEvent())) },
  ],
  ["body_too_large", 413, { headers: json, body: " ".repeat(1024 * 1024 + 1) }],
  [
    "body_too_large",
    413,
    { headers: { ...json, "content-encoding": "gzip" }, body: gzipSync(Buffer.alloc(1024 * 1024 + 1, 32)) },
  ],
  [undefined, 422, { headers: ndjson, body: "x\n".repeat(1_001) }],
  [
    "body_too_large",
    413,
    { headers: ndjson, body: `${JSON.stringify(sampleEvent())}\n${"x".repeat(1024 * 1024 + 1)}` },
  ],
  ["unsupported_media_type", 415, { headers: { "content-type": "application/xml" }, body: "<events/>" }],
  ["unsupported_encoding", 415, { headers: { ...json, "content-encoding": "compress" }, body: good }],
  ["invalid_batch", 422, { headers: json, body: '{"events":{}}' }],
  ["empty_batch", 422, { headers: json, body: '{"events":[]}' }],
];

await t.test("what a sender is told is what the description says", async (t) => {
  const { url } = await liveIngress(t, { API_KEY: KEY });
  const document = await readDocument(url);
  for (const [code, status, init] of REFUSED) {
    const headers = { authorization: `Bearer ${KEY}`, ...(init.headers as Record<string, string>) };
    const response = await fetch(`${url}/collect`, { method: "POST", ...init, headers });
    t.equal(response.status, status, `${status} ${code ?? ""}`);
    const text = await assertDocumented(t, document, "/collect", "post", response);
    if (code !== undefined) t.equal((JSON.parse(text) as { code: string }).code, code);
  }
});

await t.test("a page of a forbidden origin is told so as the description says", async (t) => {
  const { url } = await liveIngress(t, { CORS_ORIGINS: "https://app.example.org" });
  const document = await readDocument(url);
  const response = await fetch(`${url}/health`, { headers: { origin: "https://elsewhere.example" } });
  t.match(await assertDocumented(t, document, "/health", "get", response), "origin_forbidden");
});

await t.test("what an operator is told is what the description says", async (t) => {
  const { url } = await liveIngress(t, { API_KEY: KEY });
  const document = await readDocument(url);
  for (const path of ["/health", "/ready", "/metrics", "/buffer/stats", "/status"]) {
    for (const authorization of [`Bearer ${KEY}`, "Bearer wrong"]) {
      const response = await fetch(url + path, { headers: { authorization } });
      await assertDocumented(t, document, path, "get", response);
    }
  }
});

await t.test("a sender that is too fast is told so as the description says", async (t) => {
  const { url } = await liveIngress(t, { RATE_LIMIT_ADDRESS_PER_SECOND: "1" }, undefined, undefined, STILL);
  const document = await readDocument(url);
  const response = await fetch(`${url}/collect`, { method: "POST", headers: json, body: good });
  t.match(await assertDocumented(t, document, "/collect", "post", response), "requests per second");
});

await t.test("a service that is crowded says so as the description says", async (t) => {
  const { url, port } = await liveIngress(t, { MAX_REQUESTS: "1" });
  const document = await readDocument(url);
  const unfinished = connect(port, "127.0.0.1");
  t.teardown(() => unfinished.destroy());
  unfinished.write(
    "POST /collect HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\n",
  );
  let response: Response;
  do response = await fetch(`${url}/openapi.json`);
  while (response.status !== 503);
  t.match(await assertDocumented(t, document, "/openapi.json", "get", response), '"unit":"requests"');
});

await t.test("several workers answer together as the description says", async (t) => {
  const { url } = await startCrew(t, 2);
  const document = await readDocument(url);
  const response = await fetch(`${url}/buffer/stats`);
  t.match(await assertDocumented(t, document, "/buffer/stats", "get", response), '"workers":[{"worker":1,');
});

await t.test("every member that is described was seen in a real answer", async (t) => {
  const { url } = await liveIngress(t);
  const { components } = await readDocument(url);
  const described = Object.entries(components.schemas)
    .filter(([name]) => name in SCHEMAS || name === "EventError")
    .flatMap(([name, schema]) =>
      Object.keys((schema as { properties: object }).properties).map((member) => `${name}.${member}`),
    );
  t.strictSame([...seen].sort(), described.sort());
});
