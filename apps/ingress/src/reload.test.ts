import { pino } from "pino";
import t from "tap";
import type { Test } from "tap";
import { createReloader } from "./reload.js";
import type { Reloader } from "./reload.js";

interface Fixture {
  reloader: Reloader;
  /** The "file": its content, and whether its status changes with it. */
  file: { content: string; version: number };
  loaded: string[];
  log: string[];
  states: [string, boolean][];
}

async function fixture(t: Test, intervalMs = 3_600_000): Promise<Fixture> {
  const file = { content: "first", version: 1 };
  const loaded: string[] = [];
  const log: string[] = [];
  const states: [string, boolean][] = [];
  const disk = {
    status: async () => ({ size: 1, links: 1, modifiedAt: file.version, identity: "1:1" }),
  };
  const logger = pino({ level: "info" }, { write: (line: string) => void log.push(line) });
  const observer = { reloaded: (name: string, isOk: boolean) => void states.push([name, isOk]) };
  const reloader = createReloader(disk, logger, observer, { intervalMs });
  t.teardown(() => reloader.close());
  await reloader.add({
    name: "FILE",
    paths: ["/file"],
    load: async () => {
      if (file.content === "broken") throw new Error("broken");
      loaded.push(file.content);
    },
  });
  return { reloader, file, loaded, log, states };
}

await t.test("a source that cannot be loaded at the start is not taken", async (t) => {
  const { reloader } = await fixture(t);
  const load = (): Promise<void> => Promise.reject(new Error("broken"));
  await t.rejects(reloader.add({ name: "OTHER", paths: [], load }), /broken/);
});

await t.test("a change is noticed by itself, and what did not change is left alone", async (t) => {
  const { file, loaded } = await fixture(t, 1);
  const alive = setInterval(() => undefined, 1000);
  t.teardown(() => clearInterval(alive));
  file.content = "unnoticed";
  await new Promise((resolve) => void setTimeout(resolve, 20));
  t.same(loaded, ["first"], "its status is the same");
  file.content = "second";
  file.version = 2;
  while (loaded.length < 2) await new Promise((resolve) => void setTimeout(resolve, 1));
  t.same(loaded, ["first", "second"]);
});

await t.test("a demand loads whether or not there was a change", async (t) => {
  const { reloader, loaded } = await fixture(t);
  await reloader.reload();
  t.same(loaded, ["first", "first"]);
});

await t.test(
  "a broken file is said, and stays said until it is mended; nothing is put into force",
  async (t) => {
    const { reloader, file, loaded, log, states } = await fixture(t);
    file.content = "broken";
    await reloader.reload();
    t.same(loaded, ["first"]);
    t.match(log.join(""), /"level":50.*not reloaded; what was in force stays in force/);
    t.same(states.at(-1), ["FILE", false]);
    file.content = "mended";
    await reloader.reload();
    t.same(loaded, ["first", "mended"]);
    t.same(states.at(-1), ["FILE", true]);
  },
);
