/**
 * A forwarder is killed with SIGKILL again and again, at random moments and at every place between two of its steps,
 * while events keep coming. `node packages/e2e/dist/delivery/main.js` does the same for hours.
 */
import t from "tap";
import { startKafka } from "../kafka/index.js";
import { createRandom } from "../torture/random.js";
import { faultsOf } from "./audit.js";
import { chooseMoment, choosePlace, PLACE_NAMES } from "./moment.js";
import { openRound } from "./round.js";

const RANDOM_KILLS = 12;

const random = createRandom(Number(process.env["SEED"] ?? Date.now() % 2 ** 31));
t.comment(`SEED=${random.seed}`);
const kafka = await startKafka(t);

await t.test("every event arrives once when forwarders die at random moments", async (t) => {
  const round = await openRound(t, kafka, random);
  for (let kill = 0; kill < RANDOM_KILLS; kill += 1) await round.kill(chooseMoment(random));
  const audit = await round.finish();
  t.strictSame(faultsOf(audit), []);
  t.comment(`${audit.stored} events`);
});

await t.test("every event arrives once when a forwarder dies at each place between two steps", async (t) => {
  const round = await openRound(t, kafka, random);
  for (const place of PLACE_NAMES) {
    const death = await round.kill(choosePlace(random, place));
    t.ok(death.atPlace, `it died at ${place} after ${Math.round(death.tookMs)} ms`);
  }
  const audit = await round.finish();
  t.strictSame(faultsOf(audit), []);
  t.comment(`${audit.stored} events`);
});

await t.test(
  "at least once: the same kills lose nothing, and make duplicates that carry the same id",
  async (t) => {
    const round = await openRound(t, kafka, random, { environment: { KAFKA_DELIVERY: "at-least-once" } });
    for (const place of ["window.committed", "cursor.written", "window.committed"] as const) {
      const death = await round.kill({ type: "place", place, count: 2 });
      t.ok(death.atPlace, `it died at ${place}`);
    }
    const audit = await round.finish();
    // A duplicate that is altered, or has an id that nobody knows, would be a fault of another kind.
    t.strictSame(faultsOf({ ...audit, duplicates: [] }), []);
    t.ok(audit.duplicates.length > 0, "the audit sees duplicates where there are some");
    t.comment(
      `${audit.duplicates.length} duplicates of ${audit.stored} events, in runs of ${audit.repeats.join(", ")}`,
    );
  },
);
