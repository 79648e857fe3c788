/**
 * A broker for trying things out, in a process of its own: librdkafka's mock cluster, which any Kafka client can reach.
 * Run as `node embedded-broker.js [topic …]`; prints `{"msg":"listening","bootstrapServers":"127.0.0.1:…"}` when it
 * answers, and ends on SIGTERM.
 *
 * What it is not: its content lives in memory (about 5 MB for each partition, the oldest go first) and ends with it,
 * its port is another one each time, and it knows neither access rights nor fencing.
 */
import rdkafka from "node-rdkafka";

const requestTimeoutMs = 10_000;

await main(process.argv.slice(2));

async function main(topics: readonly string[]): Promise<void> {
  // The mock cluster sets `bootstrap.servers` itself; a value must be there all the same.
  const properties = { "test.mock.num.brokers": 1, "bootstrap.servers": "mock", log_level: 0 };
  const cluster = new rdkafka.Producer(properties);
  const metadata = await metadataOf((done) => cluster.connect({ timeout: requestTimeoutMs }, done));
  for (const topic of topics) {
    // The mock cluster makes a topic when it is first asked about it.
    await metadataOf((done) => cluster.getMetadata({ topic, timeout: requestTimeoutMs }, done));
  }
  const bootstrapServers = metadata.brokers.map((broker) => `${broker.host}:${broker.port}`).join(",");
  process.stdout.write(`${JSON.stringify({ level: 30, msg: "listening", bootstrapServers })}\n`);
  const end = (): void => process.exit(0);
  process.once("SIGTERM", end);
  process.once("SIGINT", end);
}

function metadataOf(
  call: (done: (error: rdkafka.LibrdKafkaError | null, metadata: rdkafka.Metadata) => void) => unknown,
): Promise<rdkafka.Metadata> {
  return new Promise((resolve, reject) => {
    call((error, metadata) => {
      if (error === null) resolve(metadata);
      else reject(new Error(`the embedded broker did not start: ${error.message}`));
    });
  });
}
