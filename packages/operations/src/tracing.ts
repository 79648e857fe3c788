/**
 * Spans for whoever collects them. The SDK is loaded only where an endpoint is named: without one, a process pays
 * nothing for it.
 *
 * **Invariant:** this file, and whoever imports it, loads nothing of OpenTelemetry by itself.
 */

/** A W3C trace context: what one process tells the next of its span. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string | undefined;
}

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanOptions {
  readonly kind: "server" | "producer";
  readonly attributes: SpanAttributes;
  /** The span that this one is a part of. */
  readonly parent?: TraceContext | undefined;
  /** Spans that led to this one without being its parent. */
  readonly links?: readonly TraceContext[];
}

export interface Span {
  readonly context: TraceContext;
  /** True if it is going to be exported. */
  readonly isSampled: boolean;
  set(attributes: SpanAttributes): void;
  /** `error`: a short name of what went wrong, never a text with data of a sender. */
  end(error?: string): void;
}

export interface Tracer {
  begin(name: string, options: SpanOptions): Span;
  /** Exports what is left, for a short time at most. Idempotent. */
  close(): Promise<void>;
}

export interface TracingConfig {
  /** Base URL of an OTLP/HTTP receiver; `v1/traces` is added. */
  readonly endpoint: string;
  /** Of all traces that begin or come in here, the share that is recorded, from 0 to 1. */
  readonly ratio: number;
}

export interface TracingOptions extends TracingConfig {
  readonly serviceName: string;
  readonly version: string;
  /** `ingress` or `forwarder`. */
  readonly role: string;
  /** Spans could not be exported. */
  readonly onFailure: (reason: string) => void;
}

/** Undefined without an endpoint. */
export async function openTracer(
  config: TracingConfig | undefined,
  about: Omit<TracingOptions, keyof TracingConfig>,
): Promise<Tracer | undefined> {
  if (config === undefined) return undefined;
  const { createOtlpTracer } = await import("./otlp-tracer.js");
  return createOtlpTracer({ ...about, ...config });
}

/** The trace id of a context, for the log. */
export function traceIdOf(context: TraceContext | undefined): string | undefined {
  return context?.traceparent.slice(3, 35);
}
