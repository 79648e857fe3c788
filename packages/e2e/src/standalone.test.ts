/** What `npm start` runs: one command brings all up, the line that it prints works, and Ctrl-C ends all in order. */
import { readFile } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import t, { type Test } from "tap";
import { readTopic, startKafka, uniqueTopic } from "./kafka/index.js";
import { startApp, type Program } from "./program.js";
import { missing, runCommand } from "./sh.js";

interface Standalone {
  program: Program;
  /** What it printed last that matches. */
  printed: (pattern: RegExp) => string;
}

async function startStandalone(t: Test, environment: Readonly<Record<string, string>>): Promise<Standalone> {
  const program = startApp(t, "standalone", {
    environment: {
      HTTP_HOST: "127.0.0.1",
      HTTP_PORT: "0",
      FORWARDER_HOST: "127.0.0.1",
      FORWARDER_PORT: "0",
      ...environment,
    },
  });
  await program.line(({ text }) => text.includes("curl -X POST"));
  const printed = (pattern: RegExp): string => {
    for (const { text } of program.lines.toReversed()) {
      const [, found] = pattern.exec(text) ?? [];
      if (found !== undefined) return found;
    }
    throw program.error(`nothing like ${String(pattern)} was printed`);
  };
  return { program, printed };
}

/** A process and when it was started: a number alone may soon be that of another one. */
interface Child {
  pid: string;
  startedAt: string;
}

/** The three children, as their parent's command lines show. */
async function childrenOf(pid: number): Promise<Child[]> {
  return listProcesses(["--ppid", String(pid)]);
}

/** Those that still run. */
async function running(children: readonly Child[]): Promise<Child[]> {
  const found = await listProcesses(["-p", children.map(({ pid }) => pid).join(",")]);
  return found.filter(({ pid, startedAt }) =>
    children.some((child) => child.pid === pid && child.startedAt === startedAt),
  );
}

/** Without those that have ended, and that nobody has asked for their end yet. */
async function listProcesses(selection: readonly string[]): Promise<Child[]> {
  const { stdout } = await runCommand(["ps", "-o", "stat=,pid=,lstart=", ...selection]);
  return stdout.split("\n").flatMap((line) => {
    const [state = "Z", pid = "", ...startedAt] = line.trim().split(/\s+/);
    return state.startsWith("Z") || pid === "" ? [] : [{ pid, startedAt: startedAt.join(" ") }];
  });
}

const skip = (await missing("curl")) || (await missing("ps"));

await t.test(
  "the printed curl line is accepted, and the event is in the embedded broker's topic",
  { skip },
  async (t) => {
    const { program, printed } = await startStandalone(t, { BUFFER_DIR: t.testdir() });
    const { stdout } = await runCommand(["sh", "-c", printed(/(curl -X POST.*)/)]);
    t.match(JSON.parse(stdout), { success: true, accepted: 1 });
    await program.line(({ text }) => text.includes("accepted 1   rejected 0   published 1"));
    const events = await readTopic(printed(/Broker +(\S+)/), "learner.events");
    t.strictSame(
      events.map((event) => event.key),
      ["learner123"],
      "any Kafka client reaches the topic",
    );

    const children = await childrenOf(program.pid);
    t.equal(children.length, 3, "broker, forwarder and ingress");
    t.match(await program.stop("SIGINT"), { code: 0 }, "Ctrl-C ends it with exit code 0");
    t.strictSame(await running(children), [], "and leaves none of them behind");
    const order = program.lines.flatMap(({ text }) => /^(\w+) .*\bstopped\b/.exec(text)?.[1] ?? []);
    t.strictSame(order, ["ingress", "forwarder"], "ingress first");
  },
);

await t.test(
  "what was delivered in an earlier run is not sent again to the next embedded broker",
  { skip },
  async (t) => {
    const environment = { BUFFER_DIR: t.testdir() };
    for (const published of [1, 1]) {
      const { program, printed } = await startStandalone(t, environment);
      await runCommand(["sh", "-c", printed(/(curl -X POST.*)/)]);
      await program.line(({ text }) => text.includes(`accepted 1   rejected 0   published ${published}`));
      t.equal((await readTopic(printed(/Broker +(\S+)/), "learner.events")).length, published);
      t.match(await program.stop(), { code: 0 });
    }
  },
);

await t.test(
  "with KAFKA_BOOTSTRAP_SERVERS the events go to that broker, and no other is started",
  { skip },
  async (t) => {
    const kafka = await startKafka(t);
    const topic = uniqueTopic();
    const { program, printed } = await startStandalone(t, {
      BUFFER_DIR: t.testdir(),
      KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrap,
      KAFKA_TOPIC: topic,
      KAFKA_DLQ_TOPIC: `${topic}.dlq`,
    });
    t.equal((await childrenOf(program.pid)).length, 2);
    await runCommand(["sh", "-c", printed(/(curl -X POST.*)/)]);
    await program.line(({ text }) => text.includes("accepted 1   rejected 0   published 1"));
    t.match(await program.stop(), { code: 0 });
    t.equal((await readTopic(kafka.bootstrap, topic)).length, 1);
  },
);

await t.test(
  "if a part ends by itself, that is said, the others are stopped, and the exit code is 1",
  { skip },
  async (t) => {
    const { program } = await startStandalone(t, { BUFFER_DIR: t.testdir() });
    const children = await childrenOf(program.pid);
    const commands = await Promise.all(
      children.map(async ({ pid }) => readFile(`/proc/${pid}/cmdline`, "utf8")),
    );
    const ingress = children[commands.findIndex((command) => command.includes("ingress"))];
    process.kill(Number(ingress?.pid), "SIGKILL");
    t.match(await program.ended, { code: 1 });
    t.ok(program.lines.some(({ text }) => text.includes("ingress ended by itself (signal SIGKILL)")));
    t.strictSame(await running(children), []);
  },
);

await t.test("if the launcher is killed, its children end by themselves", { skip }, async (t) => {
  const { program } = await startStandalone(t, { BUFFER_DIR: t.testdir() });
  const children = await childrenOf(program.pid);
  await program.kill();
  // Longer than each of them may take to end in order.
  const deadline = performance.now() + 120_000;
  while ((await running(children)).length > 0 && performance.now() < deadline) await delay(200);
  t.strictSame(await running(children), []);
});

await t.test("a taken port is named, with the variable that chooses another", async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  const program = startApp(t, "standalone", {
    environment: {
      BUFFER_DIR: t.testdir(),
      HTTP_HOST: "127.0.0.1",
      HTTP_PORT: String(port),
      FORWARDER_PORT: "0",
    },
  });
  t.match(await program.ended, { code: 1 });
  t.match(program.lines[0]?.text, `Port ${port} is taken. Set HTTP_PORT to another one`);
});

await t.test("npm start ends in this program", async (t) => {
  const file = fileURLToPath(new URL("../../../package.json", import.meta.url));
  const { scripts } = JSON.parse(await readFile(file, "utf8")) as { scripts: Record<string, string> };
  t.match(scripts["start"], /&& node apps\/standalone\/dist\/main\.js$/);
});
