import { digestOf } from "@event-collector/keys";
import t from "tap";
import { call } from "./testing/call.js";

await t.test("the key is shown to eyes alone, and its entry goes to the file", async (t) => {
  const { code, stdout, stderr } = await call([
    "keys",
    "new",
    "--name",
    "web",
    "--publishable",
    "--origin",
    "https://a.example",
  ]);
  t.equal(code, 0);
  const [secret = ""] = /ecp_[\w-]{43}/.exec(stderr) ?? [];
  t.notMatch(stdout, /ecp_/);
  t.same(JSON.parse(stdout), {
    name: "web",
    sha256: digestOf(secret).toString("hex"),
    scopes: ["collect"],
    origins: ["https://a.example"],
    publishable: true,
  });
});

await t.test("what the service would refuse is not made", async (t) => {
  for (const parameters of [
    [],
    ["--name", "a b"],
    ["--name", "a", "--scope", "admin"],
    ["--name", "a", "--publishable", "--scope", "stats"],
    ["--name", "a", "--expires", "tomorrow"],
    ["--name", "a", "--colour", "red"],
  ]) {
    const { code, stdout, stderr } = await call(["keys", "new", ...parameters]);
    t.equal(code, 2, parameters.join(" "));
    t.equal(stdout, "");
    t.match(stderr, /--name <name>/, "and the usage is shown");
  }
});
