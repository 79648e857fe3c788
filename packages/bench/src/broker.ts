/** The brokers of the benchmark, on the core that is not measured. */
import type { Kafka } from "@event-collector/e2e/kafka";
import { builtFile } from "@event-collector/e2e/program";
import { LOAD_CORE, runPinned, startPinned } from "./pinned.js";

/** Binds a real Kafka, all threads of it, to the core of the load. */
export async function pinKafka(kafka: Kafka): Promise<void> {
  for (const { program } of kafka.nodes) {
    if (program === undefined) continue;
    await runPinned(LOAD_CORE, ["taskset", "-a", "-p", "-c", String(LOAD_CORE), String(program.pid)]);
  }
}

/** Calls `use` with the address of an embedded broker of its own. */
export async function withEmbeddedBroker<Result>(
  use: (bootstrap: string) => Promise<Result>,
): Promise<Result> {
  const program = startPinned("embedded broker", LOAD_CORE, [
    process.execPath,
    builtFile("standalone", "embedded-broker.js"),
  ]);
  try {
    const { record } = await program.line((line) => line.record["msg"] === "listening");
    return await use(String(record["bootstrapServers"]));
  } finally {
    await program.kill();
  }
}
