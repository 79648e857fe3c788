/** Workers, and the primary, that are killed: what was acknowledged is stored, and somebody serves. */
import { writeFile } from "node:fs/promises";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { decodeRecord } from "@event-collector/contract";
import type { StatusReport } from "@event-collector/operations";
import { spoolLayout } from "@event-collector/spool";
import t from "tap";
import { isAlive, killIfAlive, openLine, startCrew, workersOf } from "../testing/crew-process.js";
import type { Line } from "../testing/crew-process.js";
import { metric } from "../testing/ingress-process.js";
import { until } from "../testing/target.js";

/** The ids of all events on the disk, and whether each segment ends with its seal. */
async function stored(spool: string): Promise<{ ids: Set<string>; areSealed: boolean }> {
  const { segments } = spoolLayout(spool);
  const ids = new Set<string>();
  let areSealed = true;
  for (const name of await readdir(segments)) {
    const lines = (await readFile(join(segments, name), "utf8")).trimEnd().split("\n");
    areSealed &&= lines.at(-1)?.includes('"seal":{') === true;
    for (const line of lines) {
      const mark = line.indexOf(',"d":');
      if (mark < 0 || mark > 40) continue;
      const record = decodeRecord(Buffer.from(line.slice(mark + 5, -1)));
      if (record.kind === "event") ids.add(record.eventId);
    }
  }
  return { ids, areSealed };
}

/** Posts over one connection after the other, until it is told to end. */
async function sendOn(
  open: () => Line,
  name: string,
  isOver: () => boolean,
  acknowledged: Set<string>,
): Promise<number> {
  let losses = 0;
  let line = open();
  for (let sent = 0; !isOver(); sent += 1) {
    const id = `${name}-${sent}`;
    try {
      if ((await line.post(id)).status === 200) acknowledged.add(id);
    } catch {
      losses += 1;
      line.close();
      line = open();
    }
  }
  return losses;
}

await t.test(
  "a worker that is killed under load is replaced, and nothing acknowledged is lost",
  async (t) => {
    const crew = await startCrew(t, 3, { ADMIN_PORT: "0" });
    const admin = `http://127.0.0.1:${String((await crew.said("listening for operators"))["port"])}`;
    const acknowledged = new Set<string>();
    let isOver = false;
    const senders = Array.from({ length: 6 }, (_, index) =>
      sendOn(
        () => openLine(t, crew.port),
        `sender${index}`,
        () => isOver,
        acknowledged,
      ),
    );
    await until(() => acknowledged.size > 200);
    const shown = await metric(admin, "collector_events_accepted_total");
    const victim = workersOf(crew).find(({ worker }) => worker === 2);
    process.kill(victim?.pid ?? 0, "SIGKILL");
    t.match(await crew.said("worker lost; another takes its place"), {
      level: "error",
      worker: 2,
      pid: victim?.pid,
      signal: "SIGKILL",
    });
    const before = acknowledged.size;
    await until(() => acknowledged.size > before + 50);
    t.ok(
      (await metric(admin, "collector_events_accepted_total")) >= shown,
      "what was counted does not shrink",
    );
    await until(() => workersOf(crew).length === 4);
    t.equal(workersOf(crew)[3]?.worker, 2, "it has the place of the one that was lost");
    const after = acknowledged.size;
    await until(() => acknowledged.size > after + 50);
    isOver = true;
    const losses = await Promise.all(senders);
    t.equal(await metric(admin, "collector_workers_lost_total"), 1);
    t.equal(await metric(admin, "collector_workers"), 3);
    const lost = losses.reduce((sum, one) => sum + one, 0);
    t.ok(lost >= 1 && lost <= 3, `connections of the one are lost, and no others: ${lost}`);
    crew.child.kill("SIGTERM");
    t.same(await crew.exit, [0, null]);
    const { ids } = await stored(crew.spool);
    const missing = [...acknowledged].filter((id) => !ids.has(id));
    t.same(missing, [], `all ${acknowledged.size} that were acknowledged are stored`);
  },
);

await t.test("with all workers killed the port stays open, and whoever comes is served later", async (t) => {
  const crew = await startCrew(t, 2);
  for (const { pid } of workersOf(crew)) process.kill(pid, "SIGKILL");
  for (const worker of [1, 2]) await crew.said("worker lost; another takes its place", { worker });
  t.equal((await openLine(t, crew.port).post()).status, 200);
  await until(() => workersOf(crew).length === 4);
  const status = async (): Promise<StatusReport> =>
    (await (await fetch(`${crew.url}/status`)).json()) as StatusReport;
  await until(async () => (await status()).state === "healthy");
  t.equal(crew.child.exitCode, null);
});

await t.test("a primary that is killed leaves nobody behind", async (t) => {
  const crew = await startCrew(t, 2);
  const line = openLine(t, crew.port);
  t.equal((await line.post("one")).status, 200);
  crew.child.kill("SIGKILL");
  await until(() => workersOf(crew).every(({ pid }) => !isAlive(pid)));
  t.equal(crew.log.filter(({ msg }) => msg === "the primary is gone: draining").length, 2);
  const { ids, areSealed } = await stored(crew.spool);
  t.ok(ids.has("one"));
  t.ok(areSealed, "they drained");
  await t.rejects(openLine(t, crew.port).post(), { code: "ECONNREFUSED" });
});

await t.test("one that cannot start is tried again while others serve, and not if none does", async (t) => {
  const directory = t.testdir({ "keys.json": '{"keys": []}' });
  const keys = join(directory, "keys.json");
  const crew = await startCrew(t, 2, {
    BUFFER_DIR: join(directory, "spool"),
    API_KEYS_FILE: keys,
    API_KEY: "master",
    RELOAD_SECONDS: "3600",
  });
  const post = (): Promise<{ status: number }> =>
    openLine(t, crew.port).post(undefined, { "x-api-key": "master" });
  await writeFile(keys, "broken");
  killIfAlive(workersOf(crew)[0]?.pid ?? 0, "SIGKILL");
  t.match(await crew.said("worker cannot start; it is tried again"), { level: "error", worker: 1 });
  t.equal((await post()).status, 200, "the other one serves");
  const response = await fetch(`${crew.url}/status`, { headers: { "x-api-key": "master" } });
  t.match(await response.json(), {
    state: "degraded",
    problems: [{ what: /^1 of 2 workers is being replaced/ }],
  });
  await writeFile(keys, '{"keys": []}');
  await until(() => workersOf(crew).length === 3);
  await writeFile(keys, "broken");
  for (const { pid } of workersOf(crew)) killIfAlive(pid, "SIGKILL");
  t.same(await crew.exit, [2, null], "it ends as it would have ended at the start");
  t.ok(await crew.said("no worker is left"));
});
