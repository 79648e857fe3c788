/**
 * The one door to the broker: node-rdkafka behind the port of `broker.ts`.
 *
 * **Invariant:** this is the only file that imports node-rdkafka. **Invariant:** topic-level properties go into the
 * second argument of its constructors; in the first they are ignored in silence. **Invariant:** `flush` and
 * `disconnect` prove nothing about delivery and are never used as if they did.
 */
import { asNativeError, brokerFailure, BrokerFailure, connectClient } from "@event-collector/kafka";
import type { Client, KafkaProperties, PropertyValue } from "@event-collector/kafka";
import rdkafka from "node-rdkafka";
import { sendEach } from "./broker.js";
import { openMessageLane, whyNoMessageLane } from "./message-lane.js";
import type { MessageLane } from "./message-lane.js";
import type {
  Broker,
  BrokerObserver,
  CountingProducer,
  Message,
  MessageRun,
  RunSent,
  TopicPlan,
  TransactionalProducer,
} from "./broker.js";

export interface BrokerOptions {
  readonly properties: KafkaProperties;
  /** The current OAUTHBEARER token; absent with other mechanisms. */
  readonly token?: () => Promise<string>;
}

/** One call over the network. Long enough for a slow broker, short enough that a stop is not held up. Milliseconds. */
const CALL_TIMEOUT_MS = 5_000;
/** The first registration may have to wait until the transaction of a dead predecessor is aborted. Milliseconds. */
const INITIALIZE_TIMEOUT_MS = 30_000;
/** Creating topics needs the controller and all replicas. Milliseconds. */
const CREATE_TIMEOUT_MS = 4_000;
/** How often reports are fetched from librdkafka: they bound the latency of a window. Milliseconds. */
const REPORT_POLL_MS = 5;
/** How often errors are fetched where no reports are awaited. Milliseconds. */
const EVENT_POLL_MS = 100;
/** As in syslog(3). */
const SEVERITY_WARNING = 4;
/** Records fetched from the cursor topic in one call. */
const READ_RECORDS = 1_000;
/** How long the cursor topic may take to be read. It may have to wait for the transaction of a dead forwarder. */
const READ_TIMEOUT_MS = 120_000;

/** Throws a BrokerFailure of class `configuration` if librdkafka does not accept the properties. */
export function createBroker(options: BrokerOptions, observer: BrokerObserver): Broker {
  const { connection, producer, topic } = options.properties;
  assertAcceptable({ ...connection, ...producer }, topic);
  const reason = whyNoMessageLane();
  if (reason !== undefined) observer.logged(SEVERITY_WARNING, `messages go one by one, slower: ${reason}`);
  let createsTopics = true;
  return {
    openTransactional: (transactionalId) => openTransactional(options, observer, transactionalId),
    openCounting: () => openCounting(options, observer),
    missingTopics: (topics) => missingTopics(options, observer, topics),
    createTopic: async (plan) => {
      // A broker that once did not answer is spared the question, but for the topic whose settings matter.
      if (createsTopics || plan.compacted) createsTopics = await createTopic(options, plan);
      if (!createsTopics) await askForTopic(options, observer, plan.name);
    },
    readCompacted: (name, prefix) => readCompacted(options, observer, name, prefix),
  };
}

function assertAcceptable(global: KafkaProperties["producer"], topic: KafkaProperties["topic"]): void {
  try {
    // Constructed and never connected: the constructor checks the names and the values.
    void new rdkafka.Producer(global, topic);
  } catch (error) {
    const message = `librdkafka refuses the configuration: ${asNativeError(error).message}`;
    throw new BrokerFailure("configuration", message, { cause: error });
  }
}

async function openTransactional(
  options: BrokerOptions,
  observer: BrokerObserver,
  transactionalId: string,
): Promise<TransactionalProducer> {
  const { connection, producer, topic } = options.properties;
  const lane = openMessageLane();
  const native = new rdkafka.Producer(
    {
      ...connection,
      ...producer,
      ...(lane !== undefined && propertiesOf(lane, connection)),
      "transactional.id": transactionalId,
      // The commit covers the window; a report for each message would cost two thirds of the speed.
      "delivery.report.only.error": true,
      dr_cb: true,
    },
    topic,
  );
  const client = await connectProducer(native, options, observer);
  let reported: BrokerFailure | undefined;
  native.on("delivery-report", (error) => {
    if (error !== null) reported ??= brokerFailure(error);
  });
  native.setPollInterval(EVENT_POLL_MS);
  try {
    await client.call<undefined>((done) => native.initTransactions(INITIALIZE_TIMEOUT_MS, done));
  } catch (error) {
    await client.close();
    throw error;
  }
  const send = (message: Message): BrokerFailure | undefined => produce(native, message, undefined);
  const runs = lane === undefined ? undefined : new SentRuns(lane, send);
  return {
    begin: async () => {
      reported = undefined;
      await client.call<undefined>((done) => native.beginTransaction(done));
    },
    send,
    sendRun: (run, from, to) => runs?.send(run, from, to) ?? sendEach(send, run, from, to),
    commit: async () => {
      try {
        await client.call<undefined>((done) => native.commitTransaction(CALL_TIMEOUT_MS, done));
      } catch (error) {
        throw withReport(error, reported);
      }
      runs?.forget();
    },
    abort: async () => {
      await client.call<undefined>((done) => native.abortTransaction(CALL_TIMEOUT_MS, done));
      runs?.forget();
    },
    close: async () => {
      await client.close();
      runs?.forget();
    },
  };
}

const PLUGINS = "plugin.library.paths";

/** What puts a producer on the lane, beside the plugins that the operator wants. */
function propertiesOf(
  { properties }: MessageLane,
  connection: KafkaProperties["connection"],
): Readonly<Record<string, PropertyValue>> {
  const others = connection[PLUGINS];
  return others === undefined ? properties : { ...properties, [PLUGINS]: `${properties[PLUGINS]};${others}` };
}

/**
 * Runs on their way through a lane.
 *
 * **Invariant:** their bytes are held until the transaction is over or the client is gone: librdkafka reads the values
 * there, and lets go of all messages before it answers a commit or an abort.
 */
class SentRuns {
  readonly #lane: MessageLane;
  readonly #send: (message: Message) => BrokerFailure | undefined;
  #held: Uint8Array[] = [];

  constructor(lane: MessageLane, send: (message: Message) => BrokerFailure | undefined) {
    this.#lane = lane;
    this.#send = send;
  }

  send(run: MessageRun, from: number, to: number): RunSent {
    const { topic, source, places, first } = run;
    if (this.#held.at(-1) !== source) this.#held.push(source);
    const { taken, code } = this.#lane.send(topic, source, places, first + from, first + to);
    if (code === 0) return { taken, failure: undefined };
    // By itself it is taken now, or refused with all that the client knows about it.
    const failure = this.#send(run.message(from + taken));
    return { taken: failure === undefined ? taken + 1 : taken, failure };
  }

  forget(): void {
    this.#held = [];
  }
}

/** A commit may say no more than "messages failed"; the first report says why. */
function withReport(error: unknown, reported: BrokerFailure | undefined): unknown {
  if (!(error instanceof BrokerFailure) || error.class !== "abortable" || reported === undefined)
    return error;
  const failureClass =
    reported.class === "record" || reported.class === "configuration" ? reported.class : error.class;
  return new BrokerFailure(failureClass, `${error.message}: ${reported.message}`, {
    code: reported.code,
    fatal: error.fatal,
    requiresAbort: true,
    resumable: false,
    ...(reported.reason === undefined ? {} : { reason: reported.reason }),
    cause: error,
  });
}

async function openCounting(options: BrokerOptions, observer: BrokerObserver): Promise<CountingProducer> {
  const { connection, producer, topic } = options.properties;
  const native = new rdkafka.Producer(
    { ...connection, ...producer, "enable.idempotence": true, dr_cb: true },
    // Messages never time out: under idempotence that would break the sequence, and the spool can wait.
    { ...topic, "message.timeout.ms": 0 },
  );
  const client = await connectProducer(native, options, observer);
  native.setPollInterval(REPORT_POLL_MS);
  return {
    send: (message, tag) => produce(native, message, tag),
    onReport: (listener) => {
      native.on("delivery-report", (error, report) => {
        if (error === null) observer.reachable(true);
        listener(Number(report.opaque), error === null ? undefined : brokerFailure(error));
      });
    },
    close: () => client.close(),
  };
}

/** Ends at once: what a producer still holds when it is closed, nobody waits for. */
function connectProducer(
  native: rdkafka.Producer,
  options: BrokerOptions,
  observer: BrokerObserver,
): Promise<Client<rdkafka.Producer>> {
  const disconnect = (done: () => void): unknown => native.disconnect(0, done);
  return connectClient(native, disconnect, clientOptions(options), observer);
}

function clientOptions({ token }: BrokerOptions): {
  token: BrokerOptions["token"];
  connectTimeoutMs: number;
} {
  return { token, connectTimeoutMs: CALL_TIMEOUT_MS };
}

function produce(
  native: rdkafka.Producer,
  message: Message,
  tag: number | undefined,
): BrokerFailure | undefined {
  try {
    // librdkafka copies the bytes before it returns.
    native.produce(
      message.topic,
      message.partition ?? null,
      // It takes any view of bytes; its types know Buffers alone.
      message.value as Buffer | null,
      message.key as Buffer | null,
      null,
      tag,
      message.headers as rdkafka.MessageHeader[],
    );
    return undefined;
  } catch (error) {
    return brokerFailure(asNativeError(error));
  }
}

/** A client for one task that is closed after it. */
async function withProducer<Result>(
  options: BrokerOptions,
  observer: BrokerObserver,
  task: (client: Client<rdkafka.Producer>) => Promise<Result>,
): Promise<Result> {
  const { connection } = options.properties;
  const client = await connectProducer(new rdkafka.Producer({ ...connection }, {}), options, observer);
  try {
    return await task(client);
  } finally {
    await client.close();
  }
}

function missingTopics(
  options: BrokerOptions,
  observer: BrokerObserver,
  topics: readonly string[],
): Promise<string[]> {
  return withProducer(options, observer, async (client) => {
    // All topics: asking for one by its name may create it, with settings that nobody chose.
    const metadata = await client.call<rdkafka.Metadata>((done) =>
      client.native.getMetadata({ allTopics: true, timeout: CALL_TIMEOUT_MS }, done),
    );
    const present = new Set(metadata.topics.map(({ name }) => name));
    return topics.filter((name) => !present.has(name));
  });
}

const TOPIC_EXISTS = 36;
const TIMED_OUT = -185;
const UNSUPPORTED = -165;

/** True if the topic is there; false if the broker does not know how to create topics on request. */
async function createTopic(options: BrokerOptions, plan: TopicPlan): Promise<boolean> {
  const token = await options.token?.();
  const admin = rdkafka.AdminClient.create({ ...options.properties.connection }, token);
  try {
    await new Promise<void>((resolve, reject) => {
      const topic = {
        topic: plan.name,
        num_partitions: plan.partitions,
        replication_factor: -1,
        config: plan.compacted ? COMPACTED : {},
      };
      admin.createTopic(topic, CREATE_TIMEOUT_MS, (error: rdkafka.LibrdKafkaError | undefined) => {
        if (error === undefined || error.code === TOPIC_EXISTS) resolve();
        else reject(brokerFailure(error));
      });
    });
    return true;
  } catch (error) {
    if (error instanceof BrokerFailure && (error.code === TIMED_OUT || error.code === UNSUPPORTED))
      return false;
    throw error;
  } finally {
    admin.disconnect();
  }
}

/** Small segments and eager compaction: the whole topic is read at every start. */
const COMPACTED: Readonly<Record<string, string>> = {
  "cleanup.policy": "compact",
  "segment.bytes": String(16 * 1024 * 1024),
  "min.cleanable.dirty.ratio": "0.1",
};

/** Such a broker may still make a topic when asked about it: librdkafka's mock cluster does. */
function askForTopic(options: BrokerOptions, observer: BrokerObserver, topic: string): Promise<void> {
  return withProducer(options, observer, async (client) => {
    await client.call<rdkafka.Metadata>((done) =>
      client.native.getMetadata({ topic, allTopics: false, timeout: CALL_TIMEOUT_MS }, done),
    );
  });
}

async function readCompacted(
  options: BrokerOptions,
  observer: BrokerObserver,
  topic: string,
  prefix: string,
): Promise<ReadonlyMap<string, Buffer>> {
  const native = new rdkafka.KafkaConsumer(
    {
      ...options.properties.connection,
      // Demanded by librdkafka; nothing is ever committed under it.
      "group.id": "event-collector-forwarder",
      "enable.auto.commit": false,
      "isolation.level": "read_committed",
      "enable.partition.eof": true,
      "fetch.wait.max.ms": 50,
    },
    { "auto.offset.reset": "earliest" },
  );
  const disconnect = (done: () => void): unknown => native.disconnect(done);
  const client = await connectClient(native, disconnect, clientOptions(options), observer);
  try {
    return await readToEnd(client, topic, prefix);
  } finally {
    await client.close();
  }
}

/**
 * The end is the high watermark, not the last stable offset: a record of this spool may stand behind the open
 * transaction of another one, and the last stable offset stops before that.
 */
async function readToEnd(
  client: Client<rdkafka.KafkaConsumer>,
  topic: string,
  prefix: string,
): Promise<ReadonlyMap<string, Buffer>> {
  const { native } = client;
  const latest = new Map<string, Buffer>();
  const deadline = performance.now() + READ_TIMEOUT_MS;
  let end: number | undefined;
  let reached = 0;
  native.on("partition.eof", ({ offset }) => {
    reached = Math.max(reached, offset);
  });
  native.setDefaultConsumeTimeout(50);
  native.assign([{ topic, partition: 0, offset: 0 }]);
  while (end === undefined || reached < end) {
    if (performance.now() > deadline) {
      throw new BrokerFailure(
        "retriable",
        `topic ${topic} was not read to its end within ${READ_TIMEOUT_MS} ms`,
      );
    }
    const messages = await client.call<rdkafka.Message[]>((done) => native.consume(READ_RECORDS, done));
    const { highOffset } = native.getWatermarkOffsets(topic, 0);
    if (highOffset >= 0) end ??= highOffset;
    for (const { key, value, offset } of messages) {
      reached = Math.max(reached, offset + 1);
      const name = key?.toString() ?? "";
      if (!name.startsWith(prefix)) continue;
      if (value === null) latest.delete(name);
      else latest.set(name, value);
    }
  }
  return latest;
}
