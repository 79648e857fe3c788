/** What was accepted arrives once, although the broker was away, or a process was killed under load. */
import t, { type Test } from "tap";
import { createCollector, type Collector, type Running } from "./collector.js";
import { startKafka, type TopicMessage } from "./kafka/index.js";
import { balanceTopics, idOf } from "./published.js";
import { sampleEvent } from "./sample-event.js";
import { faultsOf } from "./torture/books.js";
import { createLedger, type Ledger } from "./torture/ledger.js";
import { startLoad } from "./torture/load.js";
import { createRandom } from "./torture/random.js";

const EVENTS_BEFORE_BROKER = 1_000;
const CALLS_BETWEEN_KILLS = 60;

const kafka = await startKafka(t, { started: false });
const isApache = kafka.kind === "apache";

await t.test("a broker that starts after the events were accepted still gets all of them", async (t) => {
  const collector = createCollector(t, kafka, { forwarderCreatesTopics: true });
  const [ingress, forwarder] = await Promise.all([collector.startIngress(), collector.startForwarder()]);
  const ids: string[] = [];
  while (ids.length < EVENTS_BEFORE_BROKER) {
    const events = Array.from({ length: 100 }, () => sampleEvent());
    const response = await fetch(`${ingress.url}/collect`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ events }),
    });
    t.match(await response.json(), { accepted: 100, rejected: 0 });
    ids.push(...events.map((event) => event.event_id));
  }
  t.equal((await fetch(`${ingress.url}/ready`)).status, 200, "ingress is ready without a broker");
  if (isApache) {
    t.equal((await fetch(`${forwarder.url}/health`)).status, 200, "the forwarder lives without one");
    await kafka.start();
  }
  const events = await collector.events((messages) => messages.length >= ids.length);
  t.match(await ingress.program.stop(), { code: 0 });
  t.match(await forwarder.program.stop(), { code: 0 });
  t.equal(events.length, ids.length);
  t.strictSame(events.map(idOf).sort(), ids.sort(), "each is there once");
});

/** Puts load on the ingress until `calls` more calls were answered. */
async function loadFor(
  ingress: Running,
  ledger: Ledger,
  name: string,
  hurt: () => Promise<unknown>,
): Promise<void> {
  const load = startLoad(ledger, createRandom(CALLS_BETWEEN_KILLS), {
    port: ingress.port,
    name,
    http: 4,
    rpcSingle: 1,
    rpcBatch: 1,
    rpcStream: 1,
  });
  await load.next(() => load.calls.length >= CALLS_BETWEEN_KILLS);
  await hurt();
  await load.stop();
}

/** Waits for all that clients know to be stored, stops both, and closes the books. */
async function assertBalanced(
  t: Test,
  collector: Collector,
  ledger: Ledger,
  running: readonly Running[],
): Promise<void> {
  const [accepted, rejected] = [ledger.count("accepted"), ledger.count("rejected")];
  t.ok(accepted > 0, `${accepted} events were accepted, ${rejected} rejected`);
  const has = (count: number) => (messages: readonly TopicMessage[]) =>
    new Set(messages.map(idOf)).size >= count;
  await collector.events(has(accepted));
  await collector.deadLetters(has(rejected));
  for (const { program } of running)
    t.match(await program.stop(), { code: 0 }, `${program.name} stops in order`);
  const books = balanceTopics(
    ledger,
    await collector.events(() => true),
    await collector.deadLetters(() => true),
  );
  t.strictSame(faultsOf(books), [], "the books balance");
}

await t.test("an ingress killed with SIGKILL under load loses nothing that it acknowledged", async (t) => {
  const collector = createCollector(t, kafka);
  await collector.createTopics();
  const forwarder = await collector.startForwarder();
  const ledger = createLedger();
  for (const life of ["first", "second", "third"]) {
    const ingress = await collector.startIngress();
    await loadFor(ingress, ledger, life, () => ingress.program.kill());
  }
  await assertBalanced(t, collector, ledger, [forwarder]);
});

await t.test(
  "a forwarder killed with SIGKILL under load delivers everything, and nothing twice",
  { skip: !isApache && "the embedded broker shows what aborted transactions held" },
  async (t) => {
    const collector = createCollector(t, kafka);
    await collector.createTopics();
    const ingress = await collector.startIngress();
    const ledger = createLedger();
    for (const life of ["first", "second", "third"]) {
      const forwarder = await collector.startForwarder();
      await collector.events((messages) => messages.length >= ledger.count("accepted"));
      await loadFor(ingress, ledger, life, () => forwarder.program.kill());
    }
    const last = await collector.startForwarder();
    await assertBalanced(t, collector, ledger, [ingress, last]);
  },
);

await t.test(
  "a broker killed with SIGKILL under load gets everything once it is back, and nothing twice",
  { skip: !isApache && "the embedded broker keeps nothing over its end" },
  async (t) => {
    const collector = createCollector(t, kafka);
    await collector.createTopics();
    const [ingress, forwarder] = await Promise.all([collector.startIngress(), collector.startForwarder()]);
    const ledger = createLedger();
    await loadFor(ingress, ledger, "before", () => kafka.kill());
    await loadFor(ingress, ledger, "without", () => Promise.resolve());
    await kafka.start();
    await loadFor(ingress, ledger, "after", () => Promise.resolve());
    await assertBalanced(t, collector, ledger, [ingress, forwarder]);
  },
);
