/** What the primary is told, and what its workers do: signals, to it alone or to the whole group. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import t from "tap";
import { isAlive, openLine, startCrew, workersOf } from "../testing/crew-process.js";
import { until } from "../testing/target.js";

await t.test("SIGHUP reaches all workers", async (t) => {
  const directory = t.testdir({ "keys.json": '{"keys": []}' });
  const keys = join(directory, "keys.json");
  const crew = await startCrew(t, 2, {
    BUFFER_DIR: join(directory, "spool"),
    API_KEYS_FILE: keys,
    RELOAD_SECONDS: "3600",
  });
  await writeFile(keys, "broken");
  crew.child.kill("SIGHUP");
  for (const worker of [1, 2]) {
    const line = await crew.said("not reloaded; what was in force stays in force", { worker });
    t.match(line, { level: "error", worker });
  }
  await writeFile(keys, '{"keys": []}');
  crew.child.kill("SIGHUP");
  for (const worker of [1, 2]) t.match(await crew.said("reloaded", { worker }), { file: "API_KEYS_FILE" });
});

await t.test("a signal to the whole group ends it once, and in order", async (t) => {
  const crew = await startCrew(t, 2, { SHUTDOWN_DELAY_SECONDS: "2" });
  const [first, second] = [openLine(t, crew.port), openLine(t, crew.port)];
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    for (const { pid } of workersOf(crew)) process.kill(pid, signal);
  }
  for (const line of [first, second])
    t.equal((await line.post()).status, 200, "workers do as the primary says");
  crew.child.kill("SIGINT");
  for (const { pid } of workersOf(crew)) process.kill(pid, "SIGINT");
  await crew.said("draining");
  // They are told a moment after it is said.
  for (const line of [first, second]) await until(async () => (await line.get("/ready")).status === 503);
  t.equal((await first.post()).status, 200, "not ready, and still serving");
  t.equal((await openLine(t, crew.port).post()).status, 200, "and taking new connections");
  t.same(await crew.exit, [0, null]);
  t.equal(crew.log.filter(({ msg }) => msg === "draining").length, 1);
  t.equal(crew.log.filter(({ msg }) => msg === "worker lost; another takes its place").length, 0);
  t.equal(crew.errors(), "");
});

await t.test("a second signal ends all of them at once", async (t) => {
  const crew = await startCrew(t, 2, { SHUTDOWN_DELAY_SECONDS: "300" });
  crew.child.kill("SIGTERM");
  await crew.said("draining");
  crew.child.kill("SIGTERM");
  t.same(await crew.exit, [1, null]);
  await until(() => workersOf(crew).every(({ pid }) => !isAlive(pid)));
});

await t.test("a worker that does not end in order is said", async (t) => {
  const crew = await startCrew(t, 2, { SHUTDOWN_DELAY_SECONDS: "1" });
  crew.child.kill("SIGTERM");
  await crew.said("draining");
  process.kill(workersOf(crew)[1]?.pid ?? 0, "SIGKILL");
  t.same(await crew.exit, [1, null]);
  t.match(await crew.said("drain failed"), { level: "fatal" });
});
