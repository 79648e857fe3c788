/**
 * A whole system in one place: two ingress processes that write, a forwarder that reads, delivers, commits and prunes,
 * the disk under them, and a power switch. Everything on it happens in microtasks, so that the same actions give the
 * same story.
 *
 * **Invariant:** a process that was killed does nothing more; whoever needs one starts another.
 */
import { strict as assert } from "node:assert";
import { openCursorFile } from "../cursor.js";
import type { CursorFile } from "../cursor.js";
import type { Disk } from "../disk.js";
import { SpoolError } from "../errors.js";
import { readSpoolIdentity } from "../identity.js";
import type { Positions } from "../position.js";
import { prune } from "../prune.js";
import { openReader } from "../reader.js";
import type { SpoolReader } from "../reader.js";
import type { SpoolItem } from "../spool-piece.js";
import { openUntimedWriter } from "../writer.js";
import type { UntimedWriter } from "../writer.js";
import { Books, namesIn, payloadOf } from "./books.js";
import type { ProcessDisk } from "./fault-disk.js";
import { createSmallSpool, SMALL_PRUNE, SMALL_READER, SMALL_WRITER } from "./small-spool.js";
import type { SmallSpool } from "./small-spool.js";

export interface WorldOptions {
  /** Where positions are kept: with the lines, in one transaction of the broker, or in the cursor file afterwards. */
  delivery: "transaction" | "cursor-file";
  /** What the processes get for a disk; for controls. */
  wrap?: (disk: Disk) => Disk;
  /** Commits before it delivers; for a control. */
  hasty?: boolean;
}

/** How often what happened. A model that never gets to the rare places proves nothing. */
export interface Visits {
  acknowledged: number;
  refused: number;
  delivered: number;
  duplicates: number;
  damage: number;
  pruned: number;
  gone: number;
  cuts: number;
  kills: number;
}

interface Ingress {
  disk: ProcessDisk;
  /** Of all that ever ran: names its lines. */
  number: number;
  writer: UntimedWriter;
  lines: number;
}

interface Forwarder {
  disk: ProcessDisk;
  reader: SpoolReader;
  cursor: CursorFile;
  /** Confirmed positions. */
  positions: Map<string, { segment: string; offset: number; sequence: number }>;
  /** Something is under way, perhaps for ever. */
  busy: boolean;
}

const WRITER = { ...SMALL_WRITER, segmentBytesMax: 512, spoolBytesMax: 64 * 1024 };

export class World {
  readonly spool: SmallSpool = createSmallSpool();
  readonly books: Books = new Books();
  readonly visits: Visits = {
    acknowledged: 0,
    refused: 0,
    delivered: 0,
    duplicates: 0,
    damage: 0,
    pruned: 0,
    gone: 0,
    cuts: 0,
    kills: 0,
  };
  readonly #options: WorldOptions;
  readonly #ingresses: (Ingress | undefined)[] = [undefined, undefined];
  #forwarder: Forwarder | undefined;
  #started: ProcessDisk[] = [];
  #ingressCount = 0;
  #identity: string | undefined;
  /** What the broker holds, in transaction mode. */
  #brokerPositions: Positions = new Map();
  #failure: unknown;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.recover();
  }

  /** The disk works, and has room. So little that no reserve is taken, which would cost most of the time. */
  recover(): void {
    this.spool.disk.release();
    this.spool.disk.setCapacity(4 * 1024 * 1024);
  }

  /** Lets everything go on until it waits for time, for a release, or for ever; then all must hold. */
  async settle(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve));
    if (this.#failure !== undefined) throw this.#failure;
    this.books.assertNothingLost(new Set(this.#contents().flatMap(({ names }) => names)));
  }

  /** One ingress gets so many requests at once, each with so many lines. */
  append(which: number, requests: number, linesEach: number, padding: number): void {
    this.#do(async () => {
      const ingress = this.#ingresses[which] ?? (await this.#startIngress(which));
      if (ingress === undefined) return;
      for (let request = 0; request < requests; request++) this.#request(ingress, linesEach, padding);
    });
  }

  check(which: number): void {
    this.#do(() => this.#ingresses[which]?.writer.check());
  }

  close(which: number): void {
    const ingress = this.#ingresses[which];
    this.#ingresses[which] = undefined;
    this.#do(() => ingress?.writer.close());
  }

  /** The forwarder reads a window, delivers it and commits, or aborts and goes back. */
  forward(linesMax: number, aborts: boolean): void {
    this.#asForwarder(async (forwarder) => {
      const items = await forwarder.reader.read({ linesMax, bytesMax: 4096 });
      if (aborts) await forwarder.reader.seek(forwarder.positions);
      else await this.#deliver(forwarder, items);
    });
  }

  prune(): void {
    this.#asForwarder(async (forwarder) => {
      const before = new Map(this.#contents().map(({ segment, names }) => [segment, names]));
      const { clock, layout } = this.spool;
      const disk = this.#wrapped(forwarder.disk);
      const report = await prune(disk, clock, layout, forwarder.positions, SMALL_PRUNE);
      this.visits.pruned += report.pruned.length;
      for (const { segment } of report.pruned) this.books.assertSettled(before.get(segment) ?? []);
      for (const instance of report.gone) forwarder.positions.delete(instance);
      this.visits.gone += report.gone.length;
      if (report.gone.length > 0) await this.#commit(forwarder);
    });
  }

  killIngress(which: number): void {
    this.#ingresses[which]?.disk.kill();
    this.#ingresses[which] = undefined;
    this.visits.kills += 1;
  }

  killForwarder(): void {
    this.#forwarder?.disk.kill();
    this.#forwarder = undefined;
    this.visits.kills += 1;
  }

  killAll(): void {
    for (const process of this.#started) process.kill();
    this.#forget();
    this.visits.kills += 1;
  }

  cutPower(random: () => number): void {
    this.spool.disk.crash(random);
    this.#forget();
    this.visits.cuts += 1;
  }

  /** Faults are over: everything starts anew, everything acknowledged comes out, and everything old is pruned. */
  async end(): Promise<void> {
    const { disk, clock } = this.spool;
    disk.interruptAfter(Number.POSITIVE_INFINITY, () => undefined);
    this.recover();
    await this.settle();
    this.killAll();
    const before = this.books.acknowledgedCount;
    this.append(0, 1, 1, 0);
    await this.settle();
    assert.equal(this.books.acknowledgedCount, before + 1, "a writer started on a sound disk acknowledges");
    for (let round = 0; round < 3; round++) {
      await this.#drain();
      clock.advance(16 * 60_000);
    }
    this.books.assertAllDelivered();
    this.close(0);
    await this.settle();
    for (let round = 0; round < 2; round++) {
      clock.advance(25 * 3_600_000);
      await this.#drain();
      this.prune();
      await this.settle();
    }
    assert.deepEqual(await this.spool.segments(), [], "all is pruned in the end");
    this.visits.acknowledged += this.books.acknowledgedCount;
    this.visits.delivered += this.books.deliveredCount;
    this.visits.duplicates += this.books.duplicates;
  }

  async #drain(): Promise<void> {
    for (let before = -1; before !== this.books.deliveredCount;) {
      before = this.books.deliveredCount;
      this.forward(1000, false);
      await this.settle();
    }
  }

  #request(ingress: Ingress, lines: number, padding: number): void {
    const names = Array.from({ length: lines }, () => `${ingress.number}.${ingress.lines++}`);
    const payloads = names.map((name) => payloadOf(name, padding));
    for (const [index, name] of names.entries()) this.books.issue(name, payloads[index] ?? "");
    this.#do(async () => {
      try {
        await ingress.writer.append(payloads.map((payload) => Buffer.from(payload)));
        for (const name of names) this.books.acknowledge(name);
      } catch (error) {
        if (!(error instanceof SpoolError)) throw error;
        this.visits.refused += 1;
      }
    });
  }

  async #startIngress(which: number): Promise<Ingress | undefined> {
    const disk = this.#startProcess();
    const number = this.#ingressCount++;
    const { clock } = this.spool;
    try {
      const writer = await openUntimedWriter(this.#wrapped(disk), clock, WRITER);
      this.#ingresses[which]?.disk.kill();
      return (this.#ingresses[which] = { disk, number, writer, lines: 0 });
    } catch (error) {
      disk.kill();
      if (isExpected(error)) return undefined;
      throw error;
    }
  }

  async #startForwarder(): Promise<Forwarder | undefined> {
    const process = this.#startProcess();
    const disk = this.#wrapped(process);
    const { clock, layout } = this.spool;
    try {
      const identity = await readSpoolIdentity(disk, layout);
      this.#identity ??= identity;
      assert.equal(identity, this.#identity, "the spool keeps its identity");
      const cursor = await openCursorFile(disk, layout);
      const reading = await cursor.read();
      if (reading.state === "damaged")
        assert.match(reading.message, /cannot be read/, "a cursor is there whole");
      if (reading.state === "damaged") throw new SpoolError("state_unwritable", reading.message);
      const kept = this.#options.delivery === "transaction" ? this.#brokerPositions : undefined;
      const positions = new Map(kept ?? (reading.state === "present" ? reading.positions : []));
      this.books.restart(positions);
      const reader = openReader(disk, clock, SMALL_READER, positions);
      this.#forwarder?.disk.kill();
      return (this.#forwarder = { disk: process, reader, cursor, positions, busy: false });
    } catch (error) {
      process.kill();
      if (isExpected(error)) return undefined;
      throw error;
    }
  }

  async #deliver(forwarder: Forwarder, items: readonly SpoolItem[]): Promise<void> {
    if (items.length === 0) return;
    if (this.#options.hasty !== true) this.#publish(items);
    for (const { instance, next } of items) forwarder.positions.set(instance, next);
    await this.#commit(forwarder);
    if (this.#options.hasty === true) this.#publish(items);
  }

  #publish(items: readonly SpoolItem[]): void {
    for (const item of items) {
      const { instance, position } = item;
      if (item.type === "line") this.books.deliver(item.payload.toString("utf8"), { instance, ...position });
      else this.books.damage(item);
      if (item.type === "damage") this.visits.damage += 1;
    }
  }

  /** Makes positions durable. A failure leaves them as they were for the broker, and is tried again with the next. */
  async #commit(forwarder: Forwarder): Promise<void> {
    const covered = this.books.covered();
    if (this.#options.delivery === "transaction") this.#brokerPositions = new Map(forwarder.positions);
    else await forwarder.cursor.write(forwarder.positions);
    this.books.settle(covered);
  }

  /** Runs something in the forwarder unless it is busy; starts one if there is none. */
  #asForwarder(run: (forwarder: Forwarder) => Promise<void>): void {
    this.#do(async () => {
      const forwarder = this.#forwarder ?? (await this.#startForwarder());
      if (forwarder === undefined || forwarder.busy) return;
      forwarder.busy = true;
      try {
        await run(forwarder);
        forwarder.busy = false;
      } catch (error) {
        if (!isExpected(error)) throw error;
        // As an operator's supervisor would: a forwarder that cannot go on is started anew.
        forwarder.disk.kill();
        if (this.#forwarder === forwarder) this.#forwarder = undefined;
      }
    });
  }

  #do(run: () => Promise<unknown> | undefined): void {
    Promise.resolve(run()).catch((error: unknown) => (this.#failure ??= error));
  }

  #startProcess(): ProcessDisk {
    const process = this.spool.disk.startProcess();
    this.#started.push(process);
    return process;
  }

  #wrapped(disk: Disk): Disk {
    return this.#options.wrap?.(disk) ?? disk;
  }

  #forget(): void {
    this.#ingresses.fill(undefined);
    this.#forwarder = undefined;
  }

  /** The segments as a reader would see them now, looked at behind the back of all faults. */
  #contents(): { segment: string; names: string[] }[] {
    const { disk, layout } = this.spool;
    return disk.files(layout.segments).map((path) => {
      const segment = path.slice(path.lastIndexOf("/") + 1);
      return { segment, names: namesIn(segment, disk.contents(path)) };
    });
  }
}

/** An error of the disk: faults are injected. */
function isExpected(error: unknown): boolean {
  return (
    error instanceof SpoolError ||
    (error instanceof Error && "code" in error && error.code !== "ERR_ASSERTION")
  );
}
