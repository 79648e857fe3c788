/**
 * The description of REST in OpenAPI 3.1, made of the schema that every event is checked with, the schemas of the
 * answers, and contract's table of failures.
 *
 * **Invariant:** it describes the running service: limits and event types are those it was started with.
 */
import { FAILURES } from "@event-collector/contract";
import type { EventLimits, FailureCode } from "@event-collector/contract";
import { COMMON_REFUSALS, KEY_REFUSALS, OPERATIONS } from "./operations.js";
import type { Answer, Content, Operation } from "./operations.js";
import { describeSchemas, refTo } from "./schemas.js";
import type { Json } from "./schemas.js";

export interface DescriptionOptions {
  readonly version: string;
  /** Events of one batch. */
  readonly eventsMax: number;
  /** Bytes of one body, after decompression. */
  readonly bytesMax: number;
  readonly limits: EventLimits;
}

export interface OpenApiDocument {
  readonly openapi: "3.1.0";
  readonly info: { readonly title: string; readonly version: string; readonly description: string } & Json;
  readonly servers: readonly Json[];
  readonly tags: readonly { readonly name: string; readonly description: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, DescribedOperation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Json>> } & Json;
}

export interface DescribedOperation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly security: readonly Json[];
  readonly requestBody?: { readonly required: true; readonly content: DescribedContent };
  readonly responses: Readonly<Record<string, DescribedAnswer>>;
}

export interface DescribedAnswer {
  readonly description: string;
  readonly headers: Readonly<Record<string, Json>>;
  readonly content: DescribedContent;
}

export type DescribedContent = Readonly<Record<string, { readonly schema: Json; readonly example: unknown }>>;

export function describeApi(options: DescriptionOptions): OpenApiDocument {
  const paths: Record<string, Record<string, DescribedOperation>> = {};
  for (const operation of OPERATIONS) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: describeOperation(operation) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Event Collector",
      version: options.version,
      summary: "Learner events, on stable storage before the answer, in Kafka exactly once.",
      description: introduction(options),
      license: { name: "All rights reserved", identifier: "LicenseRef-UNLICENSED" },
    },
    servers: [{ url: "/", description: "This service" }],
    tags: [
      { name: "Events", description: "Sending events." },
      { name: "Operation", description: "For operators and their machines." },
      { name: "Description", description: "What you are reading." },
    ],
    paths,
    components: {
      schemas: describeSchemas(options.limits, options.eventsMax),
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "`Authorization: Bearer <key>`" },
        header: { type: "apiKey", in: "header", name: "X-API-Key", description: "`X-API-Key: <key>`" },
      },
    },
  };
}

function introduction({ eventsMax, bytesMax }: DescriptionOptions): string {
  return [
    "An event that is accepted is on stable storage, and reaches Kafka even if the broker is down at present.",
    `A batch holds at most ${eventsMax} events and ${bytesMax.toLocaleString("en")} bytes.`,
    "\n\nThe same port answers gRPC, gRPC-Web and Connect (`event_collector.v1.EventCollectorService`) by the same rules",
    "and with the same codes; server reflection tells the details.",
  ].join(" ");
}

function describeOperation(operation: Operation): DescribedOperation {
  const refusals = [...COMMON_REFUSALS, ...operation.refusals, ...(operation.open ? [] : KEY_REFUSALS)];
  const responses: Record<string, DescribedAnswer> = {};
  for (const answer of operation.answers) responses[answer.status] = describeAnswer(answer);
  for (const status of new Set(refusals.map((code) => FAILURES[code].http))) {
    const codes = refusals.filter((code) => FAILURES[code].http === status);
    responses[status] = describeRefusal(codes, responses[status]);
  }
  return {
    operationId: operation.id,
    tags: [operation.tag],
    summary: operation.summary,
    description: operation.description,
    security: operation.open ? [{}] : [{ bearer: [] }, { header: [] }, {}],
    ...(operation.body !== undefined && {
      requestBody: { required: true, content: describeContent(operation.body) },
    }),
    responses,
  };
}

/** Headers that every answer may have. */
const COMMON_HEADERS: Readonly<Record<string, Json>> = {
  "X-Request-Id": {
    description: "Names the request in logs: the sender's own if it gave a usable one.",
    schema: { type: "string" },
  },
  RateLimit: {
    description:
      "Where rates are limited: how many requests are left, and in how many seconds all are again.",
    schema: { type: "string" },
  },
  "RateLimit-Policy": {
    description: "Where rates are limited: how many requests are allowed in how many seconds.",
    schema: { type: "string" },
  },
};

function describeAnswer({ description, content }: Answer): DescribedAnswer {
  return { description, headers: COMMON_HEADERS, content: describeContent([content]) };
}

function describeContent(contents: readonly Content[]): DescribedContent {
  return Object.fromEntries(
    contents.map(({ mediaType, schema, description, example }) => [
      mediaType,
      {
        schema:
          schema === undefined
            ? { type: typeof example === "string" ? "string" : "object", ...(description && { description }) }
            : { $ref: refTo(schema) },
        example,
      },
    ]),
  );
}

/** A refusal may share its status with an answer that is none. */
function describeRefusal(
  codes: readonly FailureCode[],
  answer: DescribedAnswer | undefined,
): DescribedAnswer {
  const [first] = codes;
  const reasons = codes.map((code) => `${FAILURES[code].title} (\`${code}\`).`);
  return {
    description: [answer?.description, ...reasons].filter((text) => text !== undefined).join(" "),
    headers: { ...COMMON_HEADERS, ...headersOf(codes) },
    content: {
      ...answer?.content,
      "application/problem+json": {
        schema: { $ref: refTo("Problem") },
        example: first === undefined ? undefined : problemExample(first),
      },
    },
  };
}

function problemExample(code: FailureCode): Json {
  const { http: status, title, retryable } = FAILURES[code];
  return {
    type: `urn:event-collector:problem:${code}`,
    title,
    status,
    detail: "what it was this time",
    code,
    retryable,
    request_id: "0197c1f4-5d2e-7c3b-9a46-8f0e1d2c3b4a",
  };
}

function headersOf(codes: readonly FailureCode[]): Record<string, Json> {
  const headers: Record<string, Json> = {};
  const add = (name: string, description: string, type = "string"): void => {
    headers[name] = { description, schema: { type } };
  };
  if (codes.some((code) => FAILURES[code].retryable)) add("Retry-After", "Seconds to wait.", "integer");
  if (codes.includes("unauthenticated")) add("WWW-Authenticate", "How to give a key.");
  if (codes.includes("method_not_allowed")) add("Allow", "The methods that are allowed.");
  if (codes.includes("unsupported_media_type")) add("Accept", "The media types that are understood.");
  if (codes.includes("unsupported_encoding")) add("Accept-Encoding", "The encodings that are understood.");
  return headers;
}
