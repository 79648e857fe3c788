import t from "tap";
import { makeId } from "./ids.js";

await t.test("ids are UUIDs of version 7, each another, and of now", async (t) => {
  const before = Date.now();
  const ids = Array.from({ length: 10_000 }, makeId);
  const after = Date.now();
  t.equal(new Set(ids).size, ids.length);
  for (const id of ids) {
    if (!/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(id)) t.fail(id);
    const at = Number.parseInt(id.replace("-", "").slice(0, 12), 16);
    if (at < before || at > after) t.fail(`${id} is of ${at}`);
  }
});
