/**
 * The broker that a test runs against. In this order: the one that KAFKA_BOOTSTRAP_SERVERS names; a real Apache
 * Kafka made for the test, where Java and Maven (or already fetched jars) are; the embedded broker of
 * apps/standalone, and then one line says so. `E2E_KAFKA=apache` makes the last an error, for machines that have the
 * tools; `E2E_KAFKA=embedded` chooses it.
 *
 * Invariant: tests never share a broker that one of them may hurt: only the external one is shared, and it cannot be
 * stopped from here. Topic names are the test's to make unique (`uniqueTopic`).
 */
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "../port.js";
import type { Scope } from "../program.js";
import { awaitBrokers, createTopic, type ClientProperties, type TopicOptions } from "./client.js";
import { startEmbeddedKafka } from "./embedded.js";
import { findKafka, type KafkaInstallation } from "./installation.js";
import { createNode, type ClusterPlan, type ExtraListener, type KafkaNode } from "./node.js";

export interface KafkaOptions {
  /** How many nodes; 1 by default. Topics may then have as many replicas. */
  nodes?: number;
  /** False: ports are chosen and folders formatted, but nothing runs before `start()`. */
  started?: boolean;
  /** Server properties of Apache Kafka that win over the helper's own. */
  properties?: Readonly<Record<string, string>>;
  /** More ports of an Apache Kafka for clients, such as one with TLS. The helper's own clients use none of them. */
  listeners?: readonly ExtraListener[];
  /** What the helper's own clients need to talk to such a server. */
  clientProperties?: ClientProperties;
  /** More arguments of Kafka's storage tool, for example `--add-scram`. */
  formatArguments?: readonly string[];
  heapMebibytes?: number;
}

export interface Kafka {
  readonly kind: "apache" | "external" | "embedded";
  /** The value for KAFKA_BOOTSTRAP_SERVERS; known before the start of an Apache Kafka. */
  readonly bootstrap: string;
  /** The nodes of an Apache Kafka, to hurt them one by one; of the others none. */
  readonly nodes: readonly KafkaNode[];
  createTopic(name: string, options?: TopicOptions): Promise<void>;
  /** Starts what does not run, on the same ports and data, and waits until it answers. */
  start(): Promise<void>;
  /** Ends it in an orderly way. */
  stop(): Promise<void>;
  /** Ends it with SIGKILL. */
  kill(): Promise<void>;
  /** Freezes it (SIGSTOP): connections stay open and nothing answers. */
  pause(): void;
  resume(): void;
  /** `stop`, then `start`. */
  restart(): Promise<void>;
}

const START_TIMEOUT_MS = 60_000;
const START_ATTEMPTS_MAX = 3;

/** Gives the test a broker and, when the test has a scope, takes it away at its end. */
export async function startKafka(scope?: Scope, options: KafkaOptions = {}): Promise<Kafka> {
  const external = process.env["KAFKA_BOOTSTRAP_SERVERS"];
  if (external !== undefined && external !== "") return externalKafka(external, options);
  const wanted = process.env["E2E_KAFKA"];
  if (wanted !== "embedded") {
    const found = await findKafka();
    if (found.ok) return startApacheKafka(found.installation, scope, options);
    if (wanted === "apache") throw new Error(`E2E_KAFKA=apache, but ${found.reason}`);
    const line = `no real Kafka here (${found.reason}): these tests run against the embedded broker`;
    if (scope === undefined) process.stderr.write(`${line}\n`);
    else scope.comment(line);
  }
  return startEmbeddedKafka(scope);
}

/** A topic name that no other test uses. */
export function uniqueTopic(stem = "events"): string {
  return `${stem}.${randomBytes(6).toString("hex")}`;
}

function externalKafka(bootstrap: string, options: KafkaOptions): Kafka {
  const refuse = (): never => {
    throw new Error("the broker that KAFKA_BOOTSTRAP_SERVERS names is not the tests' to stop or start");
  };
  return {
    kind: "external",
    bootstrap,
    nodes: [],
    createTopic: (name, topic) => createTopic(bootstrap, name, topic, options.clientProperties),
    start: () => awaitBrokers(bootstrap, 1, START_TIMEOUT_MS, options.clientProperties),
    stop: refuse,
    kill: refuse,
    pause: refuse,
    resume: refuse,
    restart: refuse,
  };
}

async function startApacheKafka(
  installation: KafkaInstallation,
  scope: Scope | undefined,
  options: KafkaOptions,
): Promise<Kafka> {
  const directory = await mkdtemp(join(tmpdir(), "event-collector-kafka-"));
  let nodes: KafkaNode[] = [];
  const remove = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.remove()));
    await rm(directory, { recursive: true, force: true });
  };
  scope?.teardown(remove);
  for (let attempt = 1; ; attempt += 1) {
    const plan = await makePlan(installation, join(directory, String(attempt)), options);
    nodes = await Promise.all(plan.nodes.map((node) => createNode(plan, node)));
    const kafka = apacheKafka(nodes, options.clientProperties);
    try {
      if (options.started !== false) await kafka.start();
      return kafka;
    } catch (error) {
      await Promise.all(nodes.map((node) => node.remove()));
      // Another program may have taken a port between the look and the start.
      const isPortTaken = String(error).includes("Address already in use");
      if (isPortTaken && attempt < START_ATTEMPTS_MAX) continue;
      await remove();
      throw error;
    }
  }
}

async function makePlan(
  installation: KafkaInstallation,
  directory: string,
  options: KafkaOptions,
): Promise<ClusterPlan> {
  const count = options.nodes ?? 1;
  const listeners = options.listeners ?? [];
  const ports = await freePorts(count * (2 + listeners.length));
  const take = (): number => ports.pop() ?? 0;
  const nodes = Array.from({ length: count }, (_, index) => ({
    id: index + 1,
    clientPort: take(),
    controllerPort: take(),
    extraPorts: listeners.map(take),
  }));
  return {
    installation,
    directory,
    clusterId: Buffer.from(randomUUID().replaceAll("-", ""), "hex").toString("base64url"),
    nodes,
    listeners,
    properties: options.properties ?? {},
    formatArguments: options.formatArguments ?? [],
    heapMebibytes: options.heapMebibytes ?? 256,
  };
}

function apacheKafka(nodes: readonly KafkaNode[], clientProperties: ClientProperties | undefined): Kafka {
  const bootstrap = nodes.map((node) => node.address).join(",");
  const kafka: Kafka = {
    kind: "apache",
    bootstrap,
    nodes,
    createTopic: (name, topic) =>
      createTopic(bootstrap, name, { replicas: Math.min(nodes.length, 3), ...topic }, clientProperties),
    start: async () => {
      const resting = nodes.filter((node) => node.program?.running !== true);
      await Promise.all(resting.map((node) => node.start()));
      const died = nodes.map(async (node) => {
        await node.program?.ended;
        throw node.program?.error(`${node.program.name} ended while it was starting`);
      });
      await Promise.race([
        awaitBrokers(bootstrap, nodes.length, START_TIMEOUT_MS, clientProperties),
        ...died,
      ]);
    },
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()));
    },
    kill: async () => {
      await Promise.all(nodes.map((node) => node.kill()));
    },
    pause: () => {
      for (const node of nodes) node.pause();
    },
    resume: () => {
      for (const node of nodes) node.resume();
    },
    restart: async () => {
      await kafka.stop();
      await kafka.start();
    },
  };
  return kafka;
}
