/**
 * Loads the Kafka client and asks it what it can: `node native.js <feature>…`. An image in which a shared library or a
 * feature is missing fails to build, and not at its first message.
 */
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";

const forwarder = fileURLToPath(new URL("../apps/forwarder/package.json", import.meta.url));
const { features, librdkafkaVersion } = createRequire(forwarder)("node-rdkafka");
const missing = process.argv.slice(2).filter((feature) => !features.includes(feature));
if (missing.length > 0) throw new Error(`librdkafka was built without ${missing.join(", ")}`);
process.stdout.write(`librdkafka ${librdkafkaVersion} loads: ${features.join(", ")}\n`);
