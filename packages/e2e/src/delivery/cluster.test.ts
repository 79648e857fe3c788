/**
 * Three nodes, and the one that matters most goes away while events keep coming: the leader of a partition, or the
 * coordinator of the forwarder's transactions. The same forwarder, without help, delivers everything once.
 */
import t from "tap";
import { startKafka, type KafkaNode } from "../kafka/index.js";
import { createRandom } from "../torture/random.js";
import { coordinatingPartition } from "./coordinator.js";
import { openFeed, startPump } from "./feed.js";
import { createRoute, faultsOnArrival } from "./route.js";
import { createStock } from "./stock.js";
import { awaitLeader, leaderOf } from "./topics.js";

const random = createRandom(Number(process.env["SEED"] ?? Date.now() % 2 ** 31));
t.comment(`SEED=${random.seed}`);
const kafka = await startKafka(t, { nodes: 3 });
const needsApache = { skip: kafka.kind !== "apache" && "needs three nodes of Apache Kafka" };

interface Absence {
  begin(node: KafkaNode): Promise<void>;
  /** Called when another node leads. */
  end(node: KafkaNode): Promise<void>;
}

const restart = async (): Promise<void> => {
  await kafka.start();
};
const stop: Absence = { begin: (node) => node.stop(), end: restart };
const kill: Absence = { begin: (node) => node.kill(), end: restart };
const freeze: Absence = {
  begin: (node) => Promise.resolve(node.pause()),
  end: (node) => Promise.resolve(node.resume()),
};

const FAULTS: readonly [string, "leader" | "coordinator", Absence][] = [
  ["the leader of a partition is stopped in order", "leader", stop],
  ["the leader of a partition is killed", "leader", kill],
  ["the leader of a partition freezes", "leader", freeze],
  ["the coordinator of the transactions is killed", "coordinator", kill],
  ["the coordinator of the transactions freezes", "coordinator", freeze],
];

for (const [name, role, absence] of FAULTS) {
  await t.test(`every event arrives once when ${name}`, needsApache, async (t) => {
    const stock = createStock();
    const route = await createRoute(t, kafka, { environment: { FORWARDER_WINDOW_LINES: "100" } });
    await route.createTopics();
    const feed = await openFeed(stock, { spool: route.spool, name: "feed" });
    const forwarder = await route.start();
    const pump = startPump(feed, random, 300);
    const [topic, partition] =
      role === "leader"
        ? [route.topic, 0]
        : ["__transaction_state", await coordinatingPartition(route.spool)];
    const before = await leaderOf(kafka.bootstrap, topic, partition);
    const node = kafka.nodes.find(({ id }) => id === before);
    if (node === undefined) throw new Error(`${topic}/${partition} has no leader`);
    try {
      await absence.begin(node);
      const after = await awaitLeader(kafka.bootstrap, topic, partition, (leader) => leader !== before);
      t.comment(`from node ${before} to ${after}`);
    } finally {
      await absence.end(node);
      await pump.stop();
    }
    t.strictSame(await faultsOnArrival(route, stock), []);
    t.comment(`${stock.size} events`);
    t.ok(forwarder.running, "the forwarder runs");
    t.match(await route.drain(forwarder), { code: 0 });
  });
}
