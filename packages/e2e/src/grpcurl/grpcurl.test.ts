/** A stranger to the contract finds it by reflection: what grpcurl needs to list, describe and call. */
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import t from "tap";
import { examplesOf } from "../examples.js";
import { listeningPort, startApp } from "../program.js";
import { runCommand, type CommandResult } from "../sh.js";
import { findGrpcurl } from "./grpcurl.js";

const README = fileURLToPath(new URL("../../../../README.md", import.meta.url));
// The first run builds grpcurl.
t.setTimeout(290_000);

const found = await findGrpcurl();
const skip = !found.ok && found.reason;
const environment = { BUFFER_DIR: t.testdir(), HTTP_HOST: "127.0.0.1", HTTP_PORT: "0" };
const port = await listeningPort(startApp(t, "ingress", { environment }));

async function grpcurl(...parameters: string[]): Promise<CommandResult> {
  if (!found.ok) throw new Error(found.reason);
  return runCommand([found.program, "-plaintext", ...parameters]);
}

await t.test("grpcurl lists the services, and describes an event with its comments", { skip }, async (t) => {
  const services = await grpcurl(`127.0.0.1:${port}`, "list");
  t.match(services.stdout, "event_collector.v1.EventCollectorService", services.stderr);
  t.match(services.stdout, "grpc.health.v1.Health");
  const event = await grpcurl(`127.0.0.1:${port}`, "describe", "event_collector.v1.Event");
  t.match(event.stdout, "string learner_id = 1;");
});

await t.test("grpcurl's health check is answered", { skip }, async (t) => {
  const health = await grpcurl(`127.0.0.1:${port}`, "grpc.health.v1.Health/Check");
  t.match(JSON.parse(health.stdout), { status: "SERVING" });
});

await t.test("the README's grpcurl command is accepted", { skip }, async (t) => {
  if (!found.ok) return;
  const isIt = ({ language, code }: { language: string; code: string }): boolean =>
    language === "sh" && code.startsWith("grpcurl ");
  const example = examplesOf(await readFile(README, "utf8")).find(isIt);
  const command = (example?.code ?? "exit 1")
    .replace(/^grpcurl/, found.program)
    .replace("localhost:8000", `127.0.0.1:${port}`);
  const { stdout, stderr } = await runCommand(["sh", "-c", command]);
  t.match(JSON.parse(stdout), { success: true }, stderr);
});
