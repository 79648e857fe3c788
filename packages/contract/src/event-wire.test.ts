import assert from "node:assert/strict";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import * as fc from "fast-check";
import t from "tap";
import type { SourceEvent } from "./batch.js";
import { readWireBatch, readWireEvent } from "./event-wire.js";
import {
  CollectEventsRequestSchema,
  EventSchema,
  type Event,
} from "./gen/event_collector/v1/event_collector_pb.js";
import { eventToMessage, sourceFromMessage } from "./message.js";
import { holds } from "./testing/property.js";
import { sampleEvent } from "./testing/sample.js";

const text = fc.oneof(
  fc.string(),
  fc.constantFrom("", "é😀", "\ufeffbom", "a\u0000b", "日本語", "x".repeat(200)),
);

const value = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    fc.constantFrom<unknown>(null, true, false, 0, -0, 1.5, 1e300, -42, "x"),
    fc.double(),
    text,
    fc.array(tie("value"), { maxLength: 3 }),
    fc.dictionary(
      fc.oneof(text, fc.constantFrom("1", "a", "b", "10", "01", "2147483648", "4294967295")),
      tie("value"),
      { maxKeys: 4 },
    ),
  ),
})).value;

const object = fc.dictionary(text, value, { maxKeys: 4 });

const message: fc.Arbitrary<Event> = fc
  .record(
    {
      learnerId: text,
      courseId: text,
      lessonId: text,
      eventType: text,
      timestamp: text,
      eventData: object,
      sessionId: text,
      metadata: object,
      eventId: text,
    },
    { requiredKeys: [] },
  )
  .map((init) => create(EventSchema, init as Parameters<typeof create<typeof EventSchema>>[1]));

/** The bytes of a message, and whether it can be written at all. */
const wire = message.map((one) => {
  try {
    return toBinary(EventSchema, one);
  } catch {
    return new Uint8Array();
  }
});

const damaged = fc
  .tuple(wire, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }), fc.nat())
  .map(([bytes, changes, cut]) => {
    const changed = Uint8Array.from(bytes);
    for (const [at, byte] of changes) if (changed.length > 0) changed[at % changed.length] = byte;
    return cut % 3 === 0 ? changed.subarray(0, cut % (changed.length + 1)) : changed;
  });

function decoded(bytes: Uint8Array): SourceEvent | undefined {
  try {
    return sourceFromMessage(fromBinary(EventSchema, bytes));
  } catch {
    return undefined;
  }
}

/** What counts of an event: a zero has no sign in JSON. */
function essence({ bytes, value, layout, findings }: SourceEvent): unknown {
  return { text: Buffer.from(bytes).toString("utf8"), json: JSON.stringify(value), layout, findings };
}

await t.test("what it reads is what the decoder reads", async (t) => {
  let read = 0;
  holds(
    t,
    fc.property(fc.oneof({ weight: 2, arbitrary: wire }, damaged), (bytes) => {
      const source = readWireEvent(bytes);
      if (source === undefined) return;
      read += 1;
      const expected = decoded(bytes);
      assert.ok(expected);
      assert.deepStrictEqual(essence(source), essence(expected));
    }),
    5_000,
  );
  t.ok(read > 500, `it reads most: ${read}`);
});

await t.test("what it reads of a batch is what the decoder reads", async (t) => {
  holds(
    t,
    fc.property(
      fc.array(message, { maxLength: 4 }),
      fc.array(fc.tuple(fc.nat(), fc.nat(255))),
      (events, changes) => {
        let bytes: Uint8Array;
        try {
          bytes = toBinary(CollectEventsRequestSchema, create(CollectEventsRequestSchema, { events }));
        } catch {
          return;
        }
        for (const [at, byte] of changes)
          if (bytes.length > 0 && at % 2 === 0) bytes[at % bytes.length] = byte;
        const sources = readWireBatch(bytes);
        if (sources === undefined) return;
        const { events: expected } = fromBinary(CollectEventsRequestSchema, bytes);
        assert.deepStrictEqual(sources.map(essence), expected.map(sourceFromMessage).map(essence));
      },
    ),
    1_000,
  );
});

await t.test("reads what is common, so that the decoder is spared", async (t) => {
  const event = {
    ...sampleEvent(),
    session_id: "é",
    metadata: { list: [1, "a", null, true, {}] },
    event_id: "e",
  };
  t.ok(readWireEvent(toBinary(EventSchema, eventToMessage(event))));
});

/** An event with these members of its data, all true, in this order. */
function withNames(...names: string[]): string {
  const entries = names.map((name) => {
    const entry = [0x0a, name.length, ...Buffer.from(name), 0x12, 2, 0x20, 1];
    return [0x0a, entry.length, ...entry];
  });
  const data = entries.flat();
  return Buffer.from([0x2a, data.length, ...data]).toString("hex");
}

/** Bytes, in hexadecimal, that the decoder must be asked about. */
const LEFT: readonly [string, string][] = [
  ["a field that is not known", "520161"],
  ["a field that comes twice", "0a01610a0162"],
  ["data that comes twice", "2a002a00"],
  ["another wire type", "0801"],
  ["a text that is no UTF-8", "0a01ff"],
  ["a byte order mark", "0a04efbbbf61"],
  ["a length behind the end", "0a0561"],
  ["a length without an end", "0affffffffff"],
  ["an entry without a value", "2a050a030a0161"],
  ["a value of no kind", "2a070a050a01611200"],
  ["a value of two kinds", "2a130a110a0161120c1a01780a070a016212022001"],
  ["NaN", "2a100a0e0a0161120911000000000000f87f"],
  ["fields out of order", "1201610a0161"],
  ["a name that comes twice", withNames("a", "b", "a")],
  ["numbers as names, out of order", withNames("2", "1")],
  ["__proto__", "2a110a0f0a095f5f70726f746f5f5f12022001"],
];

await t.test("leaves to the decoder:", async (t) => {
  for (const [name, hex] of LEFT) t.equal(readWireEvent(Buffer.from(hex, "hex")), undefined, name);
});

await t.test("names that are numbers are read where they stand in order", async (t) => {
  t.ok(readWireEvent(Buffer.from(withNames("1", "2", "10", "a", "01"), "hex")));
  t.equal(readWireEvent(Buffer.from(withNames("a", "1"), "hex")), undefined);
});

await t.test("levels without end are left to the decoder", async (t) => {
  let inner = Buffer.from([0x20, 0x01]);
  for (let level = 0; level < 10_000; level += 1) {
    inner = Buffer.concat([
      Buffer.from([
        0x32,
        ...varint(inner.length + 1 + varint(inner.length).length),
        0x0a,
        ...varint(inner.length),
      ]),
      inner,
    ]);
    if (inner.length > 60_000) break;
  }
  const entry = Buffer.concat([Buffer.from([0x0a, 1, 0x61, 0x12, ...varint(inner.length)]), inner]);
  const struct = Buffer.concat([Buffer.from([0x0a, ...varint(entry.length)]), entry]);
  t.equal(readWireEvent(Buffer.concat([Buffer.from([0x2a, ...varint(struct.length)]), struct])), undefined);
});

function varint(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >> 7)];
}
