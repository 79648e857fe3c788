/**
 * One node of a real Apache Kafka: broker and controller in one Java process (KRaft), with a folder of its own.
 *
 * Invariant: a node keeps its port and its folder over stop, kill and start; only `remove` ends that.
 */
import { execFile } from "node:child_process";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { startProgram, type Program } from "../program.js";
import type { KafkaInstallation } from "./installation.js";
import { unregisterBroker } from "./unregister.js";

/** What all nodes of a cluster share. */
export interface ClusterPlan {
  installation: KafkaInstallation;
  /** Where the nodes keep their folders. */
  directory: string;
  clusterId: string;
  nodes: readonly NodePlan[];
  listeners: readonly ExtraListener[];
  /** Server properties that win over the helper's own. */
  properties: Readonly<Record<string, string>>;
  /** More arguments of Kafka's storage tool, for example `--add-scram`. */
  formatArguments: readonly string[];
  heapMebibytes: number;
}

export interface NodePlan {
  id: number;
  clientPort: number;
  controllerPort: number;
  /** One for each extra listener. */
  extraPorts: readonly number[];
}

/** One more port on which each node listens to clients. */
export interface ExtraListener {
  /** In capitals. */
  name: string;
  protocol: "PLAINTEXT" | "SSL" | "SASL_PLAINTEXT" | "SASL_SSL";
  /** Where the node says that clients find it, such as the address of a proxy; by default where it is. */
  advertised?: string;
}

/** A node and the processes it has had. */
export interface KafkaNode {
  readonly id: number;
  /** Where clients find it, `127.0.0.1:<port>`. */
  readonly address: string;
  /** The same for each extra listener, by its name; where it is, not where it is advertised. */
  readonly extraAddresses: ReadonlyMap<string, string>;
  readonly program: Program | undefined;
  /** Starts the process on the node's port and folder; does not wait for it to answer. */
  start(): Promise<void>;
  /** Ends the process in an orderly way. */
  stop(): Promise<void>;
  /** Ends the process with SIGKILL. */
  kill(): Promise<void>;
  /** Freezes the process (SIGSTOP). */
  pause(): void;
  resume(): void;
  /** Ends the process and deletes its folder. */
  remove(): Promise<void>;
}

const run = promisify(execFile);
const FORGET_TIMEOUT_MS = 30_000;

/** Formats the folder of a node of the plan. The node is not started. */
export async function createNode(plan: ClusterPlan, node: NodePlan): Promise<KafkaNode> {
  const directory = join(plan.directory, `node-${node.id}`);
  const propertiesFile = join(directory, "server.properties");
  await mkdir(directory, { recursive: true });
  await writeFile(propertiesFile, renderProperties(serverProperties(plan, node, join(directory, "log"))));
  await run(plan.installation.java, [
    ...javaArguments(plan),
    "kafka.tools.StorageTool",
    "format",
    `--cluster-id=${plan.clusterId}`,
    `--config=${propertiesFile}`,
    ...plan.formatArguments,
  ]);
  let program: Program | undefined;
  let isToForget = false;
  const address = `127.0.0.1:${node.clientPort}`;
  return {
    id: node.id,
    address,
    extraAddresses: new Map(extraListeners(plan, node).map(({ name, place }) => [name, place])),
    get program() {
      return program;
    },
    start: async () => {
      if (program?.running === true) throw new Error(`Kafka node ${node.id} runs already`);
      if (isToForget) await forgetEarlierLife(plan, node, directory);
      isToForget = false;
      const command = [
        plan.installation.java,
        ...javaArguments(plan),
        "kafka.Kafka",
        propertiesFile,
      ] as const;
      program = startProgram(undefined, `Kafka node ${node.id} on ${address}`, [...command]);
    },
    stop: async () => {
      await program?.stop();
    },
    kill: async () => {
      isToForget = plan.nodes.length === 1 && program?.running === true;
      await program?.kill();
    },
    pause: () => program?.signal("SIGSTOP"),
    resume: () => program?.signal("SIGCONT"),
    remove: async () => {
      await program?.kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/**
 * Runs the node as a controller alone until it has forgotten the killed broker.
 *
 * Otherwise the controller holds the old broker for alive until its session is over, and the new one believes for as
 * long that it still leads its partitions. When it is then taken off them, with no other node to lead, its transaction
 * coordinator gives up the markers of transactions that were just ending, and their messages stay invisible to
 * `read_committed` for ever. In a cluster the other nodes take over instead.
 */
async function forgetEarlierLife(plan: ClusterPlan, node: NodePlan, directory: string): Promise<void> {
  const properties = serverProperties(plan, node, join(directory, "log"));
  delete properties["advertised.listeners"];
  delete properties["inter.broker.listener.name"];
  const propertiesFile = join(directory, "controller.properties");
  await writeFile(
    propertiesFile,
    renderProperties({
      ...properties,
      "process.roles": "controller",
      listeners: `CONTROLLER://127.0.0.1:${node.controllerPort}`,
    }),
  );
  const command = [plan.installation.java, ...javaArguments(plan), "kafka.Kafka", propertiesFile] as const;
  const controller = startProgram(undefined, `Kafka controller ${node.id}`, [...command]);
  try {
    await unregisterBroker(node.controllerPort, node.id, FORGET_TIMEOUT_MS);
  } finally {
    await controller.kill();
  }
}

function javaArguments(plan: ClusterPlan): string[] {
  return [
    "-Xms64m",
    `-Xmx${plan.heapMebibytes}m`,
    // Two cores are shared with everything else under test: no collector threads, no costly compiler.
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    `-Dlog4j2.configurationFile=${plan.installation.loggingFile}`,
    "-cp",
    plan.installation.classpath,
  ];
}

function serverProperties(plan: ClusterPlan, node: NodePlan, logDirectory: string): Record<string, string> {
  const replicas = String(Math.min(plan.nodes.length, 3));
  const inSyncMin = plan.nodes.length >= 3 ? "2" : "1";
  const client = { name: "CLIENT", protocol: "PLAINTEXT", place: `127.0.0.1:${node.clientPort}` };
  const controller = { name: "CONTROLLER", protocol: "PLAINTEXT", place: `127.0.0.1:${node.controllerPort}` };
  const forClients: NodeListener[] = [client, ...extraListeners(plan, node)];
  const all = [...forClients, controller];
  return {
    "process.roles": "broker,controller",
    "node.id": String(node.id),
    "controller.quorum.voters": plan.nodes
      .map((each) => `${each.id}@127.0.0.1:${each.controllerPort}`)
      .join(","),
    listeners: all.map(({ name, place }) => `${name}://${place}`).join(","),
    "advertised.listeners": forClients
      .map(({ name, place, advertised }) => `${name}://${advertised ?? place}`)
      .join(","),
    "listener.security.protocol.map": all.map(({ name, protocol }) => `${name}:${protocol}`).join(","),
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "CLIENT",
    "log.dirs": logDirectory,
    // A topic that nobody created is a mistake that tests must see.
    "auto.create.topics.enable": "false",
    "default.replication.factor": replicas,
    "min.insync.replicas": inSyncMin,
    "offsets.topic.replication.factor": replicas,
    "offsets.topic.num.partitions": "1",
    "transaction.state.log.replication.factor": replicas,
    "transaction.state.log.min.isr": inSyncMin,
    "transaction.state.log.num.partitions": "3",
    "group.initial.rebalance.delay.ms": "0",
    // A lone node that is frozen for a while must not be taken off its partitions; in a cluster others take over.
    "broker.session.timeout.ms": plan.nodes.length === 1 ? "60000" : "3000",
    "broker.heartbeat.interval.ms": "500",
    // The default, 128 MiB, does not fit the heap.
    "log.cleaner.dedupe.buffer.size": "4194304",
    ...plan.properties,
  };
}

interface NodeListener {
  name: string;
  protocol: string;
  place: string;
  advertised?: string;
}

function extraListeners(plan: ClusterPlan, node: NodePlan): NodeListener[] {
  return plan.listeners.map((listener, index) => ({
    ...listener,
    place: `127.0.0.1:${node.extraPorts[index] ?? 0}`,
  }));
}

function renderProperties(properties: Readonly<Record<string, string>>): string {
  return Object.entries(properties)
    .map(([name, value]) => `${name}=${value.replaceAll("\\", "\\\\")}\n`)
    .join("");
}
