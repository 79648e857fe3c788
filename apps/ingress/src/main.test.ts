import { mkdtemp, rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { startProcess as start } from "./testing/ingress-process.js";
import { sampleBatch, sampleEvent } from "./testing/sample-event.js";

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  await t.test(`says where it listens, serves, and on ${signal} drains and exits with 0`, async (t) => {
    const { child, said, exit, errors } = start(t, { BUFFER_DIR: join(t.testdir({}), "spool") });
    const { port } = await said("listening");
    const response = await fetch(`http://127.0.0.1:${String(port)}/collect`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: sampleBatch(sampleEvent()),
    });
    t.match(await response.json(), { success: true, accepted: 1 });
    child.kill(signal);
    t.same(await exit, [0, null]);
    t.match(await said("draining"), { signal, service: "event-collector", level: "info" });
    t.ok(await said("stopped"));
    t.equal(errors(), "");
  });
}

await t.test("a second signal ends it at once", async (t) => {
  const { child, said, exit } = start(t, {
    BUFFER_DIR: join(t.testdir({}), "spool"),
    SHUTDOWN_DELAY_SECONDS: "300",
  });
  await said("listening");
  child.kill("SIGTERM");
  await said("draining");
  child.kill("SIGTERM");
  t.same(await exit, [1, null]);
});

await t.test("a bad value stops the start with a message that names the variable", async (t) => {
  const { exit, errors } = start(t, { HTTP_PORT: "eighty" });
  t.same(await exit, [2, null]);
  t.match(errors(), /HTTP_PORT must be a whole number/);
  t.notMatch(errors(), /at .*main/, "and no stack");
});

await t.test("a spool that cannot be opened stops the start", async (t) => {
  const directory = t.testdir({ spool: "a file where a directory should be" });
  const { exit, said } = start(t, { BUFFER_DIR: join(directory, "spool") });
  t.same(await exit, [1, null]);
  t.match(await said("start failed"), { level: "fatal" });
});

const TMPFS = 0x01021994;
const memory = await statfs("/dev/shm").catch(() => undefined);
const skipVolatile = memory?.type === TMPFS ? false : "no tmpfs at /dev/shm";

await t.test(
  "a spool in memory stops the start, unless it is accepted",
  { skip: skipVolatile },
  async (t) => {
    const directory = await mkdtemp("/dev/shm/event-collector-");
    t.teardown(() => rm(directory, { recursive: true }));
    const refused = start(t, { BUFFER_DIR: join(directory, "spool"), BUFFER_ALLOW_VOLATILE: "false" });
    t.same(await refused.exit, [2, null]);
    t.match(refused.errors(), /BUFFER_DIR: .*tmpfs.*BUFFER_ALLOW_VOLATILE=true/s);
    const accepted = start(t, { BUFFER_DIR: join(directory, "spool") });
    t.ok(await accepted.said("listening"));
    accepted.child.kill("SIGTERM");
    t.same(await accepted.exit, [0, null]);
  },
);

await t.test("SIGHUP takes up the files of keys at once, and does not end it", async (t) => {
  const directory = t.testdir({ "keys.json": '{"keys": []}' });
  const keys = join(directory, "keys.json");
  const { child, said, exit } = start(t, {
    BUFFER_DIR: join(directory, "spool"),
    API_KEYS_FILE: keys,
    RELOAD_SECONDS: "3600",
  });
  await said("listening");
  await writeFile(keys, "broken");
  child.kill("SIGHUP");
  t.match(await said("not reloaded; what was in force stays in force"), { level: "error" });
  await writeFile(keys, '{"keys": []}');
  child.kill("SIGHUP");
  t.match(await said("reloaded"), { file: "API_KEYS_FILE" });
  child.kill("SIGTERM");
  t.same(await exit, [0, null]);
});

await t.test("a place to crash that the environment names ends it there", async (t) => {
  const { said, exit } = start(t, {
    BUFFER_DIR: join(t.testdir({}), "spool"),
    FAILPOINT: "group.acknowledged:kill@1",
  });
  const { port } = await said("listening");
  await fetch(`http://127.0.0.1:${String(port)}/collect`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: sampleBatch(sampleEvent()),
  }).catch(() => undefined);
  t.same(await exit, [null, "SIGKILL"]);
});
