import type { SpanOptions, Tracer } from "@event-collector/operations";
import { BrokerFailure } from "@event-collector/kafka";
import t from "tap";
import type { Entry } from "./entry.js";
import { createWindowSpans } from "./window-spans.js";

interface Noted extends SpanOptions {
  readonly name: string;
  /** "open" until it ends. */
  error: string | undefined;
}

function setUp() {
  const spans: Noted[] = [];
  const tracer: Tracer = {
    begin: (name, options) => {
      const noted: Noted = { name, ...options, error: "open" };
      spans.push(noted);
      return {
        context: { traceparent: "" },
        isSampled: true,
        set: () => undefined,
        end: (error) => {
          noted.error = error;
        },
      };
    },
    close: () => Promise.resolve(),
  };
  return { spans, observer: createWindowSpans(tracer, { topic: "learner.events" }) };
}

function traceparent(number: number, flags = "01"): string {
  return `00-${String(number).padStart(32, "a")}-${"b".repeat(16)}-${flags}`;
}

/** An entry of which only the trace context matters. */
function entry(context: string | undefined): Entry {
  const headers =
    context === undefined ? [] : [{ "content-type": "application/json" }, { traceparent: context }];
  return { outgoing: { message: { headers } } } as unknown as Entry;
}

await t.test("a window is linked once to each recorded span that brought its events", (t) => {
  const { spans, observer } = setUp();
  const entries = [traceparent(1), traceparent(1), traceparent(2), traceparent(3, "00"), undefined].map(
    entry,
  );
  observer.windowBegun(entries);
  observer.windowDone(entries, 1);
  observer.windowEnded();
  t.match(spans, [
    {
      name: "send learner.events",
      kind: "producer",
      links: [{ traceparent: traceparent(1) }, { traceparent: traceparent(2) }],
      attributes: { "messaging.system": "kafka", "messaging.batch.message_count": 5 },
      error: undefined,
    },
  ]);
  t.equal(spans[0]?.links?.length, 2);
  t.end();
});

await t.test("a window without a recorded event has no span", (t) => {
  const { spans, observer } = setUp();
  observer.windowBegun([entry(undefined), entry(traceparent(1, "00"))]);
  observer.windowEnded();
  t.strictSame(spans, []);
  t.end();
});

await t.test("links are bounded, and spread over the window", (t) => {
  const { spans, observer } = setUp();
  observer.windowBegun(Array.from({ length: 1_000 }, (_, index) => entry(traceparent(index))));
  observer.windowEnded();
  const links = spans[0]?.links ?? [];
  t.equal(links.length, 128);
  t.equal(new Set(links.map((link) => link.traceparent)).size, 128);
  t.match(links.at(-1)?.traceparent, traceparent(992));
  t.end();
});

await t.test("what ends undelivered says why; what was delivered in the end does not", (t) => {
  const { spans, observer } = setUp();
  observer.windowBegun([entry(traceparent(1))]);
  observer.failed(new BrokerFailure("retriable", "away"), 1);
  observer.windowEnded();
  observer.windowBegun([entry(traceparent(2))]);
  observer.failed(new BrokerFailure("retriable", "away"), 1);
  observer.windowDone([], 1);
  observer.windowEnded();
  t.strictSame(
    spans.map(({ error }) => error),
    ["retriable", undefined],
  );
  t.end();
});
