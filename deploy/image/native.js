/**
 * Loads the Kafka client, asks it what it can, and has it load the forwarder's own native part: `node native.js
 * <feature>…`. An image in which a library or a feature is missing fails to build, and not at its first message.
 */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const forwarder = fileURLToPath(new URL("../apps/forwarder/package.json", import.meta.url));
const { features, librdkafkaVersion, Producer } = createRequire(forwarder)("node-rdkafka");
const missing = process.argv.slice(2).filter((feature) => !features.includes(feature));
if (missing.length > 0) throw new Error(`librdkafka was built without ${missing.join(", ")}`);
const { openMessageLane, whyNoMessageLane } = await import("../apps/forwarder/dist/message-lane.js");
const lane = openMessageLane();
if (lane === undefined) throw new Error(`the forwarder has no message lanes: ${whyNoMessageLane()}`);
// Never connected: the constructor has librdkafka load its plugins.
void new Producer({ ...lane.properties }, {});
process.stdout.write(`librdkafka ${librdkafkaVersion} loads: ${features.join(", ")}\n`);
