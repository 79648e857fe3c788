import t from "tap";
import { readConfig } from "./config.js";
import { renderWelcome, urlOf } from "./welcome.js";

const whereabouts = {
  ingress: "http://localhost:8000",
  forwarder: "http://localhost:8001",
  bootstrapServers: "127.0.0.1:9092",
};

await t.test("an address that listens everywhere is reached as localhost, any other as itself", async (t) => {
  t.equal(urlOf("0.0.0.0", 8000), "http://localhost:8000");
  t.equal(urlOf("::", 8000), "http://localhost:8000");
  t.equal(urlOf("127.0.0.1", 8000), "http://127.0.0.1:8000");
  t.equal(urlOf("::1", 8000), "http://[::1]:8000");
});

await t.test("the welcome never shows the key", async (t) => {
  const welcome = renderWelcome(readConfig({ API_KEY: "secret" }), whereabouts).join("\n");
  t.notMatch(welcome, "secret");
  t.match(welcome, 'Authorization: Bearer $API_KEY"');
});

await t.test("an embedded broker is said to forget, a named one is not", async (t) => {
  t.match(renderWelcome(readConfig({}), whereabouts).join("\n"), "it forgets all");
  const named = readConfig({ KAFKA_BOOTSTRAP_SERVERS: "127.0.0.1:9092" });
  t.notMatch(renderWelcome(named, whereabouts).join("\n"), "it forgets all");
});
