/**
 * The examples of the service that came before this one, which people have copied, run as they stand and do what they
 * say. Only ports are put in, as an environment would, and the line that imports the contract.
 */
import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import t from "tap";
import { createCollector } from "./collector.js";
import {
  EARLIER_CURL_EXAMPLES,
  EARLIER_PYTHON_GRPC_EXAMPLE,
  EARLIER_PYTHON_HTTP_EXAMPLE,
} from "./examples.js";
import { startKafka } from "./kafka/index.js";
import { idOf } from "./published.js";
import { freePort } from "./port.js";
import { findPython } from "./python/python.js";
import { missing, runCommand, type CommandResult } from "./sh.js";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

// The first run installs the Python packages.
t.setTimeout(900_000);

// All that is to be waited for comes before the first test: between two tests tap would take a pause for the end.
const [kafka, python, grpcPort, noCurl] = await Promise.all([
  startKafka(t),
  findPython(),
  freePort(),
  missing("curl"),
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

function withPorts(code: string, port = ingress.port): string {
  return code
    .replaceAll("localhost:8000", `127.0.0.1:${port}`)
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
    if (!python.ok) return;
    await symlink(join(ROOT, "proto"), join(directory, "proto"));
    const made = await runShell(
      "python3 -m grpc_tools.protoc --proto_path=proto --python_out=. --grpc_python_out=. proto/event_collector/v1/event_collector.proto",
      python.python.environment,
    );
    t.equal(made.code, 0, made.stderr);
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
