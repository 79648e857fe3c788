import t from "tap";
import { ConfigError, readConfig } from "./config.js";

await t.test("with an empty environment the ports and topics are those of the apps", async (t) => {
  const config = readConfig({ KAFKA_BOOTSTRAP_SERVERS: "" });
  t.match(config, { port: 8000, forwarderPort: 8001, topic: "learner.events", bootstrapServers: undefined });
  t.match(config.bufferDirectory, /\/\.data\/spool$/);
});

await t.test("a port that is none stops the start, and is named", async (t) => {
  t.throws(
    () => readConfig({ HTTP_PORT: "eighty" }),
    new ConfigError("HTTP_PORT must be a port from 0 to 65535"),
  );
  t.throws(() => readConfig({ FORWARDER_PORT: "65536" }), { message: /^FORWARDER_PORT/ });
});
