/**
 * The broker, or the way to it, fails while events keep coming. The same forwarder, without help, then delivers
 * everything once.
 */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import t, { type Test } from "tap";
import { startKafka } from "../kafka/index.js";
import { temporaryFolder } from "../torture/folder.js";
import { createRandom } from "../torture/random.js";
import { openFeed, startPump } from "./feed.js";
import { createRoute, faultsOnArrival, isOpen, type Route } from "./route.js";
import { createStock } from "./stock.js";
import { startTcpProxy } from "./tcp-proxy.js";
import { deleteTopic } from "./topics.js";

/** Longer than a call to the broker may take, so that calls under way fail. */
const FREEZE_MS = 6_000;
/** Long enough for many windows. */
const FAULT_MS = 1_500;

const random = createRandom(Number(process.env["SEED"] ?? Date.now() % 2 ** 31));
t.comment(`SEED=${random.seed}`);
const proxy = await startTcpProxy(t);
const kafka = await startKafka(t, {
  started: false,
  listeners: [{ name: "PROXIED", protocol: "PLAINTEXT", advertised: proxy.address }],
});
const isApache = kafka.kind === "apache";
proxy.lead(kafka.nodes[0]?.extraAddresses.get("PROXIED") ?? kafka.bootstrap);
const needsApache = { skip: !isApache && "the embedded broker does not come back" };

await t.test("events that were accepted before the broker was ever there arrive", needsApache, async (t) => {
  const stock = createStock();
  const route = await createRoute(t, kafka);
  const feed = await openFeed(stock, { spool: route.spool, name: "early" });
  await feed.append(200);
  const forwarder = route.launch();
  await forwarder.line(({ record }) => record["msg"] === "delivery failed; trying again");
  await feed.append(200);
  await kafka.start();
  t.strictSame(await faultsOnArrival(route, stock), []);
  await assertSound(t, route, forwarder);
});

/** What may fail while events keep coming. */
const FAULTS: Record<string, { proxied?: boolean; fault: (route: Route) => Promise<void> }> = {
  "the broker is killed and comes back": {
    fault: async () => {
      await kafka.kill();
      await kafka.start();
    },
  },
  "the broker is restarted in order": { fault: () => kafka.restart() },
  "the broker freezes and goes on": {
    fault: async () => {
      kafka.pause();
      await delay(FREEZE_MS);
      kafka.resume();
    },
  },
  "connections are cut again and again": {
    proxied: true,
    fault: async () => {
      for (let count = 0; count < 10; count += 1) {
        await delay(FAULT_MS / 10);
        proxy.cut();
      }
    },
  },
  "no connection can be made for a while": {
    proxied: true,
    fault: async () => {
      proxy.refuse();
      await delay(FAULT_MS);
      proxy.mend();
    },
  },
  "the network is slow": {
    proxied: true,
    fault: async () => {
      proxy.slow(200);
      await delay(2 * FAULT_MS);
      proxy.slow(0);
    },
  },
  "connections are half open": {
    proxied: true,
    fault: async () => {
      proxy.halfOpen();
      await delay(FAULT_MS);
      proxy.mend();
    },
  },
};

for (const [name, { proxied, fault }] of Object.entries(FAULTS)) {
  await t.test(`every event arrives once when ${name}`, needsApache, async (t) => {
    const stock = createStock();
    const route = await createRoute(t, kafka, {
      environment: {
        FORWARDER_WINDOW_LINES: "100",
        ...(proxied === true && { KAFKA_BOOTSTRAP_SERVERS: proxy.address }),
        KAFKA_CONFIG_FILE: await impatientConfig(t),
      },
    });
    await route.createTopics();
    const feed = await openFeed(stock, { spool: route.spool, name: "feed" });
    const forwarder = await route.start();
    const pump = startPump(feed, random, 500);
    await delay(FAULT_MS / 5);
    await fault(route);
    await delay(FAULT_MS / 5);
    await pump.stop();
    t.strictSame(await faultsOnArrival(route, stock), []);
    t.comment(`${stock.size} events`);
    await assertSound(t, route, forwarder);
  });
}

await t.test("a topic that is deleted is made again, and what comes then arrives", needsApache, async (t) => {
  const before = createStock();
  const route = await createRoute(t, kafka);
  const forwarder = await route.start();
  const feed = await openFeed(before, { spool: route.spool, name: "before" });
  await feed.append(100);
  t.strictSame(await faultsOnArrival(route, before), []);
  await deleteTopic(kafka.bootstrap, route.topic);
  await deleteTopic(kafka.bootstrap, route.deadLetterTopic);
  const after = createStock();
  const second = await openFeed(after, { spool: route.spool, name: "after" });
  await second.append(100);
  t.strictSame(await faultsOnArrival(route, after), []);
  await assertSound(t, route, forwarder);
});

await t.test("a cursor topic that is deleted is made again, whole", needsApache, async (t) => {
  const stock = createStock();
  const route = await createRoute(t, kafka);
  const forwarder = await route.start();
  const [quiet, busy] = await Promise.all([
    openFeed(stock, { spool: route.spool, name: "quiet" }),
    openFeed(stock, { spool: route.spool, name: "busy" }),
  ]);
  await Promise.all([quiet.append(100), busy.append(100)]);
  t.strictSame(await faultsOnArrival(route, stock), []);
  await deleteTopic(kafka.bootstrap, route.cursorTopic);
  await busy.append(100);
  t.strictSame(await faultsOnArrival(route, stock), []);
  await forwarder.kill();
  const next = await route.start({ BUFFER_DIR: route.spool });
  await busy.append(10);
  t.strictSame(await faultsOnArrival(route, stock), [], "the next forwarder begins where the last one ended");
  await assertSound(t, route, next);
});

/** It never needed to be started again, it ends in order, and nothing comes twice after all. */
async function assertSound(
  t: Test,
  route: Route,
  forwarder: Awaited<ReturnType<Route["start"]>>,
): Promise<void> {
  t.ok(forwarder.running, "the forwarder runs");
  t.match(await route.drain(forwarder), { code: 0 });
  t.ok(forwarder.lines.some(isOpen));
}

/** A half-open connection is found by waiting: here for seconds, for a quarter of a minute by default. */
async function impatientConfig(t: Test): Promise<string> {
  const path = join(await temporaryFolder(t), "librdkafka.properties");
  await writeFile(path, "socket.timeout.ms=2000\n");
  return path;
}
