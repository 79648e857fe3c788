/** Clients in Go: connect-go and grpc-go in every protocol, and the tools that people point at gRPC servers. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { sampleEvent } from "../../sample-event.js";
import { runCommand, type CommandResult } from "../../sh.js";
import { startLoneIngress } from "../lone-ingress.js";
import { findGoPrograms, GO_BUILD_TIMEOUT_MS } from "./go-programs.js";

t.setTimeout(GO_BUILD_TIMEOUT_MS + 240_000);

const PROGRAM_TIMEOUT_MS = 120_000;
const SERVICE = "event_collector.v1.EventCollectorService";
const found = await findGoPrograms();
const skip = !found.ok && found.reason;
const ingress = await startLoneIngress(t);
const address = `127.0.0.1:${ingress.port}`;

function runGo(program: string, ...parameters: string[]): Promise<CommandResult> {
  if (!found.ok) throw new Error(found.reason);
  return runCommand([join(found.directory, program), ...parameters], { timeoutMs: PROGRAM_TIMEOUT_MS });
}

function linesOf(text: string): unknown[] {
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as unknown);
}

const PROTOCOLS = ["connect", "connect-gzip", "grpc", "grpc-gzip", "grpc-web", "grpc-go"];

for (const protocol of PROTOCOLS) {
  await t.test(`Go's ${protocol} sends one event, a batch and a stream`, { skip }, async (t) => {
    const ids = Array.from({ length: 14 }, (_, index) => `${protocol}-${index}`);
    const { stdout, stderr } = await runGo("client", String(ingress.port), protocol, ...ids);
    t.equal(stderr, "");
    t.match(linesOf(stdout), [
      { call: "one", accepted: 1, event_id: ids[0] },
      { call: "many", accepted: 1, rejected: 1, violations: ["1/learner_id missing_field"] },
      { call: "bad", code: "invalid_argument", violations: ["/learner_id missing_field"] },
      { call: "stream", accepted: 12, rejected: 0 },
    ]);
    t.strictSame((await ingress.accepted()).slice(-ids.length), ids, "all are on the disk, in order");
  });
}

await t.test("grpcurl finds the services by reflection, and describes an event", { skip }, async (t) => {
  const services = await runGo("grpcurl", "-plaintext", address, "list");
  t.strictSame(services.stdout.trim().split("\n"), [
    SERVICE,
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
  ]);
  const event = await runGo("grpcurl", "-plaintext", address, "describe", "event_collector.v1.Event");
  t.match(event.stdout, "string learner_id = 1;", event.stderr);
});

await t.test("grpcurl sends an event, and is told what is wrong with another", { skip }, async (t) => {
  const { event_id: id, ...event } = sampleEvent();
  const call = [
    "-plaintext",
    "-d",
    JSON.stringify({ ...event, event_id: id }),
    address,
    `${SERVICE}/CollectEvent`,
  ];
  const sent = await runGo("grpcurl", ...call);
  t.match(JSON.parse(sent.stdout), { success: true, eventId: id }, sent.stderr);
  t.ok((await ingress.accepted()).includes(id));
  call[2] = JSON.stringify({ ...event, learner_id: "" });
  const refused = await runGo("grpcurl", ...call);
  t.not(refused.code, 0);
  t.match(refused.stderr, /InvalidArgument[^]*missing_field/);
});

await t.test("grpcurl streams events, and is answered for each group", { skip }, async (t) => {
  const file = join(t.testdir(), "events.json");
  const events = Array.from({ length: 25 }, () => sampleEvent());
  await writeFile(file, events.map((event) => JSON.stringify(event)).join("\n"));
  if (!found.ok) return;
  const { stdout, stderr } = await runCommand([
    "sh",
    "-c",
    `'${join(found.directory, "grpcurl")}' -plaintext -d @ ${address} ${SERVICE}/StreamEvents < '${file}'`,
  ]);
  const answers = stdout.match(/"accepted": \d+/g) ?? [];
  t.ok(answers.length >= 3, stderr);
  t.equal(
    answers.reduce((sum, answer) => sum + Number(answer.slice(12)), 0),
    events.length,
  );
});

await t.test("ghz loads the service, and every call is answered with OK", { skip }, async (t) => {
  const before = (await ingress.accepted()).length;
  const { event_id: _, ...event } = sampleEvent();
  const { stdout, stderr } = await runGo(
    "ghz",
    "--insecure",
    `--call=${SERVICE}/CollectEvent`,
    `--data=${JSON.stringify(event)}`,
    "--total=500",
    "--concurrency=20",
    "--connections=4",
    "--format=json",
    address,
  );
  const { count, statusCodeDistribution: codes } = JSON.parse(stdout) as {
    count: number;
    statusCodeDistribution: Record<string, number>;
  };
  t.equal(count, 500, stderr);
  t.strictSame(codes, { OK: 500 });
  t.equal((await ingress.accepted()).length, before + 500, "and stored, each once");
});

await t.test("the health probe of gRPC is told that the service serves", { skip }, async (t) => {
  for (const service of ["", SERVICE]) {
    const { code, stderr } = await runGo("grpc-health-probe", `-addr=${address}`, `-service=${service}`);
    t.equal(code, 0, stderr);
    t.match(stderr, "SERVING");
  }
  const unknown = await runGo("grpc-health-probe", `-addr=${address}`, "-service=nobody.v1.Nothing");
  t.not(unknown.code, 0, "a service that is not there is not called healthy");
});

await t.test("the service ends in order, and nothing else was stored", { skip }, async (t) => {
  t.match(await ingress.program.stop(), { code: 0 });
  const rejected = (await ingress.stored()).filter(({ kind }) => kind === "rejected");
  t.equal(rejected.length, 2 * PROTOCOLS.length + 1);
});
