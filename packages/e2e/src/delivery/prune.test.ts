/** Delivered segments are deleted, and nothing else ever is. */
import { copyFile, rm } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { startKafka } from "../kafka/index.js";
import { freePort } from "../port.js";
import { temporaryFolder } from "../torture/folder.js";
import { openFeed, type Feed } from "./feed.js";
import { createRoute, faultsOnArrival } from "./route.js";
import { age, awaitSegments, segmentPath, segmentsOf } from "./segments.js";
import { createStock } from "./stock.js";

const HOUR_MS = 3_600_000;
const SMALL = 8 * 1024;

const kafka = await startKafka(t);

/** Enough for several segments. */
async function fill(feed: Feed): Promise<void> {
  for (let count = 0; count < 10; count += 1) await feed.append(20);
}

await t.test("delivered segments go after the retention, the live one and younger ones stay", async (t) => {
  const stock = createStock();
  const route = await createRoute(t, kafka, {
    environment: { BUFFER_RETENTION_HOURS: "1", FORWARDER_PRUNE_SECONDS: "1" },
  });
  await route.createTopics();
  const feed = await openFeed(stock, { spool: route.spool, name: "feed", segmentBytesMax: SMALL });
  await fill(feed);
  const segments = await segmentsOf(route.spool, feed.instance);
  const sealed = segments.filter((name) => name < (feed.segment() ?? ""));
  t.ok(sealed.length > 3, "there are sealed segments");
  const old = sealed.slice(0, 2);
  for (const name of old) await age(route.spool, name, 2 * HOUR_MS);
  const forwarder = await route.start();
  t.strictSame(await faultsOnArrival(route, stock), []);
  const left = await awaitSegments(
    route.spool,
    feed.instance,
    (names) => !names.some((name) => old.includes(name)),
  );
  t.strictSame(left, segments.slice(2), "those past the retention are gone, and no other");
  await age(route.spool, feed.segment() ?? "", 2 * HOUR_MS);
  await feed.append(20);
  t.strictSame(await faultsOnArrival(route, stock), []);
  t.match(await route.drain(forwarder), { code: 0 });
});

await t.test("segments that are old and not delivered stay, and raise an alarm", async (t) => {
  const stock = createStock();
  const route = await createRoute(t, kafka, {
    environment: { BUFFER_RETENTION_HOURS: "1", FORWARDER_PRUNE_SECONDS: "1" },
  });
  await route.createTopics();
  const feed = await openFeed(stock, { spool: route.spool, name: "feed", segmentBytesMax: SMALL });
  await fill(feed);
  const live = feed.segment() ?? "";
  await feed.close();
  // Behind the live one stands a spare in which no line ever was; nobody needs it.
  const segments = (await segmentsOf(route.spool, feed.instance)).filter((name) => name <= live);
  for (const name of segments) await age(route.spool, name, 2 * HOUR_MS);
  const cutOff = route.launch({ KAFKA_BOOTSTRAP_SERVERS: `127.0.0.1:${await freePort()}` });
  const alarm = await cutOff.line(({ record }) =>
    String(record["msg"]).includes("not delivered; they are kept"),
  );
  t.match(alarm.record, { level: "error" });
  t.equal(alarm.record["segments"], segments.length, "it counts them");
  const left = await segmentsOf(route.spool, feed.instance);
  t.strictSame(left.slice(0, segments.length), segments, "all are still there");
  await cutOff.kill();
  const forwarder = await route.start();
  t.strictSame(await faultsOnArrival(route, stock), []);
  await awaitSegments(route.spool, feed.instance, (names) => names.every((name) => name > live));
  t.match(await route.drain(forwarder), { code: 0 });
});

await t.test("a deleted segment that comes back is deleted again, and not published again", async (t) => {
  const stock = createStock();
  const route = await createRoute(t, kafka, {
    environment: { BUFFER_RETENTION_HOURS: "0", FORWARDER_PRUNE_SECONDS: "1" },
  });
  await route.createTopics();
  const feed = await openFeed(stock, { spool: route.spool, name: "feed", segmentBytesMax: SMALL });
  await fill(feed);
  const [first = ""] = await segmentsOf(route.spool, feed.instance);
  const copy = join(await temporaryFolder(t), first);
  await copyFile(segmentPath(route.spool, first), copy);
  const isGone = (names: readonly string[]): boolean => !names.includes(first);
  const forwarder = await route.start();
  await awaitSegments(route.spool, feed.instance, isGone);
  await copyFile(copy, segmentPath(route.spool, first));
  await feed.append(20);
  await awaitSegments(route.spool, feed.instance, isGone);
  t.strictSame(await faultsOnArrival(route, stock), [], "while the forwarder runs");
  await forwarder.kill();
  await rm(join(route.spool, "forwarder"), { recursive: true });
  await copyFile(copy, segmentPath(route.spool, first));
  const next = await route.start();
  await feed.append(20);
  await awaitSegments(route.spool, feed.instance, isGone);
  t.strictSame(await faultsOnArrival(route, stock), [], "while it was away");
  t.match(await route.drain(next), { code: 0 });
});
