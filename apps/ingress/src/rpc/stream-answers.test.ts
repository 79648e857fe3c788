import { Code, ConnectError } from "@connectrpc/connect";
import type { SourceEvent } from "@event-collector/contract";
import t from "tap";
import type { Receipt } from "../ingest.js";
import type { ServiceRefusal } from "../refusal.js";
import { UNCOUNTED } from "../server/body-budget.js";
import { answerStream } from "./stream-answers.js";
import type { StreamAnswer, StreamParts } from "./stream-answers.js";

/** Stores when it is told to. */
interface Store {
  readonly parts: StreamParts;
  /** What each group began with, in order. */
  readonly begun: string[];
  /** Ends the storing of the group that began `index`th. */
  settle(index: number, error?: unknown): void;
}

function createStore(changes: Partial<StreamParts> = {}): Store {
  const begun: string[] = [];
  const settlers: ((error: unknown) => void)[] = [];
  const store = (events: readonly SourceEvent[]): Promise<Receipt> =>
    new Promise((resolve, reject) => {
      begun.push(String(events[0]?.value));
      settlers.push((error) => {
        if (error !== undefined) return reject(error as Error);
        const batchId = String(events[0]?.value);
        resolve({ batchId, receivedAt: "", accepted: events.length, rejected: 0, outcomes: [] });
      });
    });
  const permit = (): Promise<ServiceRefusal | undefined> => Promise.resolve(undefined);
  const parts = { store, permit, hold: UNCOUNTED, leaving: new AbortController().signal, ...changes };
  return { parts, begun, settle: (index, error) => settlers[index]?.(error) };
}

async function* numbers(
  count: number,
  then: () => Promise<unknown> = () => Promise.resolve(),
): AsyncGenerator<number> {
  for (let number = 0; number < count; number += 1) yield number;
  await then();
}

const LIMITS = { sizeMax: 2, lingerMs: 60_000 };
const never = (): Promise<unknown> => new Promise(() => undefined);

function answers(store: Store, events: AsyncIterable<number>, bytes = 1): AsyncGenerator<StreamAnswer> {
  const sourceOf = (value: number): SourceEvent => ({ value, bytes: new Uint8Array(bytes) });
  return answerStream(events, sourceOf, store.parts, LIMITS);
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => void setImmediate(resolve));
}

async function collect(stream: AsyncGenerator<StreamAnswer>): Promise<{ ids: string[]; error: unknown }> {
  const ids: string[] = [];
  try {
    for await (const { receipt, firstIndex } of stream) ids.push(`${receipt.batchId}@${firstIndex}`);
    return { ids, error: undefined };
  } catch (error) {
    return { ids, error };
  }
}

await t.test("groups are stored side by side and answered in order", async (t) => {
  const store = createStore();
  const collected = collect(answers(store, numbers(6)));
  await until(() => store.begun.length === 3);
  t.same(store.begun, ["0", "2", "4"], "none waits for the one before it");
  for (const index of [2, 0, 1]) store.settle(index);
  t.same(await collected, { ids: ["0@0", "2@2", "4@4"], error: undefined });
});

await t.test("a slow sender is answered while the stream is open", async (t) => {
  const store = createStore();
  const stream = answers(store, numbers(2, never));
  const first = stream.next();
  await until(() => store.begun.length === 1);
  store.settle(0);
  t.match(await first, { done: false, value: { firstIndex: 0n, receipt: { batchId: "0" } } });
  void stream.return(undefined);
});

await t.test("a group that fails ends the stream behind the answers before it", async (t) => {
  const store = createStore();
  const collected = collect(answers(store, numbers(6)));
  await until(() => store.begun.length === 3);
  store.settle(2);
  store.settle(1, new ConnectError("full", Code.Unavailable));
  store.settle(0);
  t.match(await collected, { ids: ["0@0"], error: { code: Code.Unavailable } });
});

await t.test("behind a refusal nothing is stored", async (t) => {
  let asked = 0;
  const refusal = { code: "unauthenticated", message: "the key is gone" } as const;
  const store = createStore({ permit: () => Promise.resolve((asked += 1) === 2 ? refusal : undefined) });
  const collected = collect(answers(store, numbers(8)));
  await until(() => store.begun.length === 1 && asked === 2);
  store.settle(0);
  t.match(await collected, { ids: ["0@0"], error: { code: Code.Unauthenticated } });
  t.same(store.begun, ["0"]);
  t.equal(asked, 2);
});

await t.test("a failure of the sender comes behind the answers to what it had sent", async (t) => {
  const store = createStore();
  const collected = collect(
    answers(
      store,
      numbers(3, () => Promise.reject(new Error("cut"))),
    ),
  );
  await until(() => store.begun.length === 2);
  store.settle(1);
  store.settle(0);
  t.match(await collected, { ids: ["0@0", "2@2"], error: { message: "cut" } });
});

await t.test("what is under way is bounded, by groups and by bytes", async (t) => {
  for (const [bytes, groups] of [
    [1, 32],
    [256 * 1024, 2],
  ] as const) {
    const store = createStore();
    let read = 0;
    async function* events(): AsyncGenerator<number> {
      for (;;) yield read++;
    }
    const collected = collect(answers(store, events(), bytes));
    await until(() => store.begun.length === groups);
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => void setImmediate(resolve));
    t.equal(store.begun.length, groups);
    t.ok(read <= 2 * groups + 1, `${read} were read`);
    store.settle(0, new Error("end"));
    t.match(await collected, { error: { message: "end" } });
  }
});

await t.test("what is held is what is not stored yet", async (t) => {
  let held = 0;
  const hold = {
    add: (bytes: number) => void (held += bytes),
    arrived: () => undefined,
    release: () => void (held = 0),
  };
  const store = createStore({ hold });
  const stream = answers(store, numbers(6, never), 10);
  const first = stream.next();
  await until(() => store.begun.length === 3);
  store.settle(0);
  await first;
  t.equal(held, 40);
  void stream.return(undefined);
});
