import { createManualClock } from "@event-collector/spool/testing";
import t from "tap";
import { createWindowSize } from "./window-size.js";

const LARGEST = { linesMax: 16_000, bytesMax: 4 << 20, durationMaxMs: 100 };

function setUp(largest: typeof LARGEST = LARGEST) {
  const clock = createManualClock(0);
  const size = createWindowSize(clock, largest);
  return {
    lines: () => size.limits().linesMax,
    size,
    deliver: (sendMs: number, confirmMs: number, hasMore: boolean, isHeavy = false) => {
      size.begun();
      clock.advance(sendMs);
      size.sent();
      clock.advance(confirmMs);
      size.confirmed({ hasMore, isHeavy });
    },
  };
}

await t.test(
  "windows of a backlog grow while confirmations take long, up to what is configured",
  async (t) => {
    const { size, lines, deliver } = setUp();
    const seen: number[] = [];
    for (let count = 0; count < 5; count += 1) {
      seen.push(lines());
      deliver(10, 10, true);
    }
    t.same(seen, [2_000, 4_000, 8_000, 16_000, 16_000]);
    t.same(size.limits(), LARGEST);
  },
);

await t.test("what goes message by message takes half of what is configured at most", async (t) => {
  const { lines, deliver } = setUp();
  for (let count = 0; count < 5; count += 1) deliver(10, 10, true, true);
  t.equal(lines(), 8_000);
  deliver(10, 10, true);
  t.equal(lines(), 16_000);
  deliver(10, 1, true, true);
  t.equal(lines(), 8_000);
});

await t.test("a broker that confirms at once gets no larger windows", async (t) => {
  const { lines, deliver } = setUp();
  for (let count = 0; count < 5; count += 1) deliver(10, 1, true);
  t.equal(lines(), 2_000);
});

await t.test("once the backlog is gone windows are small again", async (t) => {
  const { lines, deliver } = setUp();
  for (let count = 0; count < 3; count += 1) deliver(10, 10, true);
  t.equal(lines(), 16_000);
  deliver(10, 10, false);
  t.equal(lines(), 2_000);
});

await t.test("no window is so small that its commit costs more than it does", async (t) => {
  t.match(setUp({ ...LARGEST, linesMax: 1, bytesMax: 1 << 20 }).size.limits(), {
    linesMax: 1,
    bytesMax: 256 << 10,
  });
  t.match(setUp({ ...LARGEST, linesMax: 4_000, bytesMax: 1_024 }).size.limits(), {
    linesMax: 1_000,
    bytesMax: 1_024,
  });
});
