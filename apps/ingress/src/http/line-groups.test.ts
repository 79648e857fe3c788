import t from "tap";
import { groupLines } from "./line-groups.js";
import type { LineGroup } from "./line-groups.js";

async function group(chunks: readonly string[], linesMax: number, bytesMax: number): Promise<LineGroup[]> {
  async function* source(): AsyncGenerator<Buffer> {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  const groups: LineGroup[] = [];
  for await (const one of groupLines(source(), { linesMax, bytesMax })) groups.push(one);
  return groups;
}

/** The text in pieces of this many bytes. */
function pieces(text: string, size: number): string[] {
  return text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
}

const text = "a\nbb\n\nccc\ndddd\n  \neeeee\nf";

for (const size of [1, 2, 3, 5, 7, 100]) {
  await t.test(`in chunks of ${size} bytes every line comes once, in order and whole`, async (t) => {
    const groups = await group(pieces(text, size), 2, 100);
    const lines = groups
      .flatMap(({ bytes }) => bytes.toString().split("\n"))
      .filter((line) => line.trim() !== "");
    t.same(lines, ["a", "bb", "ccc", "dddd", "eeeee", "f"]);
    t.equal(groups.at(-1)?.linesEnd, 8, "blank lines count where lines are counted");
    for (const { bytes } of groups) t.ok(bytes.toString().split("\n").length <= 3);
    t.ok(groups.every(({ isBeforeLongLine }) => !isBeforeLongLine));
  });

  await t.test(
    `in chunks of ${size} bytes a line that is too long ends it, after what came before`,
    async (t) => {
      const groups = await group(pieces("a\nbb\n123456\nc\n", size), 10, 5);
      const all = groups.map(({ bytes }) => bytes.toString()).join("");
      t.equal(all, "a\nbb\n");
      t.match(groups.at(-1), { isBeforeLongLine: true, linesEnd: 2 });
    },
  );

  await t.test(`in chunks of ${size} bytes a line of exactly the limit is taken`, async (t) => {
    const groups = await group(pieces("12345\n12345", size), 10, 5);
    t.equal(groups.map(({ bytes }) => bytes.toString()).join(""), "12345\n12345");
  });
}

await t.test("a group ends with the line that takes it to the limit of bytes", async (t) => {
  const groups = await group(["aaa\nbbb\nccc\nddd\n"], 100, 7);
  t.same(
    groups.map(({ bytes }) => bytes.toString()),
    ["aaa\nbbb\n", "ccc\nddd\n"],
  );
});

await t.test("a stream without end of a line is not held beyond the limit", async (t) => {
  let given = 0;
  async function* endless(): AsyncGenerator<Buffer> {
    for (;;) {
      given += 1_000;
      yield Buffer.alloc(1_000, "x");
    }
  }
  for await (const one of groupLines(endless(), { linesMax: 10, bytesMax: 5_000 })) {
    t.ok(one.isBeforeLongLine);
  }
  t.ok(given <= 6_000);
});

await t.test("blank lines alone make no groups, however many there are", async (t) => {
  const groups = await group(["\n".repeat(100_000), "\r\n \t\n", "a\n"], 10, 100);
  t.match(groups, [{ linesEnd: 100_003 }]);
  t.equal(groups.length, 1);
});
