import { createManualClock } from "@event-collector/spool/testing";
import t from "tap";
import { createPace } from "./pace.js";

await t.test("so many steps a second, evenly, whatever else takes time", async (t) => {
  const clock = createManualClock();
  const startedAt = clock.monotonic();
  const pace = createPace(
    clock,
    (milliseconds) => {
      clock.advance(milliseconds);
      return Promise.resolve();
    },
    50,
  );
  for (let step = 0; step < 101; step++) {
    await pace.next();
    // Work between the steps that is made up for.
    if (step === 10) clock.advance(15);
  }
  t.equal(Math.round(clock.monotonic() - startedAt), 2_000);
});

await t.test("without a limit nothing is waited for", async (t) => {
  const pace = createPace(createManualClock(), () => t.fail("it waited") as never, 0);
  for (let step = 0; step < 1_000; step++) await pace.next();
});
