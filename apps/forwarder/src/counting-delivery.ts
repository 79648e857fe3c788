/**
 * At least once, for brokers without transactions: an idempotent producer, and a batch counts as delivered when a
 * success was reported for each of its messages.
 *
 * Failures are of single messages here: what the others of the batch did is known, and only what failed is sent
 * again. A record that the broker refuses takes the records of its produce request with it, so those may arrive
 * after later ones.
 *
 * **Invariant:** only a report without a failure counts; neither `flush` nor a missing error does.
 */
import { setImmediate as nextTurn } from "node:timers/promises";
import { asBrokerFailure, BrokerFailure, messagesOf } from "@event-collector/kafka";
import { failpoint } from "@event-collector/spool";
import type { Positions } from "@event-collector/spool";
import { pause } from "./backoff.js";
import { topicsOf } from "./broker.js";
import type { Broker, CountingProducer } from "./broker.js";
import { StoppedError, undeliveredBatch } from "./delivery.js";
import type { Batch, Committed, Delivery, Outcome } from "./delivery.js";
import type { Topics } from "./topics.js";

/** A full queue empties at the speed of the network. Milliseconds. */
const QUEUE_PAUSE_MS = 10;
/** Messages queued without a break, so that health checks are answered and reports come in meanwhile. */
const TURN_MESSAGES = 1_000;

const QUEUE_FULL = -184;
const UNKNOWN_TOPIC: ReadonlySet<number> = new Set([3, -188, -190]);

/** The messages of one batch that are on their way. */
interface Flight {
  awaited: number;
  readonly failures: Map<number, BrokerFailure>;
  /** Called when nothing is awaited any more. */
  landed: () => void;
}

export function createCountingDelivery(
  broker: Broker,
  topics: Topics,
  fixedTopics: readonly string[],
): Delivery {
  let producer: CountingProducer | undefined;
  let flight: Flight | undefined;

  async function open(start: Positions): Promise<Committed> {
    await close();
    await topics.ensure(fixedTopics);
    producer = await broker.openCounting();
    producer.onReport((tag, failure) => {
      if (flight === undefined) return;
      if (failure !== undefined) flight.failures.set(tag, failure);
      flight.awaited -= 1;
      if (flight.awaited === 0) flight.landed();
    });
    return { positions: start };
  }

  async function deliver(batch: Batch, stop: AbortSignal): Promise<Outcome> {
    if (producer === undefined)
      return undeliveredBatch(batch, new BrokerFailure("fatal", "the producer is not open"));
    try {
      await topics.ensure(topicsOf(batch.messages));
    } catch (error) {
      return undeliveredBatch(batch, asBrokerFailure(error));
    }
    const current: Flight = { awaited: 0, failures: new Map(), landed: () => undefined };
    flight = current;
    const culprits = await sendAll(producer, batch, current, stop);
    await failpoint("window.sent");
    batch.onSent?.();
    await landing(current, stop);
    flight = undefined;
    await failpoint("window.committed");
    return judge(current.failures, culprits);
  }

  function judge(failures: ReadonlyMap<number, BrokerFailure>, culprits: readonly number[]): Outcome {
    const all = [...failures.values()];
    const failure =
      all.find(({ fatal }) => fatal) ?? all.find(({ class: each }) => each === "record") ?? all[0];
    if (failure === undefined) return { type: "delivered" };
    if (UNKNOWN_TOPIC.has(failure.code)) topics.forget();
    return { type: "failed", failure, undelivered: [...failures.keys()].sort((a, b) => a - b), culprits };
  }

  async function close(): Promise<void> {
    const open = producer;
    producer = undefined;
    await open?.close();
  }

  return { atomic: false, open, deliver, close, totals: () => undefined };
}

/** Queues the messages; returns the indices of those that can never be sent. */
async function sendAll(
  producer: CountingProducer,
  { messages }: Batch,
  flight: Flight,
  stop: AbortSignal,
): Promise<number[]> {
  const culprits: number[] = [];
  for (const [index, message] of messages.flatMap(messagesOf).entries()) {
    if (index % TURN_MESSAGES === TURN_MESSAGES - 1) await nextTurn();
    let failure = producer.send(message, index);
    while (failure?.code === QUEUE_FULL) {
      if (stop.aborted) throw new StoppedError();
      await pause(QUEUE_PAUSE_MS, stop);
      failure = producer.send(message, index);
    }
    if (failure === undefined) {
      flight.awaited += 1;
      continue;
    }
    flight.failures.set(index, failure);
    if (failure.class === "record") culprits.push(index);
  }
  return culprits;
}

/** Waits until the fate of every message is known. */
async function landing(flight: Flight, stop: AbortSignal): Promise<void> {
  if (flight.awaited === 0) return;
  await new Promise<void>((resolve, reject) => {
    const onStop = (): void => reject(new StoppedError());
    if (stop.aborted) onStop();
    else stop.addEventListener("abort", onStop, { once: true });
    flight.landed = () => {
      stop.removeEventListener("abort", onStop);
      resolve();
    };
  });
}
