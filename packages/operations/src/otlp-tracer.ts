/**
 * The tracer on OpenTelemetry's SDK, which exports spans over OTLP/HTTP. Headers, time limit, compression and
 * certificates of the export are the SDK's own variables, `OTEL_EXPORTER_OTLP_…`.
 *
 * Whether a trace is recorded is decided by its id alone. The flag of a sender decides nothing: at a public door it
 * would let anybody switch recording on, or off.
 */
import { diag, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } from "@opentelemetry/api";
import type { Context, DiagLogger, Span as SdkSpan, SpanContext, TraceState } from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import { resourceFromAttributes } from "@opentelemetry/resources";
import { BatchSpanProcessor, TraceIdRatioBasedSampler, TracerProvider } from "@opentelemetry/sdk-trace";
import type { Span, SpanOptions, TraceContext, Tracer, TracingOptions } from "./tracing.js";

/** A receiver that is away must not hold up the end of the process. Milliseconds. */
const CLOSE_TIMEOUT_MS = 2_000;

const KINDS: Readonly<Record<SpanOptions["kind"], SpanKind>> = {
  server: SpanKind.SERVER,
  producer: SpanKind.PRODUCER,
};

export function createOtlpTracer(options: TracingOptions): Tracer {
  diag.setLogger(failuresOnly(options.onFailure));
  const exporter = new OTLPTraceExporter({ url: `${options.endpoint.replace(/\/+$/, "")}/v1/traces` });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      "service.name": options.serviceName,
      "service.version": options.version,
      "service.namespace": "event-collector",
      "event_collector.role": options.role,
    }),
    sampler: new TraceIdRatioBasedSampler(options.ratio),
    spanProcessors: [new BatchSpanProcessor({ exporter })],
  });
  const tracer = provider.getTracer("event-collector", options.version);
  let closed: Promise<void> | undefined;
  return {
    begin: (name, { kind, attributes, parent, links = [] }) =>
      wrap(
        tracer.startSpan(
          name,
          {
            kind: KINDS[kind],
            attributes,
            links: links.map((link) => ({ context: spanContextOf(link) })),
          },
          parentContext(parent),
        ),
        parent,
      ),
    close: () => (closed ??= Promise.race([provider.shutdown().catch(() => undefined), pause()])),
  };
}

function pause(): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, CLOSE_TIMEOUT_MS).unref();
  });
}

function wrap(span: SdkSpan, parent: TraceContext | undefined): Span {
  const { traceId, spanId, traceFlags } = span.spanContext();
  const flags = traceFlags.toString(16).padStart(2, "0");
  return {
    context: { traceparent: `00-${traceId}-${spanId}-${flags}`, tracestate: parent?.tracestate },
    isSampled: (traceFlags & TraceFlags.SAMPLED) !== 0,
    set: (attributes) => void span.setAttributes({ ...attributes }),
    end: (error) => {
      if (error !== undefined) {
        span.setAttribute("error.type", error);
        span.setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end();
    },
  };
}

function parentContext(parent: TraceContext | undefined): Context {
  // Nothing is ever active: spans are passed on by hand.
  if (parent === undefined) return ROOT_CONTEXT;
  return trace.setSpanContext(ROOT_CONTEXT, spanContextOf(parent));
}

/** Of a context whose form is right. */
function spanContextOf({ traceparent, tracestate }: TraceContext): SpanContext {
  const [, traceId = "", spanId = "", flags = "00"] = traceparent.split("-");
  return {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
    ...(tracestate !== undefined && { traceState: asTraceState(tracestate) }),
  };
}

/** It is carried on as it came; nothing here reads or changes it. */
function asTraceState(text: string): TraceState {
  const state: TraceState = {
    set: () => state,
    unset: () => state,
    get: () => undefined,
    serialize: () => text,
  };
  return state;
}

function failuresOnly(onFailure: (reason: string) => void): DiagLogger {
  const nothing = (): void => undefined;
  const failed = (text: string): void => onFailure(reasonOf(text));
  return { error: failed, warn: failed, info: nothing, debug: nothing, verbose: nothing };
}

/** The SDK says an error as JSON with its stack; the message alone is for the log. */
function reasonOf(text: string): string {
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    return typeof message === "string" ? message : text;
  } catch {
    return text;
  }
}
