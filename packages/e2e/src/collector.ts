/**
 * The system under test: an ingress and a forwarder as real processes over one spool directory, with topics of their
 * own on the broker of the test.
 *
 * Invariant: what a test asks about is what the broker holds (`topic.ts`), never what the two say of themselves.
 */
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { readTopic, uniqueTopic, type Kafka, type TopicMessage } from "./kafka/index.js";
import { listeningPort, startApp, type Program, type Scope } from "./program.js";

/** What of a tap test a collector needs. */
export interface CollectorScope extends Scope {
  testdir(content: Record<string, Record<string, never>>): string;
}

export interface CollectorOptions {
  /** More variables for both processes. */
  environment?: Readonly<Record<string, string>>;
  /** Whether the forwarder is left to create the topics. By default the test does, by `createTopics`. */
  forwarderCreatesTopics?: boolean;
}

export interface Running {
  program: Program;
  port: number;
  /** `http://127.0.0.1:<port>`. */
  url: string;
}

export interface Collector {
  readonly bufferDirectory: string;
  /** A folder for whatever else the test needs. A second call of `testdir` would delete the spool. */
  readonly workDirectory: string;
  readonly topic: string;
  readonly deadLetterTopic: string;
  /** Creates the topics of events, dead letters and cursors. */
  createTopics(): Promise<void>;
  /** Starts an ingress and waits until it listens. */
  startIngress(environment?: Readonly<Record<string, string>>): Promise<Running>;
  /** Starts a forwarder and waits until it listens, which it does whether or not the broker answers. */
  startForwarder(environment?: Readonly<Record<string, string>>): Promise<Running>;
  /** Reads the topic again and again until `isComplete`, or until the time is up; then what is there counts. */
  events(isComplete: (events: readonly TopicMessage[]) => boolean): Promise<TopicMessage[]>;
  /** The same with the dead-letter topic. */
  deadLetters(isComplete: (events: readonly TopicMessage[]) => boolean): Promise<TopicMessage[]>;
}

const ARRIVAL_TIMEOUT_MS = 60_000;
const ARRIVAL_INTERVAL_MS = 50;

/** A collector of which nothing runs yet. */
export function createCollector(
  scope: CollectorScope,
  kafka: Kafka,
  options: CollectorOptions = {},
): Collector {
  const directory = scope.testdir({ spool: {}, work: {} });
  const bufferDirectory = join(directory, "spool");
  const topic = uniqueTopic();
  const deadLetterTopic = `${topic}.dlq`;
  const common = { BUFFER_DIR: bufferDirectory, UV_THREADPOOL_SIZE: "16", ...options.environment };
  const forwarderCreatesTopics = options.forwarderCreatesTopics === true;
  const absent = forwarderCreatesTopics ? "empty" : "error";
  const start = async (app: string, environment: Readonly<Record<string, string>>): Promise<Running> => {
    const program = startApp(scope, app, { environment });
    const port = await listeningPort(program);
    return { program, port, url: `http://127.0.0.1:${port}` };
  };
  const arrived = async (
    name: string,
    isComplete: (messages: readonly TopicMessage[]) => boolean,
  ): Promise<TopicMessage[]> => {
    const deadline = performance.now() + ARRIVAL_TIMEOUT_MS;
    for (;;) {
      const messages = await readTopic(kafka.bootstrap, name, { absent });
      if (isComplete(messages) || performance.now() > deadline) return messages;
      await delay(ARRIVAL_INTERVAL_MS);
    }
  };
  return {
    bufferDirectory,
    workDirectory: join(directory, "work"),
    topic,
    deadLetterTopic,
    createTopics: async () => {
      await kafka.createTopic(topic, { partitions: 3 });
      await kafka.createTopic(deadLetterTopic);
      await kafka.createTopic(`${topic}.cursors`, { config: { "cleanup.policy": "compact" } });
    },
    startIngress: (environment) =>
      start("ingress", { HTTP_HOST: "127.0.0.1", HTTP_PORT: "0", ...common, ...environment }),
    startForwarder: (environment) =>
      start("forwarder", {
        FORWARDER_HOST: "127.0.0.1",
        FORWARDER_PORT: "0",
        KAFKA_BOOTSTRAP_SERVERS: kafka.bootstrap,
        KAFKA_TOPIC: topic,
        KAFKA_DLQ_TOPIC: deadLetterTopic,
        KAFKA_CREATE_TOPICS: String(forwarderCreatesTopics),
        ...common,
        ...environment,
      }),
    events: (isComplete) => arrived(topic, isComplete),
    deadLetters: (isComplete) => arrived(deadLetterTopic, isComplete),
  };
}
