// Group commit: who shares a sync, who is answered when, in what order lines stand, what is refused.
import t from "tap";
import { SpoolError } from "./errors.js";
import {
  callNotes,
  createSmallSpool,
  indexes,
  outcomes,
  payload,
  payloads,
  quiet,
  readAll,
  stateOf,
} from "./testing/small-spool.js";

await t.test("appends of one turn share one write and one sync", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter();
  await quiet();
  const before = spool.disk.calls.length;
  t.strictSame(
    await outcomes([1, 2, 3, 4, 5].map((index) => writer.append([payload(index)]))),
    Array(5).fill("ok"),
  );
  t.strictSame(callNotes(spool.disk.calls.slice(before), "write", "sync"), ["write 000000", "sync 000000"]);
  await writer.close();
});

await t.test("appends that come while a sync is under way wait for the next one and share it", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter();
  await quiet();
  spool.disk.inject({ operation: "sync", failure: "hang" });
  const first = writer.append([payload(1)]);
  await quiet();
  const later = [2, 3, 4].map((index) => writer.append([payload(index)]));
  t.equal(await stateOf(first), "pending", "nobody is answered before the sync");
  const before = spool.disk.calls.length;
  spool.disk.release();
  await Promise.all([first, ...later]);
  t.strictSame(callNotes(spool.disk.calls.slice(before), "write", "sync"), ["write 000000", "sync 000000"]);
  await writer.close();
});

await t.test(
  "an append is answered only after the sync that began after its last byte was written",
  async (t) => {
    const spool = createSmallSpool();
    const writer = await spool.openWriter();
    await quiet();
    spool.disk.inject({ operation: "write", failure: "hang" });
    const append = writer.append([payload(1)]);
    t.equal(await stateOf(append), "pending");
    spool.disk.release();
    spool.disk.inject({ operation: "sync", failure: "hang" });
    t.equal(await stateOf(append), "pending");
    spool.disk.release();
    await append;
    spool.disk.crash(() => 0);
    t.strictSame(indexes(await readAll(spool.openReader())), [1], "it survives the worst power cut");
  },
);

await t.test(
  "control: what is written and not yet answered does not survive the worst power cut",
  async (t) => {
    const spool = createSmallSpool();
    const writer = await spool.openWriter();
    await quiet();
    spool.disk.inject({ operation: "sync", failure: "hang" });
    const append = writer.append([payload(1)]);
    t.equal(await stateOf(append), "pending");
    spool.disk.crash(() => 0);
    t.strictSame(indexes(await readAll(spool.openReader())), []);
  },
);

await t.test("lines stand in the order in which append was called", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter();
  const appends: Promise<void>[] = [];
  for (let index = 0; index < 200; index += 2) {
    appends.push(writer.append(payloads(index, index + 2)));
    // Some come together, some while others are under way.
    if (index % 10 === 0) await Promise.resolve();
    if (index % 34 === 0) await quiet();
  }
  await Promise.all(appends);
  await writer.close();
  t.strictSame(
    indexes(await readAll(spool.openReader())),
    Array.from({ length: 200 }, (_, index) => index),
  );
  t.ok((await spool.segments()).length > 5, "in many segments");
});

await t.test("a short write is completed before the sync", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter();
  await quiet();
  const before = spool.disk.calls.length;
  spool.disk.inject({ operation: "write", failure: "short", times: 5 });
  await writer.append(payloads(0, 3));
  const notes = callNotes(spool.disk.calls.slice(before), "write", "sync");
  t.strictSame(notes, [...Array<string>(6).fill("write 000000"), "sync 000000"]);
  t.strictSame(indexes(await readAll(spool.openReader())), [0, 1, 2]);
  await writer.close();
});

await t.test("the lines of one append are acknowledged together or not at all", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter();
  await quiet();
  spool.disk.inject({ operation: "sync", failure: "EIO" });
  const [outcome] = await outcomes([writer.append(payloads(0, 3))]);
  t.equal(outcome, "sync_failed");
  t.strictSame(await outcomes([writer.append(payloads(3, 5))]), ["ok"]);
  await writer.close();
});

await t.test("an append of nothing is acknowledged at once and touches no disk", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter();
  await quiet();
  const before = spool.disk.calls.length;
  await writer.append([]);
  t.equal(spool.disk.calls.length, before);
  await writer.close();
});

await t.test(
  "a payload that cannot stand in a line is refused, for good, and costs nobody else",
  async (t) => {
    const spool = createSmallSpool();
    const writer = await spool.openWriter({ lineBytesMax: 10 });
    const table: [string, string][] = [
      ["", "invalid_payload"],
      ['"a\nb"', "invalid_payload"],
      ['"a\rb"', "invalid_payload"],
      ["12345678901", "line_too_long"],
    ];
    for (const [text, code] of table) {
      const bad = writer.append([payload(1), Buffer.from(text)]);
      const good = writer.append([payload(2)]);
      await t.rejects(bad, { name: "SpoolError", code, retryable: false });
      await good;
    }
    await writer.append([Buffer.from("1234567890")]);
    await writer.close();
    t.strictSame(indexes(await readAll(spool.openReader())), [2, 2, 2, 2, 1234567890]);
  },
);

await t.test("what waits for the disk is bounded, and taken again when the disk has caught up", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter({ queueBytesMax: 500 });
  await quiet();
  spool.disk.inject({ operation: "sync", failure: "hang" });
  const appends = Array.from({ length: 20 }, (_, index) => writer.append([payload(index)]));
  const waiting = Promise.allSettled(appends);
  await quiet();
  t.match(writer.readiness(), { ready: true }, "there is room for a small one");
  t.ok(writer.stats().queueBytes <= 500);
  spool.disk.release();
  const states = (await waiting).map(({ status }) => status);
  t.strictSame(states.slice(0, 7), Array(7).fill("fulfilled"));
  t.strictSame(states.slice(7), Array(13).fill("rejected"));
  const [refusal] = await Promise.allSettled(appends.slice(-1));
  t.match(refusal, { reason: { code: "queue_full", retryable: true } });
  t.equal(writer.stats().queueBytes, 0);
  await writer.append([payload(99)]);
  await writer.close();
});

await t.test("each group that reached the disk is told to the observer, and counted", async (t) => {
  const spool = createSmallSpool();
  const groups: { lines: number; bytes: number; syncSeconds: number }[] = [];
  const writer = await spool.openWriter({}, spool.disk, (group) => groups.push(group));
  await Promise.all([writer.append(payloads(0, 2)), writer.append(payloads(2, 3))]);
  spool.disk.inject({ operation: "sync", failure: "EIO" });
  await t.rejects(writer.append([payload(9)]));
  await writer.append([payload(3)]);
  t.match(groups, [{ lines: 3, syncSeconds: 0 }, { lines: 1 }]);
  const bytes = groups.reduce((sum, group) => sum + group.bytes, 0);
  t.match(writer.stats(), { lines: 4, groups: 2, failures: 1, bytes, queueBytes: 0 });
  t.equal(writer.stats().segment, (await spool.segments())[1]);
  await writer.close();
});

await t.test("closing waits for what is under way, seals, and refuses from then on", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter();
  await quiet();
  spool.disk.inject({ operation: "sync", failure: "hang" });
  const appends = [writer.append([payload(1)])];
  await quiet();
  appends.push(writer.append([payload(2)]));
  const closed = writer.close();
  t.equal(await stateOf(closed), "pending");
  await t.rejects(writer.append([payload(3)]), { code: "closed", retryable: false });
  t.match(writer.readiness(), { ready: false, code: "closed" });
  spool.disk.release();
  await Promise.all([closed, ...appends]);
  t.equal(await stateOf(writer.close()), "fulfilled", "closing again does nothing");
  t.strictSame(indexes(await readAll(spool.openReader())), [1, 2]);
  for (const name of await spool.segments()) {
    t.match(spool.disk.contents(spool.path(name)).toString(), /"seal":\{"lines":\d,"bytes":\d+\}\}\n$/, name);
  }
});

await t.test("closing waits for a look that is about to make a segment, and leaves none open", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter();
  await quiet();
  // Two failures in a row: the next look makes a segment.
  spool.disk.inject({ operation: "sync", failure: "EIO", times: 3 });
  await outcomes([writer.append([payload(1)])]);
  await outcomes([writer.append([payload(2)])]);
  await quiet();
  spool.disk.release();
  spool.clock.advance(10_000);
  spool.disk.inject({ operation: "create", failure: "hang" });
  const look = writer.check();
  await quiet();
  const closed = writer.close();
  t.equal(await stateOf(closed), "pending");
  spool.disk.release();
  await Promise.all([look, closed]);
  const last = (await spool.segments()).at(-1) ?? "";
  t.match(spool.disk.contents(spool.path(last)).toString(), /"seal":/);
});

await t.test("a writer cannot be opened where it cannot write, and says why", async (t) => {
  for (const operation of ["makeDirectory", "syncDirectory", "create", "write", "sync"] as const) {
    const spool = createSmallSpool();
    spool.disk.inject({ operation, failure: "EROFS", times: 10 });
    const error = await spool.openWriter().catch((reason: unknown) => reason);
    t.ok(error instanceof SpoolError, operation);
    t.match(error, { code: /directory_unusable|write_failed/, message: /EROFS/ }, operation);
  }
});
