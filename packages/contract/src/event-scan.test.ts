import assert from "node:assert/strict";
import { isUtf8 } from "node:buffer";
import * as fc from "fast-check";
import t from "tap";
import { admitBatch, type IdSeries } from "./admit-batch.js";
import { admitEvent, type Arrival } from "./admit.js";
import { readLines, sliceEvents, type SourceEvent } from "./batch.js";
import { scanBatch, scanLine } from "./batch-scan.js";
import type { TraceContext } from "./event-line.js";
import { EVENT_LIMITS, type EventLimits } from "./event-limits.js";
import { ScannedEvent } from "./event-scan.js";
import { jsonDepth } from "./json.js";
import { isJsonObject } from "./json-object.js";
import { encodeRecord } from "./record.js";
import { bodyBytes } from "./testing/body-text.js";
import { holds } from "./testing/property.js";
import { sampleEvent, textOf, utf8 } from "./testing/sample.js";

const DEPTH_MAX = 12;

/** Small, so that what is near them is common. */
const SMALL: EventLimits = {
  ...EVENT_LIMITS,
  idCharactersMax: 4,
  depthMax: 4,
  keysMax: 4,
  eventBytesMax: 400,
};

const around: Omit<Arrival, "makeEventId"> = { receivedAt: "2024-01-15T10:30:01.000Z", protocol: "rest" };

const TRACE = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", tracestate: 'a="é"' };

function series(): IdSeries {
  let number = 0xffff_fff0;
  return { prefix: "0190b2a4-0000-7000-8000-0000", next: () => number++ };
}

/** What the general way makes of a body: JSON.parse, the check, the record step by step. */
function byReferee(
  body: Buffer,
  limits: EventLimits,
  trace: TraceContext | undefined,
): unknown[] | undefined {
  if (!isUtf8(body) || jsonDepth(body) > DEPTH_MAX) return undefined;
  let document: unknown;
  try {
    document = JSON.parse(body.toString());
  } catch {
    return undefined;
  }
  const values: unknown = isJsonObject(document) ? document["events"] : undefined;
  if (!Array.isArray(values)) return undefined;
  const ids = series();
  const makeEventId = (): string => ids.prefix + ids.next().toString(16).padStart(8, "0");
  const sources = sliceEvents(body).map(({ start, end }, index) => ({
    bytes: body.subarray(start, end),
    value: values[index] as unknown,
  }));
  return sources.map((source) => {
    const admission = admitEvent(source, limits, { ...around, ...trace, makeEventId });
    const record = textOf(encodeRecord(admission.record));
    return admission.ok
      ? { record, eventId: admission.eventId }
      : { record, eventId: admission.eventId, violations: admission.violations };
  });
}

function judge(
  events: readonly SourceEvent[],
  limits: EventLimits,
  trace: TraceContext | undefined,
): unknown[] {
  const { records, rejected, eventIdAt, ...rest } = described(events, limits, trace);
  assert.equal(rest.events, events.length);
  return records.map((record, index) => {
    const reasons = rejected.get(index);
    return reasons === undefined ? { record, eventId: eventIdAt(index) } : { record, ...reasons };
  });
}

function described(events: readonly SourceEvent[], limits: EventLimits, trace: TraceContext | undefined) {
  const admission = admitBatch(events, limits, { ...around, trace, ids: series() });
  const { bytes, ends } = admission.records;
  const records = ends.map((end, index) => textOf(bytes.subarray(ends[index - 1] ?? 0, end)));
  return {
    records,
    rejected: admission.rejected,
    events: admission.events,
    eventIdAt: (index: number) => admission.eventIdAt(index),
  };
}

type Scan = (body: Buffer) => SourceEvent[] | undefined;

function isKept(event: SourceEvent, limits: EventLimits): boolean {
  return event instanceof ScannedEvent && event.keeps(limits);
}

/** What the scanner takes, the referee takes, with the same records and the same reasons. */
function agreement(
  scan: Scan,
  count: (isKept: boolean) => void,
): fc.IProperty<[Buffer, EventLimits, TraceContext | undefined]> {
  const limits = fc.constantFrom(EVENT_LIMITS, SMALL);
  return fc.property(bodyBytes, limits, fc.constantFrom(undefined, TRACE), (body, given, trace) => {
    const events = isUtf8(body) ? scan(body) : undefined;
    if (events === undefined) return;
    count(events.every((event) => isKept(event, given)));
    assert.deepStrictEqual(judge(events, given, trace), byReferee(body, given, trace));
  });
}

await t.test("what is scanned is what JSON.parse and the check make of it, byte for byte", async (t) => {
  const taken = { kept: 0, others: 0 };
  const scan: Scan = (body) => scanBatch(body, DEPTH_MAX);
  holds(
    t,
    agreement(scan, (isKept) => (isKept ? (taken.kept += 1) : (taken.others += 1))),
    5_000,
  );
  t.ok(taken.kept > 100 && taken.others > 100, `all answers are common: ${JSON.stringify(taken)}`);
});

/** Each scans a body in which a mistake is hidden from it, and so takes what it must not. */
const WRONG: readonly [string, string, string][] = [
  ["a name that is forbidden", "__proto__", "__prota__"],
  ["half of a surrogate pair", "\\ud83d", "\\u0041"],
  ["a control character in an identifier", "\u007f", "x"],
  ["a control character of two bytes", "\u0085", "\u00a5"],
  ["a raw line break in a string", "\n", " "],
  ["a doubled member", '"learner_id":"y",', '"event_id":"yyy",'],
  ["a zero in front", "01", "11"],
  ["a day that does not exist", "2023-02-29", "2024-02-29"],
  ["an id that is null", '"event_id":null', '"metadata":null'],
];

await t.test("control: the comparison finds a scanner that overlooks", async (t) => {
  for (const [name, mistake, disguise] of WRONG) {
    const scan: Scan = (body) => {
      const disguised = Buffer.from(
        body.toString("latin1").replaceAll(latin1(mistake), latin1(disguise)),
        "latin1",
      );
      const events = scanBatch(disguised, DEPTH_MAX);
      if (events?.every((event) => event instanceof ScannedEvent) !== true) return undefined;
      return events.map((event) => Object.assign(event, { body }));
    };
    const property = agreement(scan, () => undefined);
    // Always the same bodies, among which there is one for each mistake.
    t.ok(fc.check(property, { seed: 1, numRuns: 40_000, endOnFailure: true }).failed, name);
  }
});

function latin1(text: string): string {
  return utf8(text).toString("latin1");
}

await t.test("takes what is common, so that the others are spared", async (t) => {
  const whole = {
    ...sampleEvent(),
    session_id: "é",
    metadata: { "a b": [1, -2.5e3, null, true, "\n😀"] },
    event_id: "e",
  };
  const pretty = JSON.stringify({ events: [sampleEvent(), whole] }, undefined, 2);
  const turned = JSON.stringify({ events: [Object.fromEntries(Object.entries(whole).toReversed())] });
  for (const body of [JSON.stringify({ events: [sampleEvent(), whole] }), pretty, turned])
    t.ok(
      scanBatch(utf8(body), 128)?.every((event) => isKept(event, EVENT_LIMITS)),
      body,
    );
});

await t.test("a line is scanned like the event of a batch, whatever white space follows", async (t) => {
  const event = JSON.stringify(sampleEvent());
  t.ok(scanLine(utf8(`${event} \r`), 128)?.keeps(EVENT_LIMITS));
  for (const line of ["", "1", ` ${event}`, `${event},`, `${event}${event}`, event.slice(0, -1)])
    t.equal(scanLine(utf8(line), 128), undefined, line);
  const reading = readLines(utf8(`${event}\r\n${event}`), { eventsMax: 2, bodyDepthMax: 128 });
  const given = judge(reading.ok ? reading.events : [], EVENT_LIMITS, undefined);
  const batch = byReferee(utf8(`{"events":[${event},${event}]}`), EVENT_LIMITS, undefined);
  t.strictSame(given, batch);
});

await t.test("a depth of 500,000 costs it nothing", async (t) => {
  const deep = `${"[".repeat(500_000)}${"]".repeat(500_000)}`;
  const event = JSON.stringify(sampleEvent()).replace("95", deep);
  t.equal(scanBatch(utf8(`{"events":[${event}]}`), 128), undefined);
});

await t.test(
  "an event that is not common is parsed by itself, and costs its neighbours nothing",
  async (t) => {
    const event = JSON.stringify(sampleEvent());
    const odd = [
      '{"more":[1,"]}"]}',
      "1",
      "null",
      '"a,b"',
      '{"event_id":""}',
      "{}",
      event.replace("95", '"\\ud800"'),
    ];
    for (const text of odd) {
      const events = scanBatch(utf8(`{"events":[${event}, ${text} ,${event}]}`), DEPTH_MAX) ?? [];
      t.strictSame(
        events.map((one) => one instanceof ScannedEvent),
        [true, false, true],
        text,
      );
      t.equal(textOf(events[1]?.bytes ?? utf8("")), text);
      t.strictSame(events[1]?.value, JSON.parse(text));
    }
    const deep = (levels: number): string =>
      `{"events":[${event},${"[".repeat(levels)}${"]".repeat(levels)}]}`;
    t.ok(scanBatch(utf8(deep(DEPTH_MAX - 2)), DEPTH_MAX));
    const broken = ["", "[", "[}", "{]", "nul", '{"a":01}', "1 2", `${event}${event}`];
    for (const text of broken) t.equal(scanBatch(utf8(`{"events":[${text}]}`), DEPTH_MAX), undefined, text);
    t.equal(scanBatch(utf8(deep(DEPTH_MAX - 1)), DEPTH_MAX), undefined, "a level too many");
  },
);
