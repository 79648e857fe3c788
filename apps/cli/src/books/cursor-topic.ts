/** What the cursor topic says of a spool: how far it is delivered, and how much was delivered since it exists. */
import { cursorPrefix, parseCursorRecords } from "@event-collector/kafka";
import type { CursorRecords } from "@event-collector/kafka";
import type { Broker } from "../kafka/broker.js";

/** Undefined if there is no such topic. All of one spool stands in the first partition. */
export async function readCursorTopic(
  broker: Broker,
  topic: string,
  spool: string,
): Promise<CursorRecords | undefined> {
  const { topics } = await broker.describe();
  if (!topics.has(topic)) return undefined;
  const prefix = cursorPrefix(spool);
  const latest = new Map<string, Uint8Array>();
  const ranges = (await broker.ranges(topic)).filter(({ partition }) => partition === 0);
  for await (const messages of broker.read(ranges)) {
    for (const { key, value } of messages) {
      const name = key?.toString() ?? "";
      if (!name.startsWith(prefix)) continue;
      if (value === null) latest.delete(name);
      else latest.set(name, value);
    }
  }
  return parseCursorRecords(spool, latest);
}
