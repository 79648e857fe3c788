/** Which partition of Kafka's own topic of transactions, and thus which node, coordinates those of a spool. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** As the test broker is configured. */
const TRANSACTION_PARTITIONS = 3;

export async function coordinatingPartition(spool: string): Promise<number> {
  const { id } = JSON.parse(await readFile(join(spool, "spool.json"), "utf8")) as { id: string };
  return (javaHash(`event-collector-${id}`) & 0x7fffffff) % TRANSACTION_PARTITIONS;
}

/** `String.hashCode`. */
function javaHash(text: string): number {
  let hash = 0;
  for (let index = 0; index < text.length; index += 1)
    hash = (Math.imul(hash, 31) + text.charCodeAt(index)) | 0;
  return hash;
}
