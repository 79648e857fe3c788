import t from "tap";
import { createIdSeries, makeId } from "./ids.js";

const VERSION_7 = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

await t.test("ids are UUIDs of version 7, each another, and of now", async (t) => {
  const before = Date.now();
  const ids = Array.from({ length: 10_000 }, makeId);
  const after = Date.now();
  t.equal(new Set(ids).size, ids.length);
  for (const id of ids) {
    if (!VERSION_7.test(id)) t.fail(id);
    const at = Number.parseInt(id.replace("-", "").slice(0, 12), 16);
    if (at < before || at > after) t.fail(`${id} is of ${at}`);
  }
});

await t.test("all that is neither time, version nor variant is random", async (t) => {
  const seen = Array.from({ length: 36 }, () => new Set<string>());
  for (let count = 0; count < 4_000; count += 1) {
    for (const [place, digit] of Array.from(makeId()).entries()) seen[place]?.add(digit);
  }
  const sizes = seen.map((digits) => digits.size);
  t.same(sizes.slice(13), [1, 1, 16, 16, 16, 1, 4, 16, 16, 16, 1, ...Array<number>(12).fill(16)]);
});

await t.test("no two ids share the bits that another place has used", async (t) => {
  // If one random digit were written to two places, those would always be equal.
  const ids = Array.from({ length: 500 }, makeId);
  const places = [15, 16, 17, 20, 21, 22, ...Array.from({ length: 12 }, (_, index) => 24 + index)];
  for (const one of places) {
    for (const other of places) {
      if (one < other && ids.every((id) => id[one] === id[other])) t.fail(`${one} and ${other}`);
    }
  }
});

await t.test(
  "the ids of a series are UUIDs of version 7 that count on, and no other series has them",
  async (t) => {
    const ids = new Set<string>();
    for (let count = 0; count < 200; count += 1) {
      const series = createIdSeries();
      let last = -1;
      for (let length = 0; length < 100; length += 1) {
        const number = series.next();
        t.ok(number > last && number < 2 ** 32);
        last = number;
        const id = series.prefix + number.toString(16).padStart(8, "0");
        if (!VERSION_7.test(id)) t.fail(id);
        ids.add(id);
      }
    }
    t.equal(ids.size, 20_000);
  },
);
