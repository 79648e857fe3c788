import t from "tap";
import type { Inventory } from "@event-collector/spool";
import { createStocktaking } from "./stocktaking.js";
import type { Delivered } from "./stocktaking.js";

function setUp() {
  let at = 0;
  const files = { pendingLines: 0, appendedLines: 0 };
  let delivered: Delivered | undefined;
  const stocktaking = createStocktaking(
    { monotonic: () => at },
    {
      positions: () => new Map(),
      delivered: () => delivered,
      inventory: () =>
        Promise.resolve<Inventory>({ segments: 1, bytes: 1, pendingSegments: 1, pendingBytes: 1, ...files }),
    },
  );
  return {
    stored: (lines: number) => {
      files.pendingLines += lines;
      files.appendedLines += lines;
    },
    /** `lost` lines are passed over without being delivered. */
    deliver: (events: number, deadLetters: number, lost = 0) => {
      files.pendingLines -= events + deadLetters + lost;
      const before = delivered ?? { events: 0, deadLetters: 0 };
      delivered = {
        events: before.events + events,
        deadLetters: before.deadLetters + deadLetters,
        since: "spool",
      };
    },
    know: (known: Delivered) => {
      delivered = known;
    },
    take: async () => {
      at += 60_000;
      return stocktaking.take();
    },
  };
}

await t.test("the books are closed until the broker has told what was delivered before", async (t) => {
  const spool = setUp();
  spool.stored(5);
  t.equal((await spool.take()).books, undefined);
  spool.know({ events: 100, deadLetters: 7, since: "spool" });
  t.match((await spool.take()).books, {
    accepted: 112,
    published: 100,
    dead_lettered: 7,
    spooled: 5,
    difference: 0,
    since: "spool",
  });
});

await t.test("they balance while events come and go", async (t) => {
  const spool = setUp();
  spool.know({ events: 0, deadLetters: 0, since: "spool" });
  await spool.take();
  for (const [stored, events, dead] of [
    [10, 3, 0],
    [0, 6, 1],
    [7, 7, 0],
  ] as const) {
    spool.stored(stored);
    spool.deliver(events, dead);
    t.match((await spool.take()).books, { difference: 0 });
  }
  t.match((await spool.take()).books, { accepted: 17, published: 16, dead_lettered: 1, spooled: 0 });
});

await t.test("a line that was passed over without a trace is a difference, and stays one", async (t) => {
  const spool = setUp();
  spool.know({ events: 0, deadLetters: 0, since: "spool" });
  await spool.take();
  spool.stored(10);
  spool.deliver(8, 1, 1);
  t.match((await spool.take()).books, { accepted: 10, difference: 1 });
  spool.stored(5);
  spool.deliver(5, 0);
  t.match((await spool.take()).books, { accepted: 15, difference: 1 });
});

await t.test("with a ledger that began anew they begin anew", async (t) => {
  const spool = setUp();
  spool.know({ events: 50, deadLetters: 0, since: "spool" });
  await spool.take();
  spool.know({ events: 0, deadLetters: 0, since: "spool" });
  t.match((await spool.take()).books, { accepted: 0, published: 0, difference: 0 });
});
