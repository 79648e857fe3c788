import t from "tap";
import { DAMAGE_REASONS } from "./damage.js";
import { createSmallSpool, payload, quiet } from "./testing/small-spool.js";
import type { SmallSpool } from "./testing/small-spool.js";
import { verifySpool } from "./verify.js";
import type { VerifyReport } from "./verify.js";

async function write(): Promise<SmallSpool> {
  const spool = createSmallSpool();
  for (let instance = 0; instance < 2; instance++) {
    const writer = await spool.openWriter({ segmentBytesMax: 400 });
    for (let index = 0; index < 12; index++) await writer.append([payload(index, 60)]);
    await writer.close();
  }
  return spool;
}

function verify({ disk, clock, layout }: SmallSpool): Promise<VerifyReport> {
  return verifySpool(disk, clock, layout, { lineBytesMax: 4096 });
}

await t.test("a whole spool is counted, and nothing in it is changed", async (t) => {
  const spool = await write();
  const segments = await spool.segments();
  const before = segments.map((name) => spool.disk.contents(spool.path(name)).toString());
  const report = await verify(spool);
  t.match(report, {
    instances: 2,
    segments: segments.length,
    lines: 24,
    damagedBytes: 0,
    first: undefined,
    strangers: [],
  });
  t.equal(report.bytes, before.join("").length);
  t.strictSame(report.damage, Object.fromEntries(DAMAGE_REASONS.map((reason) => [reason, 0])));
  t.strictSame(
    segments.map((name) => spool.disk.contents(spool.path(name)).toString()),
    before,
  );
});

await t.test("damage is counted by its reason, and the first of it named with its place", async (t) => {
  const spool = await write();
  const [first = "", second = "", third = ""] = (await spool.disk.list(spool.layout.segments)).filter(
    (name) => spool.disk.contents(spool.path(name)).includes('"d":'),
  );
  const at = spool.disk.contents(spool.path(first)).indexOf('"d":') + 8;
  spool.disk.corrupt(spool.path(first), (bytes) => {
    bytes[at] = 0x21;
    return bytes;
  });
  spool.disk.corrupt(spool.path(second), (bytes) => bytes.subarray(0, bytes.byteLength - 5));
  spool.disk.corrupt(spool.path(third), (bytes) => Buffer.concat([bytes, Buffer.from("foreign\n")]));
  const report = await verify(spool);
  t.match(report.damage, { bad_line: 1, torn_tail: 1, bytes_after_seal: 1, hole: 0 });
  t.equal(report.lines, 23);
  t.match(report.first, { reason: "bad_line", position: { segment: first } });
  t.ok((report.first?.position.offset ?? 0) < at);
  t.ok(report.damagedBytes > 8);
});

await t.test("a segment that cannot be read is counted and holds up no other", async (t) => {
  const spool = await write();
  spool.disk.inject({ operation: "open", failure: "EACCES" });
  spool.disk.inject({ operation: "read", failure: "EIO" });
  const report = await verify(spool);
  t.match(report.damage, { unreadable: 2 });
  t.match(report.first, { reason: "unreadable", message: /EACCES/ });
  t.ok(report.lines > 12);
});

await t.test("files that are no segments are named", async (t) => {
  const spool = await write();
  await spool.disk.create(spool.path("core.1234"));
  t.strictSame((await verify(spool)).strangers, ["core.1234"]);
});

await t.test("each segment is told as soon as it is read, with what was in it", async (t) => {
  const spool = await write();
  const told: [string, number, number][] = [];
  await verifySpool(
    spool.disk,
    spool.clock,
    spool.layout,
    { lineBytesMax: 4096 },
    (segment, { lines, damage }) => told.push([segment, lines, damage]),
  );
  t.strictSame(
    told.map(([segment]) => segment).toSorted(),
    (await spool.disk.list(spool.layout.segments)).toSorted(),
  );
  t.equal(
    told.reduce((sum, [, lines]) => sum + lines, 0),
    24,
  );
});

await t.test("the unfinished end of a living writer's segment shows as a torn tail", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter();
  await writer.append([payload(1)]);
  await quiet();
  spool.disk.inject({ operation: "write", failure: "short" });
  spool.disk.inject({ operation: "write", failure: "hang" });
  void writer.append([payload(2)]).catch(() => undefined);
  await quiet();
  t.match(await verify(spool), { lines: 1, damage: { torn_tail: 1 } });
  spool.disk.release();
  await writer.close();
});

await t.test("a spool that is not there is an error, not an empty spool", async (t) => {
  await t.rejects(verify(createSmallSpool()), { code: "ENOENT" });
});
