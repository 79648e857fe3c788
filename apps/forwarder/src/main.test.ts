/** The process as it is started: its exit codes, its signals, what it says. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import t from "tap";
import rdkafka from "node-rdkafka";
import { lastingFolder } from "./testing/lasting-folder.js";
import { appendEvents, openSpool, until } from "./testing/workbench.js";

type TestScope = Pick<typeof t, "teardown">;

interface Process {
  readonly lines: Readonly<Record<string, unknown>>[];
  readonly errors: () => string;
  readonly exited: Promise<number | null>;
  kill(signal: NodeJS.Signals): void;
}

function run(t: TestScope, environment: Readonly<Record<string, string>>): Process {
  const main = fileURLToPath(new URL("main.js", import.meta.url));
  const child = spawn(process.execPath, [main], {
    env: { ...process.env, FORWARDER_HOST: "127.0.0.1", FORWARDER_PORT: "0", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const lines: Readonly<Record<string, unknown>>[] = [];
  let rest = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) lines.push(JSON.parse(part) as Readonly<Record<string, unknown>>);
  });
  let errors = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    errors += text;
  });
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  t.teardown(async () => {
    child.kill("SIGKILL");
    await exited;
  });
  return { lines, errors: () => errors, exited, kill: (signal) => child.kill(signal) };
}

async function startCluster(t: TestScope): Promise<string> {
  // The types of node-rdkafka do not know the first of these.
  const properties: object = { "test.mock.num.brokers": 1, "bootstrap.servers": "mock" };
  const cluster = new rdkafka.Producer(properties, {});
  t.teardown(() => new Promise<void>((resolve) => cluster.disconnect(0, () => resolve())));
  const call = (start: (done: (error: unknown, metadata: rdkafka.Metadata) => void) => unknown) =>
    new Promise<rdkafka.Metadata>((resolve) => start((_, metadata) => resolve(metadata)));
  const metadata = await call((done) => cluster.connect({ timeout: 5_000 }, done));
  for (const topic of ["learner.events", "learner.events.dlq", "learner.events.cursors"]) {
    await call((done) => cluster.getMetadata({ topic, timeout: 5_000 }, done));
  }
  return metadata.brokers.map(({ host, port }) => `${host}:${port}`).join(",");
}

const isSaid = (lines: Process["lines"], msg: string): boolean => lines.some((line) => line["msg"] === msg);

await t.test("SIGTERM ends it with 0 after what is in the spool was delivered", async (t) => {
  const directory = lastingFolder(t);
  const writer = await openSpool(directory);
  t.teardown(() => writer.close());
  await appendEvents(writer, 0, 10);
  const forwarder = run(t, {
    BUFFER_DIR: directory,
    KAFKA_BOOTSTRAP_SERVERS: await startCluster(t),
    LOG_LEVEL: "debug",
    FORWARDER_RESCAN_MS: "60000",
    FORWARDER_WATCH: "false",
  });
  await until(() => isSaid(forwarder.lines, "window delivered"));
  await appendEvents(writer, 10, 20);
  forwarder.kill("SIGTERM");
  t.equal(await forwarder.exited, 0);
  const delivered = forwarder.lines.filter((line) => line["msg"] === "window delivered");
  t.equal(
    delivered.reduce((sum, line) => sum + Number(line["lines"]), 0),
    20,
  );
  t.match(forwarder.lines.at(-1), { msg: "stopped" });
  t.type(forwarder.lines.find((line) => line["msg"] === "listening")?.["port"], "number");
});

await t.test("SIGTERM ends it with 0 while the broker is away", async (t) => {
  const directory = lastingFolder(t);
  const writer = await openSpool(directory);
  t.teardown(() => writer.close());
  await appendEvents(writer, 0, 10);
  const forwarder = run(t, {
    BUFFER_DIR: directory,
    // Port 1 refuses at once.
    KAFKA_BOOTSTRAP_SERVERS: "127.0.0.1:1",
    FORWARDER_DRAIN_SECONDS: "1",
  });
  await until(() => isSaid(forwarder.lines, "delivery failed; trying again"));
  forwarder.kill("SIGTERM");
  t.equal(await forwarder.exited, 0);
});

await t.test("a configuration that cannot work ends it with 2 and a sentence", async (t) => {
  const forwarder = run(t, { BUFFER_DIR: lastingFolder(t), KAFKA_DELIVERY: "perhaps" });
  t.equal(await forwarder.exited, 2);
  t.match(
    forwarder.errors(),
    /^The configuration is not usable: KAFKA_DELIVERY must be exactly-once or at-least-once/,
  );
});

await t.test("a property that librdkafka does not know ends it with 2", async (t) => {
  const directory = t.testdir({ properties: "no.such.property=1\n" });
  const forwarder = run(t, {
    BUFFER_DIR: `${directory}/spool`,
    KAFKA_CONFIG_FILE: `${directory}/properties`,
  });
  t.equal(await forwarder.exited, 2);
  t.match(forwarder.errors(), /no\.such\.property/);
});
