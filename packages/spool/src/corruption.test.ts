// Damages a small spool in every way that one byte or one cut can, and in random ways, and reads what is left.
import { strict as assert } from "node:assert";
import { crc32 } from "node:zlib";
import * as fc from "fast-check";
import t from "tap";
import type { Disk } from "./disk.js";
import { checksumSeed, decodeLine, payloadOf } from "./frame.js";
import type { SpoolItem } from "./spool-piece.js";
import { writeDamagedSpool } from "./testing/damaged-spool.js";
import type { DamagedSpool } from "./testing/damaged-spool.js";
import { assertOnlyDamageIsLost } from "./testing/oracle.js";
import type { Change } from "./testing/oracle.js";
import { runs, SEED } from "./testing/seed.js";
import { damageOf, linesOf, positionsAfter } from "./testing/small-spool.js";

// The runner of all tests has a limit of its own; asked for more runs, this takes longer.
t.setTimeout(0);

interface Damaging {
  contents: Map<string, Buffer>;
  change: Change;
}

/** What a byte is turned into: its neighbours in the code, and bytes that mean something to a reader. */
function flipsOf(byte: number): number[] {
  const flips =
    runs(1) > 10
      ? Array.from({ length: 256 }, (_, value) => value)
      : [byte ^ 0x01, byte ^ 0x80, 0x00, 0x0a, 0x22, 0x7b, 0x7d];
  return [...new Set(flips)].filter((flip) => flip !== byte);
}

function* everyFlip({ whole }: DamagedSpool, segments: readonly string[]): Generator<Damaging> {
  for (const segment of segments) {
    for (const [at, byte] of whole(segment).entries()) {
      for (const flip of flipsOf(byte)) {
        const flipped = whole(segment);
        flipped[at] = flip;
        yield { contents: new Map([[segment, flipped]]), change: { segment, start: at, end: at + 1 } };
      }
    }
  }
}

function* everyCut({ whole }: DamagedSpool, segments: readonly string[]): Generator<Damaging> {
  for (const segment of segments) {
    const end = whole(segment).byteLength;
    for (let start = 0; start < end; start++) {
      const contents = new Map([[segment, whole(segment).subarray(0, start)]]);
      yield { contents, change: { segment, start, end, cut: true } };
    }
  }
}

/** Where a segment ends, and what its writer did. */
const ENDINGS = [
  { ending: "closed", name: "in sealed segments", which: (segments: readonly string[]) => segments },
  {
    ending: "died",
    name: "in the last segment of a writer that died",
    which: (s: readonly string[]) => s.slice(-1),
  },
] as const;

for (const { ending, name, which } of ENDINGS) {
  await t.test(`every flip of one byte ${name} costs at most its own line`, async (t) => {
    const damaged = await writeDamagedSpool(ending);
    let cases = 0;
    for (const { contents, change } of everyFlip(damaged, which(damaged.segments))) {
      assertOnlyDamageIsLost(damaged.lines, [change], await damaged.read(contents));
      cases += 1;
    }
    t.comment(`${cases} flips`);
    t.ok(cases > 1_000);
  });

  await t.test(`every cut ${name} costs only what stood behind it`, async (t) => {
    const damaged = await writeDamagedSpool(ending);
    let cases = 0;
    for (const { contents, change } of everyCut(damaged, which(damaged.segments))) {
      assertOnlyDamageIsLost(damaged.lines, [change], await damaged.read(contents));
      cases += 1;
    }
    t.comment(`${cases} cuts`);
    t.ok(cases > 200);
  });
}

await t.test("a reader that starts behind any item goes on as if it had read that item itself", async (t) => {
  const damaged = await writeDamagedSpool("closed");
  const notes = (items: readonly SpoolItem[]): unknown[] =>
    items.map((item) => [
      item.type === "line" ? item.payload.toString() : item.reason,
      item.position,
      item.next,
    ]);
  let cases = 0;
  let index = 0;
  for (const { contents } of everyFlip(damaged, damaged.segments)) {
    // Not all of them: each is read once for every item in it.
    if (index++ % 47 !== 0) continue;
    const items = await damaged.read(contents);
    for (let consumed = 1; consumed <= items.length; consumed++) {
      const start = positionsAfter(items.slice(0, consumed));
      assert.deepEqual(notes(await damaged.read(contents, { start })), notes(items.slice(consumed)));
      cases += 1;
    }
  }
  t.comment(`${cases} starts`);
  t.ok(cases > 1_000);
});

const overwrite = fc.record({
  segment: fc.nat(2),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  bytes: fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 200 }),
    // A block that was never filled, and bytes that read like lines.
    fc.integer({ min: 1, max: 200 }).map((length) => new Uint8Array(length)),
    fc
      .array(fc.constantFrom('{"crc":"', '0123abcd","n":1,"d":', "\n", '{"a":1}', "}", "\0"), {
        minLength: 1,
      })
      .map((parts) => Buffer.from(parts.join(""))),
  ),
});

await t.test("bytes overwritten anywhere cost the lines that they hit and no other", async (t) => {
  const damaged = await writeDamagedSpool("closed");
  t.comment(`SPOOL_SEED=${SEED}`);
  await fc.assert(
    fc.asyncProperty(
      fc.array(overwrite, { minLength: 1, maxLength: 4 }),
      fc.integer({ min: 1, max: 5 }),
      async (overwrites, linesMax) => {
        const contents = new Map(damaged.segments.map((name) => [name, damaged.whole(name)]));
        for (const { segment: number, at, bytes } of overwrites) {
          const segment = damaged.segments[number] ?? "";
          const whole = contents.get(segment) ?? Buffer.alloc(0);
          const start = Math.floor(at * (whole.byteLength - 1));
          whole.write(Buffer.from(bytes).toString("latin1"), start, "latin1");
        }
        const changes = damaged.segments.flatMap((name) =>
          changesOf(name, damaged.whole(name), contents.get(name)),
        );
        assertOnlyDamageIsLost(damaged.lines, changes, await damaged.read(contents, { linesMax }));
      },
    ),
    { seed: SEED, numRuns: runs(500) },
  );
  t.pass(`${runs(500)} spools`);
});

/** Which bytes differ, one by one. */
function changesOf(segment: string, whole: Buffer, damaged: Buffer | undefined): Change[] {
  const changed = [...whole.keys()].filter((at) => whole[at] !== damaged?.[at]);
  return changed.map((at) => ({ segment, start: at, end: at + 1 }));
}

await t.test(
  "a file of random bytes is damage from its first byte to its last, and reading it ends",
  async (t) => {
    const damaged = await writeDamagedSpool("closed");
    const [first = "", second = "", third = ""] = damaged.segments;
    t.comment(`SPOOL_SEED=${SEED}`);
    const pieces = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.constant(Buffer.from("\n")),
      fc.constant(damaged.whole(first)),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(pieces, { maxLength: 8 }),
        fc.integer({ min: 1, max: 5 }),
        async (parts, linesMax) => {
          // Lines of the first segment are foreign in the second.
          const bytes = Buffer.concat(parts);
          const items = await damaged.read(new Map([[second, bytes]]), { linesMax });
          const hit = damageOf(items).filter(({ position }) => position.segment === second);
          assert.equal(
            hit.reduce((sum, { length }) => sum + length, 0),
            bytes.byteLength,
          );
          assert.deepEqual(
            linesOf(items).map(({ payload }) => payload.toString()),
            damaged.lines.flatMap(({ segment, payload }) =>
              segment === second || payload === undefined ? [] : [payload],
            ),
          );
          assert.equal(items.at(-1)?.position.segment, third);
        },
      ),
      { seed: SEED, numRuns: runs(300) },
    );
    t.pass(`${runs(300)} spools`);
  },
);

/** Corrects the checksums of what is read: a reader on this disk might as well not look at them. */
function withoutChecksums(disk: Disk): Disk {
  return {
    ...disk,
    open: async (path) => {
      const file = await disk.open(path);
      const seed = checksumSeed(path.slice(path.lastIndexOf("/") + 1));
      return {
        ...file,
        read: async (target, offset) => {
          const count = await file.read(target, offset);
          const bytes = Buffer.from(target.buffer, target.byteOffset, count);
          for (let at = 0, end = bytes.indexOf("\n"); end >= 0; at = end + 1, end = bytes.indexOf("\n", at)) {
            const checksum = crc32(bytes.subarray(at + 18, end), seed)
              .toString(16)
              .padStart(8, "0");
            if (end - at > 18) bytes.write(checksum, at + 8, "latin1");
          }
          return count;
        },
      };
    },
  };
}

await t.test("control: a reader that does not look at checksums is caught inventing lines", async (t) => {
  const damaged = await writeDamagedSpool("closed");
  const disk = withoutChecksums(damaged.spool.disk);
  let caught = 0;
  for (const { contents, change } of everyFlip(damaged, damaged.segments.slice(0, 1))) {
    const items = await damaged.read(contents, { disk });
    try {
      assertOnlyDamageIsLost(damaged.lines, [change], items);
    } catch {
      caught += 1;
    }
  }
  t.ok(caught > 100, `${caught} times`);
});

await t.test(
  "control: a reader that knows lines by their line feeds alone is caught losing a neighbour",
  async (t) => {
    const damaged = await writeDamagedSpool("closed");
    let caught = 0;
    for (const { contents, change } of everyFlip(damaged, damaged.segments)) {
      const items = damaged.segments.flatMap((name) =>
        readByLineFeeds(name, contents.get(name) ?? damaged.whole(name)),
      );
      try {
        assertOnlyDamageIsLost(damaged.lines, [change], items);
      } catch {
        caught += 1;
      }
    }
    t.ok(caught > 10, `${caught} times`);
  },
);

function readByLineFeeds(segment: string, bytes: Buffer): SpoolItem[] {
  const items: SpoolItem[] = [];
  for (let at = 0, end = bytes.indexOf("\n"); end >= 0; at = end + 1, end = bytes.indexOf("\n", at)) {
    const line = decodeLine(bytes, at, end, checksumSeed(segment));
    const position = { segment, offset: at, sequence: 0 };
    const place = { instance: "", position, next: position, length: end + 1 - at };
    if (line?.kind === "data") items.push({ type: "line", payload: payloadOf(line), ...line, ...place });
    if (line !== undefined) continue;
    items.push({ type: "damage", reason: "bad_line", bytes, message: "", ...place });
  }
  return items;
}
