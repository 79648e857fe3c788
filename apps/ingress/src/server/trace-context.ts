/**
 * W3C trace context of a request, checked, since it goes on into the record and the broker's headers.
 * Only its form is judged; no span is made of it.
 */
import type { IncomingHttpHeaders } from "node:http";

export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate: string | undefined;
}

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** What every implementation must carry on at least (W3C Trace Context, section 3.3.1.5). */
const TRACESTATE_CHARACTERS_MAX = 512;

const PRINTABLE = /^[\x20-\x7e]+$/;

export function traceContextOf(headers: IncomingHttpHeaders): TraceContext | undefined {
  const traceparent = headers["traceparent"];
  if (typeof traceparent !== "string" || !isTraceparent(traceparent)) return undefined;
  const tracestate = headers["tracestate"];
  return { traceparent, tracestate: isTracestate(tracestate) ? tracestate : undefined };
}

function isTraceparent(value: string): boolean {
  if (value.length !== 55 || !TRACEPARENT.test(value)) return false;
  const [version, trace, parent] = value.split("-");
  return version !== "ff" && trace !== "0".repeat(32) && parent !== "0".repeat(16);
}

function isTracestate(value: unknown): value is string {
  return typeof value === "string" && value.length <= TRACESTATE_CHARACTERS_MAX && PRINTABLE.test(value);
}
