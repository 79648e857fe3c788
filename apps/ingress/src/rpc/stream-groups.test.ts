import t from "tap";
import { groupEvents } from "./stream-groups.js";

const never = new AbortController().signal;

/** A source that gives what a test pushes, when it pushes it. */
function createSource<Item>(): {
  source: AsyncIterable<Item>;
  push: (item: Item) => void;
  end: () => void;
  fail: (error: Error) => void;
  reads: () => number;
} {
  const queue: Item[] = [];
  let reads = 0;
  let ended = false;
  let failure: Error | undefined;
  let wake: () => void = () => undefined;
  async function* generate(): AsyncGenerator<Item> {
    for (;;) {
      const item = queue.shift();
      if (item !== undefined) {
        reads += 1;
        yield item;
      } else if (failure !== undefined) {
        throw failure;
      } else if (ended) {
        return;
      } else {
        await new Promise<void>((resolve) => void (wake = resolve));
      }
    }
  }
  return {
    source: generate(),
    push: (item) => {
      queue.push(item);
      wake();
    },
    end: () => {
      ended = true;
      wake();
    },
    fail: (error) => {
      failure = error;
      wake();
    },
    reads: () => reads,
  };
}

async function collect<Item>(groups: AsyncIterable<Item[]>): Promise<Item[][]> {
  const all: Item[][] = [];
  for await (const group of groups) all.push(group);
  return all;
}

await t.test("a group is complete at its size, and the last one when the stream ends", async (t) => {
  async function* numbers(): AsyncGenerator<number> {
    for (let number = 0; number < 7; number += 1) yield number;
  }
  const groups = await collect(groupEvents(numbers(), { sizeMax: 3, lingerMs: 60_000 }, never));
  t.same(groups, [[0, 1, 2], [3, 4, 5], [6]]);
});

await t.test("an empty stream gives no group", async (t) => {
  const { source, end } = createSource<number>();
  end();
  t.same(await collect(groupEvents(source, { sizeMax: 3, lingerMs: 60_000 }, never)), []);
});

await t.test("a slow sender is answered after the linger", async (t) => {
  const { source, push, end } = createSource<number>();
  const groups = groupEvents(source, { sizeMax: 3, lingerMs: 5 }, never);
  push(1);
  t.same((await groups.next()).value, [1]);
  push(2);
  t.same((await groups.next()).value, [2]);
  end();
  t.equal((await groups.next()).done, true);
});

await t.test("at most one item is read ahead of a slow consumer", async (t) => {
  const { source, push, reads } = createSource<number>();
  const groups = groupEvents(source, { sizeMax: 2, lingerMs: 60_000 }, never);
  for (let number = 0; number < 10; number += 1) push(number);
  t.same((await groups.next()).value, [0, 1]);
  await new Promise((resolve) => void setImmediate(resolve));
  t.equal(reads(), 3);
  await groups.return(undefined);
});

await t.test("what was read before a failure is handed out before it", async (t) => {
  const { source, push, fail } = createSource<number>();
  const groups = groupEvents(source, { sizeMax: 3, lingerMs: 60_000 }, never);
  push(1);
  fail(new Error("cut"));
  t.same((await groups.next()).value, [1]);
  await t.rejects(groups.next(), { message: "cut" });
});

await t.test("asked to end, it hands out what was read and stops, though the sender goes on", async (t) => {
  const { source, push } = createSource<number>();
  const end = new AbortController();
  const groups = groupEvents(source, { sizeMax: 3, lingerMs: 60_000 }, end.signal);
  push(1);
  const first = groups.next();
  await new Promise((resolve) => void setImmediate(resolve));
  end.abort();
  t.same((await first).value, [1]);
  t.equal((await groups.next()).done, true);
});

await t.test("asked to end while nothing comes, it stops at once", async (t) => {
  const { source } = createSource<number>();
  const end = new AbortController();
  const groups = groupEvents(source, { sizeMax: 3, lingerMs: 60_000 }, end.signal);
  const first = groups.next();
  end.abort();
  t.equal((await first).done, true);
});
