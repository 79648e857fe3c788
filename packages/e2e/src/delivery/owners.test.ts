/**
 * One spool and several forwarders: at the same time, one after the other, on other machines. They never both publish,
 * and whoever lost the spool says who took it.
 */
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { startKafka } from "../kafka/index.js";
import { temporaryFolder } from "../torture/folder.js";
import { createRandom } from "../torture/random.js";
import { openFeed, startPump } from "./feed.js";
import { createRoute, faultsOnArrival } from "./route.js";
import { age, appendBytes, segmentsOf, unseal } from "./segments.js";
import { createStock } from "./stock.js";

const HOUR_MS = 3_600_000;
/** As main.ts says for a forwarder that lost its spool. */
const EXIT_FENCED = 3;

const random = createRandom(Number(process.env["SEED"] ?? Date.now() % 2 ** 31));
t.comment(`SEED=${random.seed}`);
const kafka = await startKafka(t);
const needsFencing = { skip: kafka.kind === "embedded" && "the embedded broker fences nobody" };

await t.test(
  "a forwarder that was frozen while another took over publishes nothing more",
  needsFencing,
  async (t) => {
    const stock = createStock();
    const route = await createRoute(t, kafka, { environment: { FORWARDER_WINDOW_LINES: "10" } });
    await route.createTopics();
    const feed = await openFeed(stock, { spool: route.spool, name: "feed" });
    const first = await route.start();
    const pump = startPump(feed, random, 1_000);
    await first.line(({ record }) => record["msg"] === "listening");
    await route.arrived(stock, 0);
    first.signal("SIGSTOP");
    const second = await route.start();
    await route.arrived(stock, 500);
    first.signal("SIGCONT");
    t.match(await first.ended, { code: EXIT_FENCED });
    const last = first.lines.at(-1)?.record ?? {};
    t.match(String(last["msg"]), `another forwarder took over this spool: process ${second.pid} on `);
    await pump.stop();
    t.strictSame(await faultsOnArrival(route, stock), []);
    t.comment(`${stock.size} events`);
    t.match(await route.drain(second), { code: 0 });
  },
);

await t.test("of forwarders on one spool the newest wins, each time", needsFencing, async (t) => {
  const stock = createStock();
  const route = await createRoute(t, kafka, { environment: { FORWARDER_WINDOW_LINES: "10" } });
  await route.createTopics();
  const feed = await openFeed(stock, { spool: route.spool, name: "feed" });
  const pump = startPump(feed, random, 500);
  let current = await route.start();
  for (let count = 0; count < 3; count += 1) {
    const next = await route.start();
    t.match(await current.ended, { code: EXIT_FENCED });
    t.match(current.lines.at(-1)?.record, { level: "fatal", owner: { process: next.pid } });
    current = next;
  }
  await pump.stop();
  t.strictSame(await faultsOnArrival(route, stock), []);
  t.match(await route.drain(current), { code: 0 });
});

await t.test("the segments of writers that are long gone arrive like any other", async (t) => {
  const stock = createStock();
  const route = await createRoute(t, kafka);
  await route.createTopics();
  for (const name of ["sealed", "killed", "torn"]) {
    const feed = await openFeed(stock, { spool: route.spool, name, segmentBytesMax: 8 * 1024 });
    for (let count = 0; count < 6; count += 1) await feed.append(20);
    const live = feed.segment() ?? "";
    await feed.close();
    if (name === "sealed") continue;
    await unseal(route.spool, live);
    if (name === "torn")
      await appendBytes(route.spool, live, Buffer.from('{"crc":"0123abcd","n":21,"d":{"ki'));
    for (const segment of await segmentsOf(route.spool, feed.instance))
      await age(route.spool, segment, HOUR_MS);
  }
  const forwarder = await route.start();
  t.strictSame(await faultsOnArrival(route, stock), []);
  t.match(await route.drain(forwarder), { code: 0 });
});

await t.test("a spool that is handed over goes on where it was, even without its local cursor", async (t) => {
  const stock = createStock();
  const route = await createRoute(t, kafka);
  await route.createTopics();
  const before = await openFeed(stock, { spool: route.spool, name: "before" });
  await before.append(300);
  const first = await route.start();
  t.strictSame(await faultsOnArrival(route, stock), []);
  await before.append(50);
  await first.kill();
  await before.close();
  const volume = join(await temporaryFolder(t), "elsewhere");
  await rename(route.spool, volume);
  const after = await openFeed(stock, { spool: volume, name: "after" });
  await after.append(50);
  const second = await route.start({ BUFFER_DIR: volume });
  t.strictSame(await faultsOnArrival(route, stock), []);
  await second.kill();
  await rm(join(volume, "forwarder"), { recursive: true });
  const third = await route.start({ BUFFER_DIR: volume });
  await after.append(50);
  t.strictSame(await faultsOnArrival(route, stock), [], "without a local cursor");
  await third.kill();
  await writeFile(join(volume, "forwarder", "cursor.json"), "no cursor at all");
  const fourth = await route.start({ BUFFER_DIR: volume });
  await after.append(50);
  t.strictSame(await faultsOnArrival(route, stock), [], "with a local cursor that is damaged");
  t.match(await route.drain(fourth), { code: 0 });
});
