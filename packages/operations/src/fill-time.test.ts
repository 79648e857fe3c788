import t from "tap";
import { createFillTime } from "./fill-time.js";

const MINUTE = 60_000;

await t.test("the room ends when growth has used it", (t) => {
  const fill = createFillTime();
  fill.note({ at: 0, bytes: 100, room: 900 });
  t.equal(fill.seconds(), null, "one look tells no growth");
  fill.note({ at: MINUTE, bytes: 160, room: 840 });
  t.equal(fill.seconds(), 840);
  t.end();
});

await t.test("what does not grow fills nothing, and what is full is full now", (t) => {
  const fill = createFillTime();
  fill.note({ at: 0, bytes: 100, room: 900 });
  fill.note({ at: MINUTE, bytes: 100, room: 900 });
  t.equal(fill.seconds(), null);
  fill.note({ at: 2 * MINUTE, bytes: 1_000, room: 0 });
  t.equal(fill.seconds(), 0);
  t.end();
});

await t.test("growth long ago does not count", (t) => {
  const fill = createFillTime();
  fill.note({ at: 0, bytes: 0, room: 900 });
  for (let minute = 1; minute <= 10; minute++) fill.note({ at: minute * MINUTE, bytes: 500, room: 400 });
  t.equal(fill.seconds(), null);
  t.end();
});
