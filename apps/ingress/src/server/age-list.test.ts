import t from "tap";
import { AgeList } from "./age-list.js";
import type { Aged } from "./age-list.js";

function itemsOf(list: AgeList<string>): string[] {
  const items: string[] = [];
  for (let aged: Aged<string> | undefined = list.oldest; aged !== undefined; aged = aged.after) {
    items.push(aged.item);
  }
  return items;
}

await t.test("things stand in the order in which they came, and leave from any place", async (t) => {
  const list = new AgeList<string>();
  const [first, second, third] = [list.add("first"), list.add("second"), list.add("third")];
  t.same(itemsOf(list), ["first", "second", "third"]);
  list.remove(second);
  t.same(itemsOf(list), ["first", "third"]);
  list.remove(first);
  list.remove(third);
  t.same(itemsOf(list), []);
  t.equal(list.size, 0);
  list.add("fourth");
  t.same(itemsOf(list), ["fourth"]);
});

await t.test("what is renewed is the youngest, unless it is gone", async (t) => {
  const list = new AgeList<string>();
  const [first, second] = [list.add("first"), list.add("second")];
  list.renew(first);
  t.same(itemsOf(list), ["second", "first"]);
  list.remove(second);
  list.remove(second);
  list.renew(second);
  t.same(itemsOf(list), ["first"]);
  t.equal(list.size, 1);
});

await t.test("it does what a Map does, whatever is asked of it", async (t) => {
  const list = new AgeList<string>();
  const map = new Map<string, Aged<string>>();
  let state = 7;
  const random = (below: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return state % below;
  };
  for (let step = 0; step < 5_000; step += 1) {
    const name = String(random(40));
    const known = map.get(name);
    if (known === undefined) {
      map.set(name, list.add(name));
    } else {
      map.delete(name);
      if (random(2) === 0) {
        list.remove(known);
      } else {
        list.renew(known);
        map.set(name, known);
      }
    }
    if (step % 100 === 0) t.same(itemsOf(list), [...map.keys()]);
  }
  t.equal(list.size, map.size);
});
