/** A lane leads to its own producer for as long as that lives, and nothing that is done to it makes the process crash. */
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import t from "tap";
import rdkafka from "node-rdkafka";
import { openMessageLane } from "./message-lane.js";
import type * as MessageLanes from "./message-lane.js";
import type { MessageLane } from "./message-lane.js";
import {
  close,
  CODES,
  flush,
  noLanes,
  openLane,
  openProducer,
  runOf,
  sendAll,
  texts,
  TOPIC,
  valuesOf,
} from "./testing/lane-run.js";
import { readMockTopic, startMockCluster } from "./testing/mock-cluster.js";

/** As many as there are. */
const LANES = 64;

const skip = noLanes();

await t.test("each lane has its own producer, and each producer at most one lane", { skip }, async (t) => {
  const [first, second] = [openLane(), openLane()];
  const clusters = [await startMockCluster(t, [TOPIC]), await startMockCluster(t, [TOPIC])] as const;
  const producers = [
    await openProducer(t, clusters[0], { ...first.properties }),
    await openProducer(t, clusters[1], { ...second.properties }),
    // The lane has its producer already.
    await openProducer(t, clusters[1], { ...first.properties, log_level: 0 }),
  ] as const;
  const runs = [runOf(texts(5, "first")), runOf(texts(5, "second"))] as const;
  t.strictSame(sendAll(second, runs[1]), { taken: 5, code: 0 });
  t.strictSame(sendAll(first, runs[0]), { taken: 5, code: 0 });
  await Promise.all(producers.map(flush));
  for (const [index, name] of ["first", "second"].entries()) {
    const messages = await readMockTopic(t, clusters[index] ?? "", TOPIC, 5);
    t.strictSame(
      valuesOf(messages).sort(),
      texts(5, name).map(({ value }) => String(value)),
    );
  }
  await close(producers[0]);
  t.strictSame(sendAll(first, runs[0]), { taken: 0, code: CODES.state }, "not the other one's");
});

/** Sends all the while, from this thread, what another thread is at work on. */
async function sendDuring<Result>(ours: MessageLane, work: Promise<Result>): Promise<Result> {
  let isDone = false;
  void work.finally(() => (isDone = true)).catch(() => undefined);
  const { source, places } = runOf(texts(100));
  while (!isDone) {
    for (let round = 0; round < 1_000; round += 1) ours.send(TOPIC, source, places, 0, 100);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return await work;
}

await t.test("a lane without a producer takes nothing", { skip }, async (t) => {
  const bootstrap = await startMockCluster(t, [TOPIC]);
  const run = runOf(texts(3));
  const refused = { taken: 0, code: CODES.state };
  for (let round = 0; round < 10; round += 1) {
    const ours = openLane();
    t.strictSame(sendAll(ours, run), refused, "before there is one");
    const limit = { "queue.buffering.max.messages": 1_000 };
    const producer = await sendDuring(ours, openProducer(t, bootstrap, { ...ours.properties, ...limit }));
    await sendDuring(ours, close(producer));
    t.strictSame(sendAll(ours, run), refused, "after it was closed");
  }
});

await t.test("lanes come back when their producers are closed", { skip }, async (t) => {
  const bootstrap = await startMockCluster(t, [TOPIC]);
  const run = runOf(texts(1));
  const producers: rdkafka.Producer[] = [];
  const open = async (): Promise<MessageLane> => {
    const ours = openLane();
    producers.push(await openProducer(t, bootstrap, { ...ours.properties }));
    return ours;
  };
  const forgotten = openLane();
  for (let number = 0; number < LANES; number += 1) {
    t.strictSame(sendAll(await open(), run), { taken: 1, code: 0 });
  }
  t.strictSame(sendAll(forgotten, run), { taken: 0, code: CODES.state }, "what had no producer has gone");
  t.throws(() => openMessageLane(), /every message lane leads to a producer/);
  const [oldest] = producers.splice(0, 1);
  if (oldest !== undefined) await close(oldest);
  t.strictSame(sendAll(await open(), run), { taken: 1, code: 0 });
  await Promise.all(producers.map(close));
  t.ok(openMessageLane());
});

await t.test("what is not a lane's number is refused with a reason", { skip }, async (t) => {
  const { properties } = openLane();
  for (const number of ["", "0", "-1", "1x", "4294967296"]) {
    t.throws(
      () => new rdkafka.Producer({ ...properties, "collector.lane": number } as object, {}),
      /must be the number of a lane/,
      number,
    );
  }
});

await t.test("it loads wherever it lies, and says why where it does not", { skip }, async (t) => {
  const directory = t.testdir();
  const place = async (name: string, native?: string | Buffer): Promise<typeof MessageLanes> => {
    const [dist, build] = [join(directory, name, "dist"), join(directory, name, "build")];
    await mkdir(dist, { recursive: true });
    await mkdir(build, { recursive: true });
    await cp(fileURLToPath(new URL("message-lane.js", import.meta.url)), join(dist, "message-lane.js"));
    const file = join(build, "message-lane.node");
    if (typeof native === "string") await cp(native, file);
    else if (native !== undefined) await writeFile(file, native);
    return (await import(pathToFileURL(join(dist, "message-lane.js")).href)) as typeof MessageLanes;
  };
  const moved = await place("moved", String(openLane().properties["plugin.library.paths"]));
  t.equal(moved.whyNoMessageLane(), undefined);
  const bootstrap = await startMockCluster(t, [TOPIC]);
  const theirs = moved.openMessageLane();
  await openProducer(t, bootstrap, { ...theirs?.properties });
  const { source, places } = runOf(texts(3));
  t.strictSame(theirs?.send(TOPIC, source, places, 0, 3), { taken: 3, code: 0 });
  const absent = await place("absent");
  t.equal(absent.openMessageLane(), undefined);
  t.match(absent.whyNoMessageLane(), /was not built/);
  const broken = await place("broken", Buffer.from("not a library"));
  t.equal(broken.openMessageLane(), undefined);
  t.match(broken.whyNoMessageLane(), /invalid ELF header|not a mach-o|file too short/);
  t.match((await place("a;b")).whyNoMessageLane(), /semicolon/);
});
