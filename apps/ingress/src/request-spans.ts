/**
 * Spans of the requests that bring events. What goes on with the events is the context of the span, so that whoever
 * reads them later is its child; where no spans are made, the sender's own context goes on.
 */
import type { Span, SpanAttributes, Tracer } from "@event-collector/operations";
import type { Exchange } from "./server/exchange.js";

export interface RequestSpans {
  begin(exchange: Exchange): void;
  /** `code` is an HTTP status for REST and the name of a Connect code otherwise. */
  end(exchange: Exchange, code: string): void;
}

/** Codes that are this side's fault; that of HTTP begin with 5. */
const FAULTS: ReadonlySet<string> = new Set([
  "data_loss",
  "internal",
  "unavailable",
  "unimplemented",
  "unknown",
]);

/** Makes spans of requests of these routes. */
export function createRequestSpans(tracer: Tracer, routes: ReadonlySet<string>): RequestSpans {
  const spans = new WeakMap<Exchange, Span>();
  return {
    begin: (exchange) => {
      if (!routes.has(exchange.route)) return;
      const span = tracer.begin(nameOf(exchange), {
        kind: "server",
        parent: exchange.trace,
        attributes: attributesOf(exchange),
      });
      spans.set(exchange, span);
      const { traceparent, tracestate } = span.context;
      exchange.trace = { traceparent, tracestate };
    },
    end: (exchange, code) => {
      const span = spans.get(exchange);
      if (span === undefined) return;
      span.set(outcomeOf(exchange, code));
      span.end(code.startsWith("5") || FAULTS.has(code) ? code : undefined);
    },
  };
}

function nameOf({ protocol, route }: Exchange): string {
  return protocol === "rest" ? `POST ${route}` : route.slice(1);
}

function attributesOf({ id, protocol, route }: Exchange): SpanAttributes {
  const common = { "event_collector.request.id": id, "event_collector.protocol": protocol };
  if (protocol === "rest") {
    return { ...common, "http.request.method": "POST", "http.route": route, "url.path": route };
  }
  const [, service = "", method = ""] = route.split("/");
  const system = protocol === "connect" ? "connect_rpc" : "grpc";
  return { ...common, "rpc.system": system, "rpc.service": service, "rpc.method": method };
}

function outcomeOf({ protocol }: Exchange, code: string): SpanAttributes {
  const status = Number(code);
  if (!Number.isNaN(status)) return { "http.response.status_code": status };
  return protocol === "rest" ? {} : { "event_collector.rpc.code": code };
}
