// FORMAT.md, "What a reader does with damage", row by row: in a live segment and in a finished one.
import t from "tap";
import { DAMAGE_BYTES_MAX, DAMAGE_REASONS, keepsSegment } from "./damage.js";
import type { DamageReason } from "./damage.js";
import { encodeSeal } from "./control-line.js";
import { checksumSeed, encodeSingleLine } from "./frame.js";
import type { SpoolItem } from "./spool-piece.js";
import {
  createSmallSpool,
  damageNotes,
  damageOf,
  indexes,
  payload,
  positionsAfter,
  readAll,
} from "./testing/small-spool.js";
import type { SmallSpool } from "./testing/small-spool.js";

/** Header and lines 0 to 9, each of 36 bytes and the last of 37, as they stand in the file. */
interface Written {
  name: string;
  bytes: Buffer;
  /** Where the line with this payload begins; -1 for the header. */
  at: (index: number) => number;
}

interface Row {
  name: string;
  damage: (written: Written) => Buffer;
  /** At once, while its writer lives: what comes, and what is damaged. */
  live: [number[], string[]];
  /** After the grace, while its writer lives. */
  later: [number[], string[]];
  /** Its writer turned to a later segment. */
  finished: [number[], string[]];
}

const ALL = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const without = (...missing: number[]): number[] => ALL.filter((index) => !missing.includes(index));
const before = (end: number): number[] => ALL.filter((index) => index < end);

/** The bytes with something else from the start of a line on. */
function overwrite({ bytes, at }: Written, index: number, offset: number, by: Buffer): Buffer {
  const changed = Buffer.from(bytes);
  by.copy(changed, at(index) + offset);
  return changed;
}

function line({ name }: Written, sequence: number, text: string): Buffer {
  return encodeSingleLine(checksumSeed(name), "data", sequence, Buffer.from(text));
}

const TABLE: Row[] = [
  {
    name: "bytes behind the last line feed",
    damage: ({ bytes }) => bytes.subarray(0, bytes.byteLength - 10),
    live: [before(9), []],
    later: [before(9), []],
    finished: [before(9), ["torn_tail 27"]],
  },
  {
    name: "a last line that lacks nothing but its line feed",
    damage: ({ bytes }) => bytes.subarray(0, bytes.byteLength - 1),
    live: [before(9), []],
    later: [before(9), []],
    finished: [ALL, []],
  },
  {
    name: "a line that does not verify",
    damage: (written) => overwrite(written, 4, 30, Buffer.from("?")),
    live: [before(4), []],
    later: [without(4), ["bad_line 36"]],
    finished: [without(4), ["bad_line 36"]],
  },
  {
    name: "a line cut in two by a line feed",
    damage: (written) => overwrite(written, 4, 20, Buffer.from("\n")),
    live: [before(4), []],
    later: [without(4), ["bad_line 21", "bad_line 15"]],
    finished: [without(4), ["bad_line 21", "bad_line 15"]],
  },
  {
    name: "a line feed that is another byte",
    damage: (written) => overwrite(written, 4, 35, Buffer.from("x")),
    live: [before(4), []],
    later: [ALL, ["bad_line 1"]],
    finished: [ALL, ["bad_line 1"]],
  },
  {
    name: "a line that is all zero, line feed included",
    damage: (written) => overwrite(written, 4, 0, Buffer.alloc(36)),
    live: [before(4), []],
    later: [without(4), ["zero_bytes 36"]],
    finished: [without(4), ["zero_bytes 36"]],
  },
  {
    name: "zeros over parts of three lines",
    damage: (written) => overwrite(written, 4, 20, Buffer.alloc(60)),
    live: [before(4), []],
    later: [without(4, 5, 6), ["bad_line 108"]],
    finished: [without(4, 5, 6), ["bad_line 108"]],
  },
  {
    name: "more bytes than a line may have, and no line feed",
    damage: ({ bytes }) => Buffer.concat([bytes, Buffer.alloc(20_000, "x")]),
    live: [ALL, []],
    later: [ALL, ["bad_line 15840"]],
    finished: [ALL, ["bad_line 15840", "torn_tail 4160"]],
  },
  {
    name: "lines that are missing",
    damage: ({ bytes, at }) => Buffer.concat([bytes.subarray(0, at(4)), bytes.subarray(at(6))]),
    live: [without(4, 5), ["hole 0"]],
    later: [without(4, 5), ["hole 0"]],
    finished: [without(4, 5), ["hole 0"]],
  },
  {
    name: "lines that stand there twice",
    damage: ({ bytes, at }) => Buffer.concat([bytes.subarray(0, at(6)), bytes.subarray(at(4))]),
    live: [ALL, ["repeated_line 36", "repeated_line 36"]],
    later: [ALL, ["repeated_line 36", "repeated_line 36"]],
    finished: [ALL, ["repeated_line 36", "repeated_line 36"]],
  },
  {
    name: "a header that does not verify",
    damage: (written) => overwrite(written, -1, 30, Buffer.from("?")),
    live: [[], []],
    later: [ALL, ["bad_line 157"]],
    finished: [ALL, ["bad_line 157"]],
  },
  {
    name: "a file of somebody else",
    damage: () => Buffer.from("GET / HTTP/1.1\n".repeat(20)),
    live: [[], []],
    later: [[], ["foreign_segment 300"]],
    finished: [[], ["foreign_segment 300"]],
  },
  {
    name: "a file of which only the last line verifies",
    damage: (written) => overwrite(written, -1, 0, Buffer.from("\n".repeat(157 + 9 * 36))),
    live: [[], []],
    later: [[9], Array<string>(157 + 9 * 36).fill("bad_line 1")],
    finished: [[9], Array<string>(157 + 9 * 36).fill("bad_line 1")],
  },
  {
    name: "the segment of another name",
    damage: (written) => {
      const seed = checksumSeed("another");
      return Buffer.concat(
        ALL.map((index) => encodeSingleLine(seed, "data", index + 1, payload(index, written.name.length))),
      );
    },
    live: [[], []],
    later: [[], ["foreign_segment 901"]],
    finished: [[], ["foreign_segment 901"]],
  },
  {
    name: "a seal that disagrees with its place",
    damage: ({ name, bytes }) =>
      Buffer.concat([
        bytes,
        encodeSeal(checksumSeed(name), { sequence: 11, lines: 9, bytes: bytes.byteLength }),
      ]),
    live: [ALL, ["seal_mismatch 57"]],
    later: [ALL, ["seal_mismatch 57"]],
    finished: [ALL, ["seal_mismatch 57"]],
  },
  {
    name: "bytes behind the seal",
    damage: (written) =>
      Buffer.concat([
        written.bytes,
        encodeSeal(checksumSeed(written.name), { sequence: 11, lines: 10, bytes: written.bytes.byteLength }),
        line(written, 12, '"late"'),
      ]),
    live: [ALL, ["bytes_after_seal 37"]],
    later: [ALL, ["bytes_after_seal 37"]],
    finished: [ALL, ["bytes_after_seal 37"]],
  },
  {
    name: "an empty file",
    damage: () => Buffer.alloc(0),
    live: [[], []],
    later: [[], []],
    finished: [[], []],
  },
];

async function write(): Promise<{ spool: SmallSpool; written: Written }> {
  const spool = createSmallSpool();
  const writer = await spool.openWriter({ segmentBytesMax: 100_000 });
  for (const index of ALL) await writer.append([payload(index)]);
  const [name = ""] = await spool.segments();
  const bytes = spool.disk.contents(spool.path(name));
  const first = bytes.indexOf("\n") + 1;
  return { spool, written: { name, bytes, at: (index) => (index < 0 ? 0 : first + index * 36) } };
}

/** A line in the spare, as if the writer had turned to it. */
async function finish(spool: SmallSpool): Promise<void> {
  const [, spare = ""] = await spool.segments();
  const bytes = encodeSingleLine(checksumSeed(spare), "data", 1, payload(99));
  spool.disk.corrupt(spool.path(spare), (header) => Buffer.concat([header, bytes]));
}

/** What came, without the line that finished the segment before it. */
function came(items: readonly SpoolItem[]): [number[], string[]] {
  return [indexes(items).filter((index) => index !== 99), damageNotes(items)];
}

for (const row of TABLE) {
  await t.test(`${row.name}: in a live segment`, async (t) => {
    const { spool, written } = await write();
    spool.disk.corrupt(spool.path(written.name), () => row.damage(written));
    const reader = spool.openReader();
    const items = await readAll(reader);
    t.strictSame(came(items), row.live, "at once");
    spool.clock.advance(1_999);
    items.push(...(await readAll(reader)));
    t.strictSame(came(items), row.live, "within the grace");
    spool.clock.advance(1);
    items.push(...(await readAll(reader)));
    t.strictSame(came(items), row.later, "after it");
    spool.clock.advance(60_000);
    items.push(...(await readAll(reader)));
    t.strictSame(came(items), row.later, "and nothing is said twice");
  });

  await t.test(`${row.name}: in a finished segment`, async (t) => {
    const { spool, written } = await write();
    spool.disk.corrupt(spool.path(written.name), () => row.damage(written));
    await finish(spool);
    const items = await readAll(spool.openReader());
    t.strictSame(came(items), row.finished);
    t.ok(indexes(items).includes(99), "and the next segment is read");
    for (let consumed = 1; consumed < Math.min(items.length, 30); consumed++) {
      const rest = await readAll(spool.openReader(positionsAfter(items.slice(0, consumed))));
      t.strictSame(
        came(rest),
        came(items.slice(consumed)),
        `a restart behind item ${consumed} says nothing twice`,
      );
    }
  });
}

await t.test(
  "a segment that is shorter than what was read: once, then reading goes on at its end",
  async (t) => {
    const { spool, written } = await write();
    const reader = spool.openReader();
    const items = await readAll(reader);
    spool.disk.corrupt(spool.path(written.name), (bytes) => bytes.subarray(0, written.at(7)));
    items.push(...(await readAll(reader)));
    t.strictSame(came(items), [ALL, ["shrunk 0"]]);
    const restarted = spool.openReader(positionsAfter(items));
    t.strictSame(came(await readAll(restarted)), [[], []], "nor twice after a restart");
    spool.disk.corrupt(spool.path(written.name), (bytes) =>
      Buffer.concat([bytes, line(written, 11, '"0010"')]),
    );
    t.strictSame(came(await readAll(restarted)), [[10], []]);
  },
);

await t.test("what comes behind foreign bytes in a living segment is read", async (t) => {
  const { spool, written } = await write();
  spool.disk.corrupt(spool.path(written.name), () => Buffer.from("foreign\n".repeat(10) + "and not finis"));
  const reader = spool.openReader();
  await readAll(reader);
  spool.clock.advance(2_000);
  t.strictSame(came(await readAll(reader)), [[], ["foreign_segment 80"]]);
  spool.disk.corrupt(spool.path(written.name), (bytes) =>
    Buffer.concat([bytes, Buffer.from("hed\n"), line(written, 1, '"0010"')]),
  );
  await readAll(reader);
  spool.clock.advance(2_000);
  t.strictSame(came(await readAll(reader)), [[10], ["bad_line 17"]]);
});

await t.test("a line that heals within the grace comes out as a line, and no damage is told", async (t) => {
  const { spool, written } = await write();
  spool.disk.corrupt(spool.path(written.name), () => overwrite(written, 4, 30, Buffer.alloc(6)));
  const reader = spool.openReader();
  const items = await readAll(reader);
  spool.clock.advance(1_000);
  spool.disk.corrupt(spool.path(written.name), () => written.bytes);
  items.push(...(await readAll(reader)));
  t.strictSame(came(items), [ALL, []]);
});

await t.test("many damaged lines are waited for together, not one after the other", async (t) => {
  const { spool, written } = await write();
  const bytes = [2, 4, 6].reduce(
    (changed, index) => overwrite({ ...written, bytes: changed }, index, 30, Buffer.from("?")),
    written.bytes,
  );
  spool.disk.corrupt(spool.path(written.name), () => bytes);
  const reader = spool.openReader();
  const items = await readAll(reader);
  spool.clock.advance(2_000);
  items.push(...(await readAll(reader)));
  t.strictSame(came(items), [without(2, 4, 6), ["bad_line 36", "bad_line 36", "bad_line 36"]]);
});

await t.test(
  "damage carries a bounded part of the bytes, their length, and where reading goes on",
  async (t) => {
    const { spool, written } = await write();
    const garbage = Buffer.concat([Buffer.alloc(DAMAGE_BYTES_MAX + 10, "g"), Buffer.from("\n")]);
    spool.disk.corrupt(spool.path(written.name), (bytes) =>
      Buffer.concat([bytes, garbage, line(written, 11, '"0010"')]),
    );
    await finish(spool);
    const reader = spool.openReader(new Map(), { lineBytesMax: 100_000 });
    const [damage] = damageOf(await readAll(reader));
    const offset = written.bytes.byteLength;
    t.match(damage, {
      reason: "bad_line",
      length: garbage.byteLength,
      message: String,
      instance: written.name.slice(14, 46),
      position: { segment: written.name, offset, sequence: 11 },
      next: { segment: written.name, offset: offset + garbage.byteLength, sequence: 11 },
    });
    t.equal(damage?.bytes.toString(), "g".repeat(DAMAGE_BYTES_MAX));
  },
);

await t.test("every reason is in the list, and those that keep a segment are named", async (t) => {
  const met = new Set<string>(
    TABLE.flatMap((row) => row.finished[1]).map((note) => note.split(" ")[0] ?? ""),
  );
  // Shown by tests of their own.
  met.add("shrunk").add("unreadable");
  t.strictSame([...met].toSorted(), DAMAGE_REASONS.toSorted());
  const keeping: DamageReason[] = ["foreign_segment", "seal_mismatch", "unreadable"];
  t.strictSame(DAMAGE_REASONS.filter(keepsSegment).toSorted(), keeping);
});
