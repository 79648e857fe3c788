/** The process: its streams, its environment, its exit code. */
import { hostname, userInfo } from "node:os";
import { setTimeout as wait } from "node:timers/promises";
import type { KafkaConfig } from "@event-collector/kafka";
import { nodeDisk, systemClock } from "@event-collector/spool";
import type { Broker } from "./kafka/broker.js";
import { createOutput } from "./output.js";
import { runProgram } from "./program.js";

async function readText(path: string): Promise<string> {
  return Buffer.from(await nodeDisk.readFile(path)).toString("utf8");
}

/** The native client is loaded for the commands that need it alone: the others start faster, and anywhere. */
async function openBroker(kafka: KafkaConfig): Promise<Broker> {
  const { createBroker } = await import("./kafka/broker.js");
  const { tokenFile } = kafka.security.sasl;
  const token = tokenFile === undefined ? undefined : async () => (await readText(tokenFile)).trim();
  return createBroker(systemClock, kafka, { token });
}

/** In a container the user often has a number and no name. */
function personName(): string {
  try {
    return userInfo().username;
  } catch {
    return String(process.getuid?.() ?? "unknown");
  }
}

const code = await runProgram(process.argv.slice(2), {
  disk: nodeDisk,
  clock: systemClock,
  wait: (milliseconds) => wait(milliseconds),
  output: createOutput(process.stdout, process.stderr, {
    noColor: (process.env["NO_COLOR"] ?? "") !== "",
  }),
  variables: process.env,
  person: `${personName()}@${hostname()}`,
  readText,
  openBroker,
});
process.exit(code);
