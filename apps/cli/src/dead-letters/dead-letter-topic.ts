/** The dead-letter topic, read in two passes: first the receipts, which stand behind what they speak of, then the rest. */
import { UnableError } from "../exit-code.js";
import type { Broker, Range } from "../kafka/broker.js";
import { deadLetterOf, receiptOf } from "./dead-letter.js";
import type { DeadLetter, Receipts } from "./dead-letter.js";
import { isMeant } from "./filter.js";
import type { Filter } from "./filter.js";

/** The dead letters that are meant, partition by partition in order, as the topic was when the reading began. */
export async function* readDeadLetters(
  broker: Broker,
  topic: string,
  filter: Filter,
): AsyncGenerator<DeadLetter, void, undefined> {
  const { topics } = await broker.describe();
  if (!topics.has(topic)) throw new UnableError(`there is no topic ${topic}; name it by KAFKA_DLQ_TOPIC`);
  // A letter was written after it failed, so that none of those meant stands earlier.
  const since = Number.isFinite(filter.since) ? Math.max(0, filter.since - CLOCK_STEP_MS) : undefined;
  const ranges = narrow(await broker.ranges(topic, since), filter);
  const receipts = await readReceipts(broker, ranges);
  for await (const messages of broker.read(ranges)) {
    for (const message of messages) {
      if (receiptOf(message) !== undefined) continue;
      const letter = deadLetterOf(message, receipts);
      if (isMeant(letter, filter)) yield letter;
    }
  }
}

/** Clocks of forwarder and broker differ by less than this. */
const CLOCK_STEP_MS = 10 * 60_000;

/** Of partitions that no address names, nothing is read. */
function narrow(ranges: readonly Range[], { addresses }: Filter): Range[] {
  if (addresses === undefined) return [...ranges];
  const partitions = new Set([...addresses].map((address) => Number(address.split("/")[0])));
  return ranges.filter(({ partition }) => partitions.has(partition));
}

async function readReceipts(broker: Broker, ranges: readonly Range[]): Promise<Receipts> {
  const receipts = new Map<string, number>();
  for await (const messages of broker.read(ranges)) {
    for (const message of messages) {
      const address = receiptOf(message);
      if (address !== undefined) receipts.set(address, (receipts.get(address) ?? 0) + 1);
    }
  }
  return receipts;
}
