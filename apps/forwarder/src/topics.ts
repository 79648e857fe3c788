/**
 * The topics that must be there before anything is sent to them.
 *
 * Each name is asked about once. **Invariant:** a topic is created at most, never changed and never deleted.
 */
import { BrokerFailure } from "@event-collector/kafka";
import type { Broker } from "./broker.js";

export interface TopicsOptions {
  /** Whether missing topics may be created. */
  readonly create: boolean;
  readonly partitions: number;
  readonly cursorTopic: string | undefined;
}

export interface Topics {
  /** Resolves with the names that were created. Rejects with a BrokerFailure if one is missing and stays so. */
  ensure(names: Iterable<string>): Promise<readonly string[]>;
  /** Asks again next time: the broker said that a topic is not there. */
  forget(): void;
}

export function createTopics(broker: Broker, options: TopicsOptions): Topics {
  const known = new Set<string>();

  async function ensure(names: Iterable<string>): Promise<readonly string[]> {
    const asked = [...new Set(names)].filter((name) => !known.has(name));
    if (asked.length === 0) return [];
    const missing = await broker.missingTopics(asked);
    if (missing.length > 0 && !options.create) {
      throw new BrokerFailure(
        "configuration",
        `KAFKA_CREATE_TOPICS is false, and a topic does not exist: ${missing.join(", ")}`,
      );
    }
    for (const name of missing) {
      const compacted = name === options.cursorTopic;
      // All cursors of a spool stand in the first partition; more would stay empty.
      await broker.createTopic({ name, compacted, partitions: compacted ? 1 : options.partitions });
    }
    for (const name of asked) known.add(name);
    return missing;
  }

  return { ensure, forget: () => known.clear() };
}
