/**
 * A broker in memory with scripted failures, faithful where it matters: a transaction is visible whole or not at
 * all, a newer producer with the same id fences the older one, one refused record fails its whole batch without
 * saying which it was, and after a fatal failure a producer does nothing any more.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { BrokerFailure } from "@event-collector/kafka";
import { sendEach } from "../broker.js";
import type { Broker, CountingProducer, Message, TopicPlan, TransactionalProducer } from "../broker.js";

/** Where a failure can be made to happen. */
export type Operation =
  | "openTransactional"
  | "openCounting"
  | "begin"
  | "send"
  | "commit"
  | "abort"
  | "missingTopics"
  | "createTopic"
  | "readCompacted";

export interface FakeBroker extends Broker {
  /** What a reader of committed messages sees in the topic, oldest first. */
  read(topic: string): readonly Message[];
  /** The topics that exist. */
  readonly topics: Map<string, TopicPlan>;
  /** The next `times` calls of the operation fail like this. A fatal failure ends the producer. */
  fail(operation: Operation, failure: BrokerFailure, times?: number): void;
  /** The next commit happens, and the answer to it is this failure. */
  loseAnswer(failure: BrokerFailure): void;
  /** The broker refuses what this names: a permanent failure of the batch that holds it. */
  refuse(judge: (message: Message) => BrokerFailure | undefined): void;
  /** The client refuses what this names, at once and by name. */
  refuseLocally(judge: (message: Message) => BrokerFailure | undefined): void;
  /** Every operation, in order. */
  readonly calls: Operation[];
  /** Sizes of committed transactions, cursor messages not counted. */
  readonly commits: number[];
}

type Judge = (message: Message) => BrokerFailure | undefined;

const CURSOR_PARTITION = 0;

export function createFakeBroker(topics: readonly string[] = []): FakeBroker {
  return new InMemoryBroker(topics);
}

class InMemoryBroker implements FakeBroker {
  readonly topics = new Map<string, TopicPlan>();
  readonly calls: Operation[] = [];
  readonly commits: number[] = [];
  readonly #messages = new Map<string, Message[]>();
  readonly #failures = new Map<Operation, BrokerFailure[]>();
  readonly #epochs = new Map<string, number>();
  #lostAnswer: BrokerFailure | undefined;
  #refuse: Judge = () => undefined;
  #refuseLocally: Judge = () => undefined;

  constructor(topics: readonly string[]) {
    for (const name of topics) this.topics.set(name, { name, partitions: 1, compacted: false });
  }

  read(topic: string): readonly Message[] {
    return this.#messages.get(topic) ?? [];
  }

  fail(operation: Operation, failure: BrokerFailure, times = 1): void {
    const failures = this.#failures.get(operation) ?? [];
    for (let count = 0; count < times; count += 1) failures.push(failure);
    this.#failures.set(operation, failures);
  }

  loseAnswer(failure: BrokerFailure): void {
    this.#lostAnswer = failure;
  }

  refuse(judge: Judge): void {
    this.#refuse = judge;
  }

  refuseLocally(judge: Judge): void {
    this.#refuseLocally = judge;
  }

  async openTransactional(transactionalId: string): Promise<TransactionalProducer> {
    await this.#pass("openTransactional");
    const epoch = (this.#epochs.get(transactionalId) ?? 0) + 1;
    this.#epochs.set(transactionalId, epoch);
    let open: Message[] | undefined;
    let broken: BrokerFailure | undefined;

    const call = async (operation: Operation, action: () => void): Promise<void> => {
      try {
        await this.#pass(operation);
        if (broken !== undefined) throw broken;
        if (operation !== "begin" && this.#epochs.get(transactionalId) !== epoch) throw fencedFailure();
        action();
      } catch (error) {
        if (error instanceof BrokerFailure && error.fatal) broken ??= error;
        throw error;
      }
    };
    const take = (): Message[] => {
      if (open === undefined) throw new BrokerFailure("fatal", "operation not valid in current state");
      return open;
    };
    const send = (message: Message): BrokerFailure | undefined => {
      const failure = broken ?? this.#next("send") ?? this.#refuseLocally(message);
      if (failure === undefined) take().push(message);
      return failure;
    };
    return {
      begin: () =>
        call("begin", () => {
          if (open !== undefined) throw new BrokerFailure("fatal", "a transaction is open already");
          open = [];
        }),
      send,
      sendRun: (run, from, to) => sendEach(send, run, from, to),
      commit: () =>
        call("commit", () => {
          this.#commit(take());
          open = undefined;
          const lost = this.#lostAnswer;
          this.#lostAnswer = undefined;
          if (lost !== undefined) throw lost;
        }),
      abort: () =>
        call("abort", () => {
          open = undefined;
        }),
      close: () => Promise.resolve(),
    };
  }

  /** All or nothing. */
  #commit(messages: readonly Message[]): void {
    for (const message of messages) {
      const failure = this.#refuse(message) ?? this.#unknownTopic(message);
      if (failure !== undefined) throw failure;
    }
    for (const message of messages) this.#append(message);
    this.commits.push(messages.filter(({ partition }) => partition !== CURSOR_PARTITION).length);
  }

  async openCounting(): Promise<CountingProducer> {
    await this.#pass("openCounting");
    let listener: (tag: number, failure: BrokerFailure | undefined) => void = () => undefined;
    let queue: { message: Message; tag: number }[] = [];
    let broken: BrokerFailure | undefined;

    const deliver = (): void => {
      const batch = queue;
      queue = [];
      // As with a produce request: one refused record fails all of them.
      const failure =
        this.#next("commit") ??
        batch.map(({ message }) => this.#refuse(message)).find((each) => each !== undefined);
      if (failure?.fatal === true) broken = failure;
      for (const { message, tag } of batch) {
        if (failure === undefined) this.#append(message);
        listener(tag, failure);
      }
    };
    return {
      send: (message, tag) => {
        const failure = broken ?? this.#next("send") ?? this.#refuseLocally(message);
        if (failure !== undefined) return failure;
        queue.push({ message, tag });
        if (queue.length === 1) void nextTurn().then(deliver);
        return undefined;
      },
      onReport: (heard) => {
        listener = heard;
      },
      close: () => Promise.resolve(),
    };
  }

  async missingTopics(topics: readonly string[]): Promise<string[]> {
    await this.#pass("missingTopics");
    return topics.filter((topic) => !this.topics.has(topic));
  }

  async createTopic(plan: TopicPlan): Promise<void> {
    await this.#pass("createTopic");
    this.topics.set(plan.name, plan);
  }

  async readCompacted(topic: string, prefix: string): Promise<ReadonlyMap<string, Buffer>> {
    await this.#pass("readCompacted");
    const latest = new Map<string, Buffer>();
    for (const { key, value } of this.read(topic)) {
      const name = Buffer.from(key ?? []).toString();
      if (!name.startsWith(prefix)) continue;
      if (value === null) latest.delete(name);
      else latest.set(name, Buffer.from(value));
    }
    return latest;
  }

  #append(message: Message): void {
    const messages = this.#messages.get(message.topic) ?? [];
    messages.push(message);
    this.#messages.set(message.topic, messages);
  }

  #unknownTopic({ topic }: Message): BrokerFailure | undefined {
    if (this.topics.has(topic)) return undefined;
    return new BrokerFailure("configuration", "unknown topic or partition", { code: 3, requiresAbort: true });
  }

  #next(operation: Operation): BrokerFailure | undefined {
    return this.#failures.get(operation)?.shift();
  }

  async #pass(operation: Operation): Promise<void> {
    this.calls.push(operation);
    await nextTurn();
    const failure = this.#next(operation);
    if (failure !== undefined) throw failure;
  }
}

/** A newer producer has the same transactional id. */
export function fencedFailure(): BrokerFailure {
  return new BrokerFailure("fenced", "this instance has been fenced by a newer instance", { code: -144 });
}

/** The broker is away. */
export function downFailure(): BrokerFailure {
  return new BrokerFailure("retriable", "broker transport failure", { code: -195 });
}

/** The message is too large for its topic. */
export function tooLargeFailure(): BrokerFailure {
  return new BrokerFailure("record", "message size too large", {
    code: 10,
    requiresAbort: true,
    reason: "record_too_large",
  });
}
