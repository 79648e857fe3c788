/**
 * Spans of windows: one for each that holds an event of a recorded trace, linked to the spans of the requests that
 * brought its events. A link and no parent, since a window has many of them, and may come hours later.
 */
import type { SpanAttributes, Span, TraceContext, Tracer } from "@event-collector/operations";
import { EventRun } from "./event-run.js";
import type { Freight } from "./event-run.js";
import type { Observer } from "./observer.js";

/** As many as OpenTelemetry keeps by default. Spread over the window, if it has more. */
const LINKS_MAX = 128;
const SAMPLED = 1;

export function createWindowSpans(
  tracer: Tracer,
  { topic }: { readonly topic: string },
): Pick<Observer, "windowBegun" | "failed" | "windowDone" | "windowEnded"> {
  let span: Span | undefined;
  let error: string | undefined;
  return {
    windowBegun: (entries) => {
      error = undefined;
      const links = linksOf(entries);
      if (links.length === 0) return;
      span = tracer.begin(`send ${topic}`, {
        kind: "producer",
        links,
        attributes: attributesOf(entries, topic),
      });
    },
    failed: (failure, attempts) => {
      error = failure.class;
      span?.set({ "event_collector.attempts": attempts + 1 });
    },
    windowDone: () => {
      error = undefined;
    },
    windowEnded: () => {
      span?.end(error);
      span = undefined;
    },
  };
}

function attributesOf(entries: readonly Freight[], topic: string): SpanAttributes {
  return {
    "messaging.system": "kafka",
    "messaging.operation.name": "send",
    "messaging.operation.type": "send",
    "messaging.destination.name": topic,
    "messaging.batch.message_count": messagesOfWindow(entries),
  };
}

function messagesOfWindow(entries: readonly Freight[]): number {
  let messages = 0;
  for (const each of entries) {
    if (each instanceof EventRun) messages += each.count;
    else if (each.outgoing !== undefined) messages += 1;
  }
  return messages;
}

/** The recorded spans that brought these entries, each once. */
function linksOf(entries: readonly Freight[]): TraceContext[] {
  const found = new Set<string>();
  for (const each of entries) {
    // The events of a run have no trace.
    if (each instanceof EventRun) continue;
    const traceparent = each.outgoing?.message.headers.find((header) => "traceparent" in header)?.[
      "traceparent"
    ];
    if (traceparent !== undefined && isSampled(traceparent)) found.add(traceparent);
  }
  const all = [...found];
  const step = Math.max(1, all.length / LINKS_MAX);
  const chosen = Array.from(
    { length: Math.min(all.length, LINKS_MAX) },
    (_, index) => all[Math.floor(index * step)],
  );
  return chosen.flatMap((traceparent) => (traceparent === undefined ? [] : [{ traceparent }]));
}

function isSampled(traceparent: string): boolean {
  return (Number.parseInt(traceparent.slice(53, 55), 16) & SAMPLED) !== 0;
}
