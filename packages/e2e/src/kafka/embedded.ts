/**
 * The stand-in where no Java is: the embedded broker of apps/standalone, librdkafka's mock cluster, in its own process.
 *
 * It knows no access rights and fences no zombies, and it keeps neither its address nor its content over an end: a
 * test that needs those asks `kind` first and skips.
 */
import { builtFile, startProgram, type Scope } from "../program.js";
import { awaitTopic } from "./client.js";
import type { Kafka } from "./start.js";

// What the mock cluster gives every topic that it creates when first asked for it.
const PARTITIONS_OF_EVERY_TOPIC = 4;

/** Starts an embedded broker. */
export async function startEmbeddedKafka(scope: Scope | undefined): Promise<Kafka> {
  const command = [process.execPath, builtFile("standalone", "embedded-broker.js")] as const;
  const program = startProgram(scope, "embedded broker", [...command]);
  const { record } = await program.line((line) => line.record["msg"] === "listening");
  const bootstrap = String(record["bootstrapServers"]);
  const refuse = (): never => {
    throw new Error("the embedded broker does not come back with its address and content");
  };
  return {
    kind: "embedded",
    bootstrap,
    nodes: [],
    createTopic: (name) => awaitTopic(bootstrap, name, PARTITIONS_OF_EVERY_TOPIC),
    start: () => (program.running ? Promise.resolve() : refuse()),
    stop: async () => {
      await program.stop();
    },
    kill: async () => {
      await program.kill();
    },
    pause: () => program.signal("SIGSTOP"),
    resume: () => program.signal("SIGCONT"),
    restart: refuse,
  };
}
