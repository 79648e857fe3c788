/** What an operator sees of a process: its log, its traces, its status page. */
export { readTracingConfig, TRACING_ENVIRONMENT } from "./environment.js";
export { createLogger } from "./log.js";
export type { LogOptions } from "./log.js";
export { formatDuration } from "./page/format.js";
export { PAGE_HEADERS, renderPage } from "./page/page.js";
export { createRates } from "./rates.js";
export type { Rates, RatesOptions } from "./rates.js";
export { createFillTime } from "./fill-time.js";
export type { FillState, FillTime } from "./fill-time.js";
export type {
  Books,
  DeadLetterNote,
  DeadLetters,
  DiskReport,
  LagReport,
  Problem,
  RateSeries,
  ReasonCount,
  StatusReport,
  WriterReport,
} from "./report.js";
export { openTracer, traceIdOf } from "./tracing.js";
export type { Span, SpanAttributes, SpanOptions, TraceContext, Tracer, TracingConfig } from "./tracing.js";
