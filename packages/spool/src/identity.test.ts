import t from "tap";
import { readSpoolIdentity } from "./identity.js";
import { createRandom } from "./testing/random.js";
import { createSmallSpool, quiet } from "./testing/small-spool.js";

await t.test("a spool gets an id once, and keeps it", async (t) => {
  const { disk, layout } = createSmallSpool();
  const id = await readSpoolIdentity(disk, layout);
  t.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  t.equal(await readSpoolIdentity(disk, layout), id);
  t.strictSame(JSON.parse(disk.contents(layout.identity).toString()), { format: 1, id });
  t.strictSame(disk.files(layout.directory), [layout.identity], "and nothing is left beside it");
});

await t.test("whoever asks at once gets the same id", async (t) => {
  const { disk, layout } = createSmallSpool();
  const ids = await Promise.all(Array.from({ length: 8 }, () => readSpoolIdentity(disk, layout)));
  t.equal(new Set(ids).size, 1);
  t.strictSame(disk.files(layout.directory), [layout.identity]);
});

await t.test("whoever asks while another makes it gets the id that stays", async (t) => {
  for (let calls = 0; calls < 30; calls++) {
    const { disk, layout } = createSmallSpool();
    let other: Promise<string> | undefined;
    disk.interruptAfter(calls, () => {
      other = readSpoolIdentity(disk, layout);
    });
    const id = await readSpoolIdentity(disk, layout);
    if (other !== undefined) t.equal(await other, id);
  }
});

await t.test("no power cut takes back an id that somebody was given", async (t) => {
  for (let calls = 0; calls < 30; calls++) {
    for (let seed = 0; seed < 20; seed++) {
      const { disk, layout } = createSmallSpool();
      const given: string[] = [];
      const ask = (): void =>
        void readSpoolIdentity(disk.startProcess(), layout).then((id) => given.push(id));
      disk.interruptAfter(calls, () => disk.crash(createRandom(seed)));
      // Two processes: the second finds what the first has not made durable yet.
      ask();
      ask();
      await quiet();
      disk.crash(createRandom(seed + 1));
      const kept = await readSpoolIdentity(disk, layout);
      if (given.some((id) => id !== kept)) t.fail(`cut at call ${calls}, seed ${seed}`);
    }
  }
  t.pass();
});

await t.test("a file that holds no id stops the start and says what to do", async (t) => {
  for (const text of ["", "{", "{}", '{"id":"x"}', '{"id":1}', "null", "\0\0\0\0"]) {
    const { disk, layout } = createSmallSpool();
    await readSpoolIdentity(disk, layout);
    disk.corrupt(layout.identity, () => Buffer.from(text));
    await t.rejects(readSpoolIdentity(disk, layout), {
      code: "directory_unusable",
      message: /Restore it, or delete it/,
    });
    t.equal(disk.contents(layout.identity).toString(), text, "and it is left as it is");
  }
});

await t.test("a disk that fails is an error with a code, and leaves nothing half made", async (t) => {
  for (const operation of [
    "makeDirectory",
    "open",
    "create",
    "write",
    "sync",
    "link",
    "syncDirectory",
  ] as const) {
    const { disk, layout } = createSmallSpool();
    disk.inject({ operation, failure: "EIO" });
    await t.rejects(
      readSpoolIdentity(disk, layout),
      { name: "SpoolError", code: /directory_unusable|state_unwritable/, message: /EIO/ },
      operation,
    );
    const id = await readSpoolIdentity(disk, layout);
    t.strictSame(disk.files(layout.directory), [layout.identity], operation);
    t.equal(await readSpoolIdentity(disk, layout), id);
  }
});
