/**
 * An ingress and a forwarder started from their images as an engine would start them: as their user, with a root that
 * cannot be written to, and nothing of this machine but a folder for the spool.
 */
import { spawnSync } from "node:child_process";
import { chown, mkdir } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { Test } from "tap";
import { readTopic, uniqueTopic, type Kafka, type TopicMessage } from "../kafka/index.js";
import { listeningPort, startProgram, type Program } from "../program.js";
import { idOf } from "../published.js";
import { sampleEvent } from "../sample-event.js";
import { containerCommand, type Image } from "./image.js";
import type { MountSpace } from "./mount-space.js";

const SPOOL = "/var/lib/event-collector/spool";
const USER_ID = 1000;
const EVENTS = 50;
const ARRIVAL_TIMEOUT_MS = 60_000;
/** Of what is copied into an image, in MiB. */
const APP_SIZE_MAX = 40;

/** Starts both, sends events, finds them in the topic, and stops both; says what the tree of the images weighs. */
export async function checkPair(
  t: Test,
  space: MountSpace,
  images: ReadonlyMap<string, Image>,
  kafka: Kafka,
  spool: string,
): Promise<void> {
  const [ingressImage, forwarderImage] = [imageOf(images, "ingress"), imageOf(images, "forwarder")];
  await checkTree(t, space, ingressImage);
  await mkdir(spool, { recursive: true });
  await chown(spool, USER_ID, USER_ID);
  for (const image of [ingressImage, forwarderImage]) {
    await space.run(["mount", "--bind", spool, image.root + SPOOL]);
    await space.run(["mount", "-o", "remount,ro", image.root]);
  }
  t.match(
    runInContainer(space, ingressImage, ["touch", "/app/x"]),
    { code: 1, output: /Read-only/ },
    "the root cannot be written to",
  );
  const topic = uniqueTopic();
  const ingress = start(t, space, "ingress", ingressImage, { HTTP_HOST: "127.0.0.1", HTTP_PORT: "0" });
  const forwarder = start(t, space, "forwarder", forwarderImage, {
    FORWARDER_HOST: "127.0.0.1",
    FORWARDER_PORT: "0",
    KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrap,
    KAFKA_TOPIC: topic,
    KAFKA_DLQ_TOPIC: `${topic}.dlq`,
  });
  const [port, forwarderPort] = [await listeningPort(ingress), await listeningPort(forwarder)];
  await checkDelivery(t, kafka, topic, port);
  const [up, down] = [String(port), "1"];
  const isHealthy = (image: Image, environment: Record<string, string>): boolean =>
    runInContainer(space, image, image.healthCheck, environment).code === 0;
  t.ok(isHealthy(ingressImage, { HTTP_PORT: up }), "the health check of a living ingress says yes");
  t.notOk(isHealthy(ingressImage, { HTTP_PORT: down }), "that of a dead one says no");
  t.ok(isHealthy(forwarderImage, { FORWARDER_PORT: String(forwarderPort) }), "the same for the forwarder");
  t.notOk(isHealthy(forwarderImage, { FORWARDER_PORT: down }));
  const help = runInContainer(space, forwarderImage, ["collector", "--help"]);
  t.match(help, { code: 0, output: /replay/ }, "the command is in the images");
  t.match(await ingress.stop(), { code: 0 }, "SIGTERM reaches the ingress, which ends in order");
  t.match(await forwarder.stop(), { code: 0 }, "and the forwarder");
}

function imageOf(images: ReadonlyMap<string, Image>, name: string): Image {
  const image = images.get(name);
  if (image === undefined) throw new Error(`the Dockerfile has no stage ${name}`);
  return image;
}

/** Nothing that only a build needs is in the tree. */
async function checkTree(t: Test, space: MountSpace, image: Image): Promise<void> {
  const kibibytes = Number((await space.run(["du", "-sk", `${image.root}/app`])).split("\t")[0]);
  const version = runInContainer(space, image, ["node", "--version"]).output;
  t.comment(`Node ${version.trim()}; /app holds ${(kibibytes / 1024).toFixed(1)} MiB`);
  t.ok(kibibytes < APP_SIZE_MAX * 1024, `/app is smaller than ${APP_SIZE_MAX} MiB`);
  const idle = ["*.a", "*.o", "*.gyp", "*.stamp", "*.test.js", "*.d.ts", "typescript", "tap"];
  const names = idle.flatMap((name) => ["-o", "-name", name]).slice(1);
  names.push("-o", "-path", "*/app/*s/*/dist/testing");
  const found = await space.run(["find", `${image.root}/app`, "(", ...names, ")", "-print"]);
  t.equal(found.trim(), "", "it holds nothing that only a build needs");
}

function start(
  t: Test,
  space: MountSpace,
  name: string,
  image: Image,
  environment: Record<string, string>,
): Program {
  return startProgram(t, name, containerCommand(space, image, image.entrypoint, environment));
}

async function checkDelivery(t: Test, kafka: Kafka, topic: string, port: number): Promise<void> {
  const events = Array.from({ length: EVENTS }, () => sampleEvent());
  const response = await fetch(`http://127.0.0.1:${port}/collect`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ events }),
  });
  t.match(await response.json(), { accepted: EVENTS, rejected: 0 });
  const deadline = performance.now() + ARRIVAL_TIMEOUT_MS;
  let messages: TopicMessage[] = [];
  while (messages.length < EVENTS && performance.now() < deadline) {
    await delay(100);
    messages = await readTopic(kafka.bootstrap, topic, { absent: "empty" });
  }
  t.strictSame(messages.map(idOf).sort(), events.map((event) => event.event_id).sort(), "each arrived once");
}

/** What a command in a container of its own said, and its exit code. */
function runInContainer(
  space: MountSpace,
  image: Image,
  command: readonly string[],
  environment?: Record<string, string>,
): { code: number | null; output: string } {
  const [file, ...parameters] = containerCommand(space, image, command, environment);
  const { status, stdout, stderr } = spawnSync(file, parameters, { encoding: "utf8" });
  return { code: status, output: stdout + stderr };
}
