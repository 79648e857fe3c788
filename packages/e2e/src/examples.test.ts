/**
 * The examples that people copy run as they stand and do what they say: those of the README, and those of the service
 * that came before this one. Only ports are put in, as an environment would, and the line that imports the contract.
 */
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { createCollector } from "./collector.js";
import {
  EARLIER_CURL_EXAMPLES,
  EARLIER_PYTHON_GRPC_EXAMPLE,
  EARLIER_PYTHON_HTTP_EXAMPLE,
  examplesOf,
  type Example,
} from "./examples.js";
import { startKafka } from "./kafka/index.js";
import { idOf } from "./published.js";
import { freePort } from "./port.js";
import { findPython } from "./python/python.js";
import { missing, runCommand, type CommandResult } from "./sh.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));
// The Go tool compiles its standard library the first time.
const GO_TIMEOUT_MS = 240_000;

const examples = examplesOf(await readFile(join(ROOT, "README.md"), "utf8"));
// All that is to be waited for comes before the first test: between two tests tap would take a pause for the end.
const [kafka, python, grpcPort, noCurl, noGo] = await Promise.all([
  startKafka(t),
  findPython(),
  freePort(),
  missing("curl"),
  missing("go"),
]);
const noPython = !python.ok && python.reason;
const collector = createCollector(t, kafka);
await collector.createTopics();
const [forwarder, ingress, guarded] = await Promise.all([
  collector.startForwarder(),
  collector.startIngress({ GRPC_PORT: String(grpcPort) }),
  collector.startIngress({ API_KEY: "your-api-key" }),
]);
const directory = collector.workDirectory;
let expected = 0;

/** The example of the README in this language whose code holds `mark`; there is exactly one. */
function readmeExample(language: string, mark: string): string {
  const isIt = (example: Example): boolean => example.language === language && example.code.includes(mark);
  const found = examples.filter(isIt);
  if (found[0] === undefined || found.length > 1)
    throw new Error(`${found.length} ${language} examples with ${mark}`);
  return found[0].code;
}

function withPorts(code: string, port = ingress.port): string {
  return code
    .replaceAll("localhost:8000", `127.0.0.1:${port}`)
    .replaceAll("localhost:8001", `127.0.0.1:${forwarder.port}`)
    .replaceAll("localhost:50051", `127.0.0.1:${grpcPort}`);
}

/** Runs each command of a block of shell, and stops at the first that fails. */
function runShell(code: string, environment: Readonly<Record<string, string>> = {}): Promise<CommandResult> {
  const options = { directory, environment };
  return runCommand(
    ["sh", "-c", `set -e\n${code.replaceAll("curl ", "curl --silent --show-error --fail ")}`],
    options,
  );
}

async function runPython(code: string): Promise<CommandResult> {
  if (!python.ok) throw new Error(python.reason);
  const file = join(directory, "example.py");
  await writeFile(file, code);
  return runCommand([python.python.command, file], { directory, environment: python.python.environment });
}

await t.test("the README's curl command is accepted", { skip: noCurl }, async (t) => {
  const { code, stdout } = await runShell(withPorts(readmeExample("sh", "curl -X POST")));
  t.equal(code, 0);
  t.match(JSON.parse(stdout), { success: true, accepted: 1, rejected: 0 });
  expected += 1;
});

await t.test("the README's commands of operation answer", { skip: noCurl }, async (t) => {
  const { code, stdout } = await runShell(
    withPorts(readmeExample("sh", "curl http://localhost:8001/health")),
  );
  t.equal(code, 0);
  t.match(stdout, "collector_events_accepted_total");
});

await t.test("the README's code for browsers is accepted", async (t) => {
  const code = `const response = ${withPorts(readmeExample("js", "fetch("))}\nconsole.log(await response.text());`;
  const { stdout } = await runCommand([process.execPath, "--input-type=module", "--eval", code]);
  t.match(JSON.parse(stdout), { success: true, accepted: 1, rejected: 0 });
  expected += 1;
});

await t.test("the README's Python for HTTP is accepted", { skip: noPython }, async (t) => {
  const { stdout, stderr } = await runPython(withPorts(readmeExample("python", "httpx")));
  t.match(stdout, /'success': True, .*'accepted': 1, 'rejected': 0/, stderr);
  expected += 1;
});

await t.test(
  "the README's Python for gRPC is accepted, after the command that it names",
  { skip: noPython },
  async (t) => {
    if (!python.ok) return;
    const protoc = /`(python -m grpc_tools\.protoc [^`]+)`/.exec(
      await readFile(join(ROOT, "README.md"), "utf8"),
    )?.[1];
    t.ok(protoc, "the README says how to generate the code");
    await symlink(join(ROOT, "proto"), join(directory, "proto"));
    const made = await runShell(
      (protoc ?? "").replace(/^python/, python.python.command),
      python.python.environment,
    );
    t.equal(made.code, 0, made.stderr);
    const { stdout, stderr } = await runPython(withPorts(readmeExample("python", "import grpc")));
    t.equal(stdout, "Success: True\n", stderr);
    expected += 1;
  },
);

await t.test("the README's Go is accepted", { skip: noGo }, async (t) => {
  const folder = join(directory, "go");
  await mkdir(folder);
  await writeFile(join(folder, "main.go"), withPorts(readmeExample("go", "package main")));
  const { stdout, stderr } = await runCommand(["go", "run", "main.go"], {
    directory: folder,
    environment: { GOTOOLCHAIN: "local", GOFLAGS: "-mod=mod" },
    timeoutMs: GO_TIMEOUT_MS,
  });
  t.match(stdout, /^200 OK \{"success":true/, stderr);
  expected += 1;
});

await t.test("the earlier service's curl commands work with its API key", { skip: noCurl }, async (t) => {
  const [send, health, ready, metrics] = withPorts(EARLIER_CURL_EXAMPLES, guarded.port).split("\n\n");
  const receipt = await runShell(send ?? "");
  t.match(JSON.parse(receipt.stdout), { success: true, accepted: 1, rejected: 0 }, receipt.stderr);
  expected += 1;
  t.match(JSON.parse((await runShell(health ?? "")).stdout), {
    status: "healthy",
    service: "event-collector",
  });
  t.match(JSON.parse((await runShell(ready ?? "")).stdout), { ready: true });
  const refused = await runShell(metrics ?? "");
  t.equal(refused.code, 22, "with a key, the metrics want it too");
  const open = await runShell((metrics ?? "").replace(String(guarded.port), String(ingress.port)));
  t.match(open.stdout, "collector_events_accepted_total");
});

await t.test(
  "the earlier service's Python for HTTP works with its API key",
  { skip: noPython },
  async (t) => {
    const { stdout, stderr } = await runPython(withPorts(EARLIER_PYTHON_HTTP_EXAMPLE, guarded.port));
    t.match(stdout, /'success': True, .*'accepted': 1, 'rejected': 0/, stderr);
    expected += 1;
  },
);

await t.test(
  "the earlier service's Python for gRPC works on the earlier port",
  { skip: noPython },
  async (t) => {
    const { stdout, stderr } = await runPython(withPorts(EARLIER_PYTHON_GRPC_EXAMPLE));
    t.equal(stdout, "Success: True\n", stderr);
    expected += 1;
  },
);

await t.test("what the examples sent is in the topic, once", async (t) => {
  const events = await collector.events((messages) => messages.length >= expected);
  for (const { program } of [ingress, guarded, forwarder]) t.match(await program.stop(), { code: 0 });
  const final = await collector.events(() => true);
  t.equal(final.length, expected);
  t.equal(new Set(final.map(idOf)).size, events.length);
  t.ok(final.every((message) => message.key === "learner123"));
});
