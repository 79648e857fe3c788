/**
 * An ingress under load to which something is done: the questions that every such test asks.
 *
 * Whatever was done, at the end the ingress stops in order and the books balance.
 */
import { setTimeout as pause } from "node:timers/promises";
import type { Test } from "tap";
import { balanceSpool, faultsOf } from "./books.js";
import { startCollector, type Collector } from "./collector.js";
import { createLedger, type Ledger } from "./ledger.js";
import { startLoad, type Call, type Load, type LoadOptions } from "./load.js";
import { createRandom } from "./random.js";
import { parseSpool, type StoredSegment } from "./segment-parser.js";

export interface RigOptions {
  spool: string;
  environment?: Readonly<Record<string, string>>;
  under?: readonly string[];
}

export interface Rig {
  readonly collector: Collector;
  readonly ledger: Ledger;
  /** Starts senders: three over HTTP and one of each kind of RPC unless said otherwise. */
  load(options?: Partial<LoadOptions>): Load;
  /** Asserts that calls are refused: 503 or its like, with a pause to wait. Resolves with the first. */
  refuses(load: Load): Promise<Call>;
  /** Asserts that calls succeed again. */
  stores(load: Load): Promise<void>;
  /** Asserts that the event loop turns: /health answers while the fault lasts. */
  isAlive(): Promise<void>;
  /** Asserts that /ready comes to say so, or that it comes to say no with a pause to wait. */
  becomesReady(): Promise<void>;
  becomesUnready(): Promise<void>;
  /** The path of the segment that takes the next group, relative to the spool. */
  liveSegment(): Promise<string>;
  /**
   * Stops the ingress in order, and asserts that the books balance over the segments found, or over what `select`
   * makes of them: some may be elsewhere.
   */
  settle(select?: (found: readonly StoredSegment[]) => readonly StoredSegment[]): Promise<void>;
}

/** On a machine that is busy with other things as well. What is waited for comes, or never does. */
const WAIT_MS_MAX = 60_000;
const LOOK_EVERY_MS = 25;

export async function startRig(t: Test, options: RigOptions): Promise<Rig> {
  const collector = await startCollector(t, options);
  const ledger = createLedger();
  const random = createRandom(Date.now());
  const loads: Load[] = [];
  t.teardown(() => Promise.all(loads.map((load) => load.stop())));
  const isReady = async (status: number): Promise<void> => {
    const answer = await eventually(
      () => collector.get("/ready"),
      (found) => found.status === status,
    );
    t.equal(answer.status, status, `/ready is ${status}`);
    if (status !== 200) t.ok(Number(answer.retryAfter) > 0, "and says when to come back");
  };
  const rig: Rig = {
    collector,
    ledger,
    load: (more) => {
      const kinds = { http: 3, rpcSingle: 1, rpcBatch: 1, rpcStream: 1, ...more };
      const load = startLoad(ledger, random, { port: collector.port, name: `load${loads.length}`, ...kinds });
      loads.push(load);
      return load;
    },
    refuses: async (load) => {
      const call = await load.next(({ answer }) => answer.type === "refused");
      assertRefusals(t, [call]);
      return call;
    },
    stores: async (load) => {
      const call = await load.next(({ answer }) => answer.type === "stored");
      t.equal(call.answer.type, "stored", "events are stored again");
    },
    isAlive: async () => {
      const { status } = await collector.get("/health");
      t.equal(status, 200, "/health answers");
    },
    becomesReady: () => isReady(200),
    becomesUnready: () => isReady(503),
    liveSegment: async () => {
      const { text } = await collector.get("/buffer/stats");
      return `segments/${String((JSON.parse(text) as { segment: unknown }).segment)}`;
    },
    settle: async (select = (found) => found) => {
      await Promise.all(loads.map((load) => load.finish()));
      assertRefusals(
        t,
        loads.flatMap(({ calls }) => calls.filter(({ answer }) => answer.type === "refused")),
      );
      t.match(await collector.program.stop(), { code: 0 }, "the ingress stops in order");
      const books = balanceSpool(ledger, select(await parseSpool(options.spool)));
      t.strictSame(faultsOf(books), [], "the books balance");
      t.ok(books.acknowledged > 0, `${books.acknowledged} events acknowledged, ${books.lost.length} lost`);
    },
  };
  return rig;
}

/** Looks until what is found is as it should be, or time is up; returns what was found last. */
export async function eventually<Found>(
  look: () => Promise<Found>,
  matches: (found: Found) => boolean,
): Promise<Found> {
  const deadline = performance.now() + WAIT_MS_MAX;
  let found = await look();
  while (!matches(found) && performance.now() < deadline) {
    await pause(LOOK_EVERY_MS);
    found = await look();
  }
  return found;
}

/** Whoever is refused learns that it is for a while, and for how long. */
function assertRefusals(t: Test, calls: readonly Call[]): void {
  const wrong = calls.filter(({ answer }) => {
    if (answer.type !== "refused") return true;
    const isSetback = answer.status === "503" || answer.status === "Unavailable";
    return !isSetback || !(Number(answer.retryAfterSeconds) > 0);
  });
  t.strictSame(
    wrong.map(({ answer }) => answer),
    [],
    `${calls.length} refusals are 503 and say when to come back`,
  );
}
