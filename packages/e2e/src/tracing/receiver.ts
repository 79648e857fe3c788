/**
 * A receiver of spans over OTLP/HTTP in JSON, as a collector of OpenTelemetry has one, that keeps them for a test.
 *
 * Invariant: what is not a request of OTLP is answered with an error and remembered as a fault.
 */
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import type { Scope } from "../program.js";

export interface ReceivedSpan {
  name: string;
  /** 2: server, 4: producer. */
  kind: number;
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  attributes: Record<string, unknown>;
  links: { traceId: string; spanId: string }[];
  /** 2: error. */
  status: number;
  /** Attributes of the process that made it. */
  resource: Record<string, unknown>;
  nanoseconds: bigint;
}

export interface Receiver {
  /** The value for OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string;
  readonly faults: readonly string[];
  readonly spans: readonly ReceivedSpan[];
  /** Resolves with the first span, past or to come, that `matches`. */
  span(matches: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan>;
}

const SPAN_TIMEOUT_MS = 60_000;

export async function startReceiver(scope: Scope): Promise<Receiver> {
  const spans: ReceivedSpan[] = [];
  const faults: string[] = [];
  const waiters = new Set<() => void>();
  const server = createServer((request, response) => {
    receive(request).then(
      (received) => {
        spans.push(...received);
        for (const look of waiters) look();
        response.setHeader("content-type", "application/json");
        response.end("{}");
      },
      (error: unknown) => {
        faults.push(String(error));
        response.statusCode = 400;
        response.end();
      },
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  scope.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    faults,
    spans,
    span: (matches) =>
      new Promise((resolve, reject) => {
        const names = (): string => spans.map(({ name }) => name).join(", ");
        const late = setTimeout(() => {
          waiters.delete(look);
          reject(new Error(`no such span came; those that did: ${names()}`));
        }, SPAN_TIMEOUT_MS);
        function look(): void {
          const span = spans.find(matches);
          if (span === undefined) return;
          clearTimeout(late);
          waiters.delete(look);
          resolve(span);
        }
        waiters.add(look);
        look();
      }),
  };
}

async function receive(request: IncomingMessage): Promise<ReceivedSpan[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  if (request.method !== "POST" || request.url !== "/v1/traces") throw new Error(`asked for ${request.url}`);
  if (request.headers["content-type"] !== "application/json") throw new Error("is not JSON");
  const body = Buffer.concat(chunks);
  const text = request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
  const { resourceSpans } = JSON.parse(text.toString()) as { resourceSpans: ResourceSpans[] };
  return resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) => spans.map((span) => spanOf(span, membersOf(resource.attributes)))),
  );
}

/** As in the JSON mapping of the protocol: ids in hexadecimal, 64-bit numbers as text. */
interface ResourceSpans {
  resource: { attributes: KeyValue[] };
  scopeSpans: { spans: WireSpan[] }[];
}

interface WireSpan {
  name: string;
  kind: number;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes?: KeyValue[];
  links?: { traceId: string; spanId: string }[];
  status?: { code?: number };
}

interface KeyValue {
  key: string;
  value: Record<string, unknown>;
}

function membersOf(attributes: readonly KeyValue[] = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}

function spanOf(span: WireSpan, resource: Record<string, unknown>): ReceivedSpan {
  const { name, kind, traceId, spanId } = span;
  return {
    name,
    kind,
    traceId,
    spanId,
    parentSpanId: span.parentSpanId,
    attributes: membersOf(span.attributes),
    links: (span.links ?? []).map((link) => ({ traceId: link.traceId, spanId: link.spanId })),
    status: span.status?.code ?? 0,
    resource,
    nanoseconds: BigInt(span.endTimeUnixNano) - BigInt(span.startTimeUnixNano),
  };
}
