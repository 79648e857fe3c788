import t from "tap";
import type { CursorFile, Instance, Position, Positions } from "@event-collector/spool";
import { createCursorKeeper } from "./cursor-file.js";
import { INSTANCE, position } from "./testing/spool-lines.js";
import { until } from "./testing/workbench.js";

interface FakeFile extends CursorFile {
  readonly written: Positions[];
  fail: boolean;
  mostAtOnce: number;
}

function createFile(): FakeFile {
  let atOnce = 0;
  const file: FakeFile = {
    written: [],
    fail: false,
    mostAtOnce: 0,
    read: () => Promise.resolve({ state: "absent" }),
    write: async (positions) => {
      atOnce += 1;
      file.mostAtOnce = Math.max(file.mostAtOnce, atOnce);
      await new Promise((resolve) => setTimeout(resolve, 5));
      atOnce -= 1;
      if (file.fail) throw new Error("the disk is full");
      file.written.push(new Map(positions));
    },
  };
  return file;
}

await t.test("the last position is written, and writes never overlap", async (t) => {
  const file = createFile();
  let current: ReadonlyMap<Instance, Position> = new Map();
  const keeper = createCursorKeeper(file, {
    positions: () => current,
    lagMs: 0,
    onFailure: (error) => t.error(error),
  });
  for (let sequence = 1; sequence <= 20; sequence += 1) {
    current = new Map([[INSTANCE, position(sequence)]]);
    keeper.moved();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await until(() => file.written.at(-1)?.get(INSTANCE)?.sequence === 20);
  t.equal(file.mostAtOnce, 1);
  t.ok(file.written.length < 20, "several moves share a write");
  await keeper.close();
});

await t.test("closing writes what is not written yet", async (t) => {
  const file = createFile();
  const keeper = createCursorKeeper(file, {
    positions: () => new Map([[INSTANCE, position(7)]]),
    lagMs: 3_600_000,
    onFailure: (error) => t.error(error),
  });
  keeper.moved();
  await keeper.close();
  t.equal(file.written.at(-1)?.get(INSTANCE)?.sequence, 7);
});

await t.test("a full disk is told, and the write is tried again", async (t) => {
  const file = createFile();
  file.fail = true;
  let failures = 0;
  const keeper = createCursorKeeper(file, {
    positions: () => new Map([[INSTANCE, position(1)]]),
    lagMs: 1,
    onFailure: () => {
      failures += 1;
      if (failures === 3) file.fail = false;
    },
  });
  keeper.moved();
  await until(() => file.written.length > 0);
  t.equal(failures, 3);
  await keeper.close();
});
