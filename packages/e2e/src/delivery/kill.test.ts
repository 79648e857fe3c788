/**
 * A forwarder is killed with SIGKILL again and again, at random moments and at every place between two of its steps,
 * while events keep coming. `npm run delivery --` does the same for hours.
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { startKafka } from "../kafka/index.js";
import { createRandom } from "../torture/random.js";
import { faultsOf } from "./audit.js";
import { openFeed } from "./feed.js";
import { chooseMoment, choosePlace, PLACE_NAMES } from "./moment.js";
import { openRound } from "./round.js";
import { createRoute } from "./route.js";
import { createStock } from "./stock.js";

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const RANDOM_KILLS = 12;

const random = createRandom(Number(process.env["SEED"] ?? Date.now() % 2 ** 31));
t.comment(`SEED=${random.seed}`);
const kafka = await startKafka(t);

/** There a cursor may be read that was sent in a transaction which ended with its forwarder, events or no events. */
const needsTransactions = {
  skip: kafka.kind === "embedded" && "the embedded broker shows what aborted transactions held",
};

await t.test("every place at which a forwarder can be made to die is known here", async (t) => {
  const folder = join(ROOT, "apps/forwarder/src");
  const files = (await readdir(folder))
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));
  // Of the spool's places, those that a forwarder passes.
  for (const name of ["cursor.ts", "prune.ts"]) files.push(join(ROOT, "packages/spool/src", name));
  const sources = await Promise.all(files.map((file) => readFile(file, "utf8")));
  const places = sources.flatMap((source) => [...source.matchAll(/failpoint\("([^"]+)"\)/g)]);
  t.strictSame(new Set(places.map(([, name]) => name)), new Set(PLACE_NAMES));
});

await t.test(
  "every event arrives once when forwarders die at random moments",
  needsTransactions,
  async (t) => {
    const round = await openRound(t, kafka, random);
    for (let kill = 0; kill < RANDOM_KILLS; kill += 1) await round.kill(chooseMoment(random));
    const audit = await round.finish();
    t.strictSame(round.route.faults(audit), []);
    t.comment(`${audit.stored} events`);
  },
);

await t.test(
  "every event arrives once when a forwarder dies at each place between two steps",
  needsTransactions,
  async (t) => {
    const round = await openRound(t, kafka, random);
    for (const place of PLACE_NAMES) {
      const death = await round.kill(choosePlace(random, place));
      t.ok(death.atPlace, `it died at ${place} after ${Math.round(death.tookMs)} ms`);
    }
    const audit = await round.finish();
    t.strictSame(round.route.faults(audit), []);
    t.comment(`${audit.stored} events`);
  },
);

await t.test(
  "a cursor that is not part of the transaction loses events, and the audit sees it",
  async (t) => {
    const route = await createRoute(t, kafka, { environment: { FORWARDER_WINDOW_LINES: "10" } });
    await route.createTopics();
    const stock = createStock();
    const feed = await openFeed(stock, { spool: route.spool, name: "feed" });
    await feed.append(100);
    await feed.close();
    const careless = route.launchWith(new URL("careless-cursor.js", import.meta.url));
    t.match(await careless.ended, { signal: "SIGKILL" });
    t.match(await route.drain(route.launch()), { code: 0 });
    const audit = await route.audit(stock);
    t.equal(audit.lost.length, 10, "one window");
  },
);

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
