import { join } from "node:path";
import { nodeDisk, systemClock, walkSegment } from "@event-collector/spool";
import type { Position, Positions } from "@event-collector/spool";
import t from "tap";
import { openSpool } from "../spool/spool.js";
import type { Spool } from "../spool/spool.js";
import { memoryBroker } from "../testing/memory-broker.js";
import type { MemoryMessage } from "../testing/memory-broker.js";
import { eventRecord, rejectedRecord, writeSpool } from "../testing/written-spool.js";
import { balance, closes } from "./balance.js";
import type { Balance } from "./balance.js";

const EVENTS = 1_500;
const OPTIONS = { lineBytesMax: 1024 * 1024, bytesMax: 1024 * 1024, faultsMax: 5 };
const NOWHERE: Positions = new Map();

const directory = join(t.testdir({}), "spool");
await writeSpool(
  directory,
  [
    ...Array.from({ length: EVENTS }, (_, index) => eventRecord({ eventId: `e${index}` })),
    rejectedRecord(),
    rejectedRecord(),
  ],
  // Several segments.
  { segmentBytesMax: 64 * 1024 },
);
const spool = await openSpool(nodeDisk, directory);
const places = await placesOf(spool);
const end = positionsAt(places.length);

const published: MemoryMessage[] = Array.from({ length: EVENTS }, (_, index) => ({
  value: valueOf(`e${index}`),
}));
const dead: MemoryMessage[] = places.slice(EVENTS).map(({ segment, offset }) => ({
  headers: {
    "dlq.stage": "validate",
    "dlq.source-segment": segment,
    "dlq.source-offset": String(offset),
  },
}));

function valueOf(id: string): string {
  return JSON.stringify({ event_id: id });
}

async function placesOf({ layout, segments }: Spool): Promise<Position[]> {
  const places: Position[] = [];
  for (const segment of segments) {
    for await (const items of walkSegment(nodeDisk, systemClock, layout, segment, OPTIONS)) {
      places.push(...items.map(({ position }) => position));
    }
  }
  return places;
}

/** The cursor behind so many records. */
function positionsAt(count: number): Positions {
  const { segments } = spool;
  const instance = segments[0]?.instance ?? "";
  const place = places[count];
  const last = segments.at(-1)?.name ?? "";
  return new Map([[instance, place ?? { segment: last, offset: 1_000_000, sequence: 1 }]]);
}

interface Topics {
  events?: readonly MemoryMessage[];
  deadLetters?: readonly MemoryMessage[];
}

async function books(
  { events = published, deadLetters = dead }: Topics,
  before: Positions,
  after: Positions = before,
  bytesMax = OPTIONS.bytesMax,
): Promise<Balance> {
  const broker = memoryBroker({ events, deadLetters });
  const sight = {
    before,
    after,
    events: await broker.ranges("events"),
    deadLetters: await broker.ranges("deadLetters"),
  };
  return balance({ disk: nodeDisk, clock: systemClock, broker, spool }, sight, { ...OPTIONS, bytesMax });
}

await t.test("all is delivered", async (t) => {
  const found = await books({}, end);
  t.ok(closes(found, "broker"));
  t.match(found, {
    accepted: { events: EVENTS, rejected: 2, damaged: 0 },
    published: EVENTS,
    deadLettered: 2,
    spooled: 0,
    faults: [],
  });
});

await t.test("nothing is delivered", async (t) => {
  const found = await books({ events: [], deadLetters: [] }, NOWHERE);
  t.ok(closes(found, "broker"));
  t.match(found, { published: 0, deadLettered: 0, spooled: EVENTS + 2 });
});

await t.test("part of it is delivered", async (t) => {
  const found = await books({ events: published.slice(0, 700), deadLetters: [] }, positionsAt(700));
  t.ok(closes(found, "broker"));
  t.match(found, { published: 700, spooled: EVENTS + 2 - 700, missing: 0 });
});

await t.test("a record that is in no topic is missing, and named", async (t) => {
  const found = await books({ events: published.toSpliced(42, 1) }, end);
  t.notOk(closes(found, "broker"));
  t.match(found, { missing: 1, duplicated: 0, faults: [{ fault: "missing", record: "event e42" }] });
});

await t.test("a dead letter that is lost is missing, and named by its place", async (t) => {
  const found = await books({ deadLetters: dead.slice(1) }, end);
  t.notOk(closes(found, "broker"));
  const { segment, offset } = places[EVENTS] ?? { segment: "", offset: 0 };
  t.match(found.faults, [{ fault: "missing", record: `${segment}@${offset}` }]);
});

await t.test("an event that the broker refused is found among the dead letters", async (t) => {
  const refused = { headers: { "event-id": "e3", "dlq.stage": "publish" } };
  const found = await books({ events: published.toSpliced(3, 1), deadLetters: [...dead, refused] }, end);
  t.ok(closes(found, "broker"));
  t.match(found, { published: EVENTS - 1, deadLettered: 3 });
});

await t.test("a message too many is a duplicate, unless it says why it is there", async (t) => {
  const copy = { value: valueOf("e7") };
  t.match(await books({ events: [...published, copy] }, end), {
    duplicated: 1,
    missing: 0,
    faults: [{ fault: "duplicated", record: "event e7" }],
  });
  const marked = [
    { value: valueOf("e7"), headers: { "replayed-at": "2026-01-01T00:00:00Z" } },
    { value: valueOf("e7"), headers: { "dlq.redrive-count": "1" } },
  ];
  const found = await books({ events: [...published, ...marked] }, end);
  t.ok(closes(found, "broker"));
  t.match(found.others, { replayed: 1, redriven: 1, elsewhere: 0 });
});

await t.test("what a forwarder sends meanwhile may be there or not", async (t) => {
  for (const seen of [700, 750, 800]) {
    const found = await books(
      { events: published.slice(0, seen), deadLetters: [] },
      positionsAt(700),
      positionsAt(800),
    );
    t.ok(closes(found, "broker"), `${seen}`);
    t.match(found, { published: seen, spooled: EVENTS + 2 - seen });
  }
});

await t.test("what was sent ahead of the cursor would be sent again", async (t) => {
  const found = await books({ events: published.slice(0, 710), deadLetters: [] }, positionsAt(700));
  t.notOk(closes(found, "broker"));
  t.match(found, { ahead: 10, missing: 0, duplicated: 0 });
  t.ok(closes(found, "local"), "a cursor that follows the sending may be on its way");
});

await t.test("messages of other spools are counted apart", async (t) => {
  const others = [{ value: valueOf("of another pod") }, { value: "no JSON" }];
  const found = await books({ events: [...published, ...others] }, end);
  t.ok(closes(found, "broker"));
  t.equal(found.others.elsewhere, 2);
});

await t.test("in little memory the books are the same, slice by slice", async (t) => {
  const events = [...published.toSpliced(42, 1), { value: valueOf("e7") }];
  const whole = await books({ events }, end);
  const sliced = await books({ events }, end, end, 1);
  t.equal(whole.passes, 1);
  t.ok(sliced.passes >= 4, `${sliced.passes} passes`);
  t.same({ ...sliced, passes: 1, faults: [] }, { ...whole, faults: [] });
  t.same(sliced.faults.map(({ record }) => record).sort(), ["event e42", "event e7"]);
});
