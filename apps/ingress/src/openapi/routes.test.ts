import { BODY_DEPTH_MAX } from "@event-collector/contract";
import { gzipSync } from "node:zlib";
import t from "tap";
import type { Test } from "tap";
import * as v from "valibot";
import { liveIngress } from "../testing/live-ingress.js";
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

async function readDocument(url: string): Promise<OpenApiDocument> {
  return (await (await fetch(`${url}/openapi.json`)).json()) as OpenApiDocument;
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
  for (const name of ["retry-after", "www-authenticate", "allow", "accept", "accept-encoding"]) {
    if (!response.headers.has(name)) continue;
    t.ok(
      Object.keys(documented.headers).some((known) => known.toLowerCase() === name),
      `${name} is documented`,
    );
  }
  if (typeof $ref !== "string") return text;
  const schema = SCHEMAS[$ref.slice($ref.lastIndexOf("/") + 1)];
  if (schema === undefined) throw new Error(`no schema for ${$ref}`);
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

/** A request to `/collect`, and the status and code it leads to. */
const REFUSED: readonly [code: string | undefined, status: number, init: RequestInit][] = [
  [undefined, 200, { headers: json, body: good }],
  [
    undefined,
    200,
    { headers: { "content-type": "application/x-ndjson" }, body: JSON.stringify(sampleEvent()) },
  ],
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
  for (const path of ["/health", "/ready", "/metrics", "/buffer/stats"]) {
    for (const authorization of [`Bearer ${KEY}`, "Bearer wrong"]) {
      const response = await fetch(url + path, { headers: { authorization } });
      await assertDocumented(t, document, path, "get", response);
    }
  }
});
