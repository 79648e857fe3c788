/**
 * The way from one spool to topics of its own, and the forwarders on it as real processes.
 *
 * Invariant: what is asked in the end is what the broker holds for a reader of committed messages.
 */
import { setTimeout as delay } from "node:timers/promises";
import { readTopic, uniqueTopic, type Kafka, type TopicMessage, type TopicOptions } from "../kafka/index.js";
import { builtFile, startApp, startProgram, type Exit, type Program, type Scope } from "../program.js";
import { temporaryFolder } from "../torture/folder.js";
import { audit, faultsOf, type Audit } from "./audit.js";
import type { Stock } from "./stock.js";

export interface RouteOptions {
  /** Of the forwarders; wins over what the route sets itself. */
  environment?: Readonly<Record<string, string>>;
  /** The spool, if it is not a new one. */
  spool?: string;
}

export interface Route {
  readonly spool: string;
  readonly topic: string;
  readonly deadLetterTopic: string;
  readonly cursorTopic: string;
  /** Creates the two topics that people read; forwarders create what is missing themselves. */
  createTopics(options?: TopicOptions): Promise<void>;
  /** Starts a forwarder and does not wait for anything. */
  launch(environment?: Readonly<Record<string, string>>): Program;
  /** Starts a forwarder into which this module is loaded first. */
  launchWith(module: URL): Program;
  /** Starts a forwarder and waits until its producer is open. */
  start(environment?: Readonly<Record<string, string>>): Promise<Program>;
  /** Asks the forwarder to deliver the rest and end, and waits for that. */
  drain(program: Program): Promise<Exit>;
  events(): Promise<TopicMessage[]>;
  deadLetters(): Promise<TopicMessage[]>;
  audit(stock: Stock): Promise<Audit>;
  /**
   * What is wrong, a line each. The embedded broker shows what aborted transactions held: there, what came again says
   * nothing.
   */
  faults(audit: Audit): string[];
  /** Waits until nothing of the stock is missing in the topics, and audits them. */
  arrived(stock: Stock, timeoutMs?: number): Promise<Audit>;
}

const ARRIVAL_TIMEOUT_MS = 60_000;
const ARRIVAL_INTERVAL_MS = 100;
const DRAIN_SECONDS = 60;

/** The line that a forwarder writes when it owns the spool. */
export function isOpen(line: { record: Readonly<Record<string, unknown>> }): boolean {
  return line.record["msg"] === "producer open";
}

export async function createRoute(scope: Scope, kafka: Kafka, options: RouteOptions = {}): Promise<Route> {
  const spool = options.spool ?? (await temporaryFolder(scope));
  const topic = uniqueTopic();
  const deadLetterTopic = `${topic}.dlq`;
  const environment = {
    BUFFER_DIR: spool,
    FORWARDER_HOST: "127.0.0.1",
    FORWARDER_PORT: "0",
    FORWARDER_DRAIN_SECONDS: String(DRAIN_SECONDS),
    KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrap,
    KAFKA_TOPIC: topic,
    KAFKA_DLQ_TOPIC: deadLetterTopic,
    KAFKA_TOPIC_PARTITIONS: "3",
    UV_THREADPOOL_SIZE: "16",
    ...options.environment,
  };
  const route: Route = {
    spool,
    topic,
    deadLetterTopic,
    cursorTopic: `${topic}.cursors`,
    createTopics: async (topicOptions) => {
      await kafka.createTopic(topic, { partitions: 3, ...topicOptions });
      await kafka.createTopic(deadLetterTopic, topicOptions);
    },
    launch: (more) => startApp(scope, "forwarder", { environment: { ...environment, ...more } }),
    launchWith: ({ href }) => {
      const command = [process.execPath, `--import=${href}`, builtFile("forwarder", "main.js")] as const;
      return startProgram(scope, "forwarder", [...command], { environment });
    },
    start: async (more) => {
      const program = route.launch(more);
      await program.line(isOpen);
      return program;
    },
    drain: async (program) => {
      // Before that it may not yet listen to signals.
      await program.line(isOpen);
      return program.stop("SIGTERM", (DRAIN_SECONDS + 10) * 1000);
    },
    events: () => readTopic(kafka.bootstrap, topic, { absent: "empty" }),
    deadLetters: () => readTopic(kafka.bootstrap, deadLetterTopic, { absent: "empty" }),
    audit: async (stock) => audit(stock, await route.events(), await route.deadLetters()),
    faults: (found) => faultsOf(kafka.kind === "embedded" ? { ...found, duplicates: [] } : found),
    arrived: async (stock, timeoutMs = ARRIVAL_TIMEOUT_MS) => {
      const deadline = performance.now() + timeoutMs;
      for (;;) {
        const result = await route.audit(stock);
        if (result.lost.length === 0 || performance.now() > deadline) return result;
        await delay(ARRIVAL_INTERVAL_MS);
      }
    },
  };
  return route;
}

/** What is wrong with the topics once all has arrived, or the time is up. */
export async function faultsOnArrival(route: Route, stock: Stock, timeoutMs?: number): Promise<string[]> {
  return route.faults(await route.arrived(stock, timeoutMs));
}
