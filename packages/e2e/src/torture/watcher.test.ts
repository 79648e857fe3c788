/**
 * A forwarder that is told nothing, or the wrong thing, by the watcher of files and by the clock: events arrive all the
 * same, once, and nothing is deleted that has not arrived.
 */
import { execFile } from "node:child_process";
import { mkdir, readdir, rename, stat, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { promisify } from "node:util";
import t, { type Test } from "tap";
import { readTopic, startKafka, uniqueTopic, type TopicMessage } from "../kafka/index.js";
import { freePort } from "../port.js";
import { builtFile, listeningPort, startProgram, type Program } from "../program.js";
import { balanceTopics, idOf } from "../published.js";
import { faultsOf } from "./books.js";
import { startCollector } from "./collector.js";
import { temporaryFolder } from "./folder.js";
import { createLedger, type Ledger } from "./ledger.js";
import { startLoad } from "./load.js";
import { compilePreload } from "./native.js";
import { createRandom } from "./random.js";
import { needPrograms, needRoot, needUserNamespaces, needVolume } from "./requirement.js";
import { eventually } from "./rig.js";
import { parseSpool } from "./segment-parser.js";
import { createVolume } from "./volume.js";

const run = promisify(execFile);

/** More than the kernel keeps in the queue of a watcher (16,384). */
const CHANGES = 20_000;
const DAY_AND_AN_HOUR = 25 * 3600;
/** Longer than several looks of the forwarder at what it may delete. */
const PRUNE_MS = 3_000;
const CALLS = 12;
const REUSES_TRIED_MAX = 10;

// All of this before the first test: tap ends when nothing is under way between two of them.
const [skipUnshare, skipVolume, skipClock] = await Promise.all([
  needUserNamespaces(),
  needVolume("ext4"),
  needPrograms("gcc"),
]);
const kafka = await startKafka(t);

await t.test("without a single watch events arrive", { skip: skipUnshare }, async (t) => {
  const route = await createRoute(t);
  const limit = 'echo 0 > /proc/sys/user/max_inotify_watches && exec "$0" "$@"';
  const forwarder = await route.startForwarder({}, [
    "unshare",
    "--user",
    "--map-root-user",
    "sh",
    "-c",
    limit,
  ]);
  await forwarder.line(({ text }) => text.includes("watcher"));
  await route.storeSome("first");
  await route.arrives(t, [forwarder]);
});

await t.test("after more changes than the watcher can queue events arrive", async (t) => {
  const route = await createRoute(t);
  const forwarder = await route.startForwarder();
  await route.storeSome("before");
  forwarder.signal("SIGSTOP");
  for (let change = 0; change < CHANGES / 2; change += 1) {
    const path = join(route.spool, "segments", "other");
    await writeFile(path, "");
    await unlink(path);
  }
  await route.storeSome("during");
  forwarder.signal("SIGCONT");
  await route.storeSome("after");
  await route.arrives(t, [forwarder]);
});

await t.test(
  "where the file system tells nothing of changes events arrive",
  { skip: needRoot() },
  async (t) => {
    const route = await createRoute(t);
    // Changes below an overlay raise no event above it, as on a network file system.
    const [work, upper, merged] = [
      join(route.folder, "work"),
      join(route.folder, "upper"),
      join(route.folder, "merged"),
    ];
    for (const directory of [work, upper, merged, route.spool]) await mkdir(directory, { recursive: true });
    await route.storeSome("before");
    await run("mount", [
      "-t",
      "overlay",
      "overlay",
      "-o",
      `lowerdir=${route.spool},upperdir=${upper},workdir=${work}`,
      merged,
    ]);
    t.teardown(() => run("umount", ["--lazy", merged]));
    const forwarder = await route.startForwarder({ BUFFER_DIR: merged });
    await route.storeSome("during");
    await route.storeSome("after");
    await route.arrives(t, [forwarder]);
  },
);

await t.test(
  "a new segment in the inode of a deleted one is read from its start",
  { skip: skipVolume },
  async (t) => {
    const folder = await temporaryFolder(t);
    const volume = await createVolume({ fileSystem: "ext4", directory: join(folder, "volume") });
    t.teardown(() => volume.remove());
    await volume.mount();
    const route = await createRoute(t, join(volume.directory, "spool"));
    const forwarder = await route.startForwarder();
    const segments = join(route.spool, "segments");
    const seen = new Set<number>();
    let reused = 0;
    // A file that the forwarder still has open keeps its inode for a while.
    for (let time = 0; reused === 0 && time < REUSES_TRIED_MAX; time += 1) {
      await route.storeSome(`time${time}`);
      await route.waitForArrival();
      for (const segment of await readdir(segments)) {
        const { ino } = await stat(join(segments, segment));
        reused += seen.has(ino) ? 1 : 0;
        seen.add(ino);
        await unlink(join(segments, segment));
      }
    }
    t.ok(reused > 0, `${reused} segments were in the inode of an earlier one`);
    await route.arrives(t, [forwarder]);
  },
);

await t.test(
  "a clock that jumps a day ahead or back deletes nothing that has not arrived",
  { skip: skipClock },
  async (t) => {
    const folder = await temporaryFolder(t);
    const clock = await createClock(folder);
    const route = await createRoute(t);
    const settings = { ...clock.environment, FORWARDER_PRUNE_SECONDS: "1" };
    const nobody = `127.0.0.1:${await freePort()}`;
    const waiting = await route.startForwarder({
      ...settings,
      KAFKA_BOOTSTRAP_SERVERS: nobody,
      FORWARDER_DRAIN_SECONDS: "1",
    });
    await route.storeSome("before");
    const stored = await namesWithEvents(route.spool);
    for (const seconds of [DAY_AND_AN_HOUR, -DAY_AND_AN_HOUR, 40 * DAY_AND_AN_HOUR]) {
      await clock.set(seconds);
      await route.storeSome(`at${seconds}`, clock.environment);
      await pause(PRUNE_MS);
    }
    const kept = new Set(await namesWithEvents(route.spool));
    t.strictSame(
      stored.filter((name) => !kept.has(name)),
      [],
      "no segment was deleted",
    );
    t.match(await waiting.stop(), { code: 0 }, "the forwarder stops in order");
    const forwarder = await route.startForwarder(settings);
    await route.arrives(t, [forwarder]);
  },
);

async function namesWithEvents(spool: string): Promise<string[]> {
  const segments = await parseSpool(spool);
  return segments.filter(({ lines }) => lines.some(({ kind }) => kind === "data")).map(({ name }) => name);
}

interface Route {
  readonly folder: string;
  readonly spool: string;
  /** Starts a forwarder and waits until it listens. */
  startForwarder(environment?: Record<string, string>, under?: readonly string[]): Promise<Program>;
  /** Some events, answered by an ingress that then stops in order. */
  storeSome(name: string, environment?: Record<string, string>): Promise<void>;
  waitForArrival(): Promise<void>;
  /** Asserts that all that was acknowledged arrives once, and that the programs stop in order. */
  arrives(t: Test, programs: readonly Program[]): Promise<void>;
}

async function createRoute(t: Test, directory?: string): Promise<Route> {
  const folder = await temporaryFolder(t);
  const spool = directory ?? join(folder, "spool");
  const topic = uniqueTopic();
  await kafka.createTopic(topic, { partitions: 3 });
  await kafka.createTopic(`${topic}.dlq`);
  await kafka.createTopic(`${topic}.cursors`, { config: { "cleanup.policy": "compact" } });
  const ledger: Ledger = createLedger();
  const random = createRandom(Date.now());
  const messages = (name: string): Promise<TopicMessage[]> => readTopic(kafka.bootstrap, name);
  const counted = async (name: string, count: number): Promise<TopicMessage[]> =>
    eventually(
      () => messages(name),
      (found) => new Set(found.map(idOf)).size >= count,
    );
  const waitForArrival = async (): Promise<void> => {
    await counted(topic, ledger.count("accepted"));
    await counted(`${topic}.dlq`, ledger.count("rejected"));
  };
  return {
    folder,
    spool,
    startForwarder: async (environment = {}, under = []) => {
      const [first, ...others] = [...under, process.execPath, builtFile("forwarder", "main.js")];
      const program = startProgram(t, "forwarder", [first ?? "", ...others], {
        environment: {
          FORWARDER_HOST: "127.0.0.1",
          FORWARDER_PORT: "0",
          KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrap,
          KAFKA_TOPIC: topic,
          KAFKA_DLQ_TOPIC: `${topic}.dlq`,
          KAFKA_CREATE_TOPICS: "false",
          BUFFER_DIR: spool,
          ...environment,
        },
      });
      await listeningPort(program);
      return program;
    },
    storeSome: async (name, environment = {}) => {
      const collector = await startCollector(t, { spool, environment });
      const load = startLoad(ledger, random, { port: collector.port, name, http: 2, rpcSingle: 1 });
      await load.next(() => load.calls.length >= CALLS);
      await load.finish();
      await collector.program.stop();
    },
    waitForArrival,
    arrives: async (t, programs) => {
      await waitForArrival();
      for (const program of programs)
        t.match(await program.stop(), { code: 0 }, `${program.name} stops in order`);
      const books = balanceTopics(ledger, await messages(topic), await messages(`${topic}.dlq`));
      t.strictSame(faultsOf(books), [], "the books balance");
      t.ok(
        books.acknowledged > 0,
        `${books.acknowledged} events acknowledged, ${books.duplicates.length} twice`,
      );
    },
  };
}

interface ClockControl {
  readonly environment: Record<string, string>;
  /** The clock is wrong by so many seconds from now on. */
  set(seconds: number): Promise<void>;
}

async function createClock(folder: string): Promise<ClockControl> {
  const file = join(folder, "clock");
  const set = async (seconds: number): Promise<void> => {
    await writeFile(`${file}.next`, String(seconds));
    await rename(`${file}.next`, file);
  };
  await set(0);
  return {
    environment: { LD_PRELOAD: await compilePreload("clock", folder), CLOCK_CONTROL: file },
    set,
  };
}
