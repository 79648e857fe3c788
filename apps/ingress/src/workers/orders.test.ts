/** What the primary is told, and what its workers do: signals, to it alone or to the whole group. */
import { writeFile } from "node:fs/promises";
import { connect } from "node:net";
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
  const crew = await startCrew(t, 2);
  const lines = [openLine(t, crew.port), openLine(t, crew.port)];
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    for (const { pid } of workersOf(crew)) process.kill(pid, signal);
  }
  for (const line of lines) t.equal((await line.post()).status, 200, "workers do as the primary says");
  for (const { pid } of workersOf(crew)) process.kill(pid, "SIGINT");
  crew.child.kill("SIGINT");
  t.same(await crew.exit, [0, null]);
  t.equal(crew.log.filter(({ msg }) => msg === "draining").length, 1);
  t.equal(crew.log.filter(({ msg }) => msg === "worker lost; another takes its place").length, 0);
  t.equal(crew.errors(), "");
});

await t.test("all are not ready first, and serve; a second signal ends all of them at once", async (t) => {
  const crew = await startCrew(t, 2, { SHUTDOWN_DELAY_SECONDS: "300" });
  const lines = [openLine(t, crew.port), openLine(t, crew.port)];
  for (const line of lines) t.equal((await line.get("/ready")).status, 200);
  crew.child.kill("SIGTERM");
  await crew.said("draining");
  // They are told a moment after it is said.
  for (const line of lines) await until(async () => (await line.get("/ready")).status === 503);
  for (const line of lines) t.equal((await line.post()).status, 200, "open connections are served");
  t.equal((await openLine(t, crew.port).post()).status, 200, "and new ones");
  crew.child.kill("SIGTERM");
  t.same(await crew.exit, [1, null]);
  await until(() => workersOf(crew).every(({ pid }) => !isAlive(pid)));
});

await t.test("a worker that does not end in order is said", async (t) => {
  const crew = await startCrew(t, 2, { SHUTDOWN_TIMEOUT_SECONDS: "120" });
  // Each worker has something to wait for.
  const sockets = [1, 2].map(() => {
    const socket = connect(crew.port, "127.0.0.1");
    socket.on("error", () => undefined);
    socket.write(
      "POST /collect HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{",
    );
    return socket;
  });
  const admin = openLine(t, crew.port);
  await until(async () => /^collector_requests_in_flight 3$/m.test((await admin.get("/metrics")).body));
  crew.child.kill("SIGTERM");
  await crew.said("draining");
  process.kill(workersOf(crew)[1]?.pid ?? 0, "SIGKILL");
  for (const socket of sockets) socket.destroy();
  t.same(await crew.exit, [1, null]);
  t.match(await crew.said("drain failed"), { level: "fatal" });
});
