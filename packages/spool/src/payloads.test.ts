import { crc32 } from "node:zlib";
import t from "tap";
import { FRAME_BYTES_MAX, encodeSingleLine } from "./frame.js";
import { frameGroup, GroupMemory } from "./group.js";
import { measurePayloads, packPayloads } from "./payloads.js";
import type { PackedPayloads } from "./payloads.js";
import { createSmallSpool, linesOf, readAll } from "./testing/small-spool.js";

const ignore = (): void => undefined;

function packed(text: string, ends: readonly number[]): PackedPayloads {
  return { bytes: Buffer.from(text), ends };
}

await t.test("a list of payloads is packed one behind the other", async (t) => {
  const { bytes, ends } = packPayloads([Buffer.from("1"), Buffer.from("22"), Buffer.from("333")]);
  t.equal(Buffer.from(bytes).toString(), "122333");
  t.strictSame(ends, [1, 3, 6]);
});

await t.test("what cannot stand in lines is refused, wherever in the pack it is", async (t) => {
  const table: [string, PackedPayloads, string][] = [
    ["an empty payload", packed("1222", [1, 1, 4]), "invalid_payload"],
    ["ends that go back", packed("1222", [3, 2]), "invalid_payload"],
    ["an end behind the memory", packed("1222", [2, 5]), "invalid_payload"],
    ["a line feed", packed("12\n3", [2, 4]), "invalid_payload"],
    ["a carriage return", packed("12\r3", [2, 4]), "invalid_payload"],
    ["a payload that is too long", packed("122223", [1, 5, 6]), "line_too_long"],
  ];
  for (const [name, payloads, code] of table) t.throws(() => measurePayloads(payloads, 3), { code }, name);
  t.equal(
    measurePayloads(packed("1222\n\r", [1, 4]), 3),
    4 + 2 * FRAME_BYTES_MAX,
    "what is behind them is free",
  );
});

await t.test("packed payloads reach the disk as lines", async (t) => {
  const spool = createSmallSpool();
  const writer = await spool.openWriter();
  await Promise.all([writer.append(packed("1223 more", [1, 3, 4])), writer.append([Buffer.from("5")])]);
  await writer.append(packed("", []));
  await writer.close();
  const lines = linesOf(await readAll(spool.openReader()));
  t.strictSame(
    lines.map(({ payload }) => payload.toString()),
    ["1", "22", "3", "5"],
  );
});

await t.test("a group takes over the memory of the one before it, and nothing of its bytes", async (t) => {
  const memory = new GroupMemory();
  const group = (text: string): Parameters<typeof frameGroup>[0] => {
    const payloads = packPayloads([Buffer.from(text)]);
    const bytes = measurePayloads(payloads, 1000);
    return [{ payloads, bytes, deadline: 0, settled: false, resolve: ignore, reject: ignore }];
  };
  const first = frameGroup(group("1".repeat(500)), 7, 1, memory).bytes;
  const second = frameGroup(group("2"), 7, 2, memory).bytes;
  t.equal(second.buffer, first.buffer);
  t.strictSame(second, encodeSingleLine(7, "data", 2, Buffer.from("2")));
  const large = memory.take(64 * 1024 * 1024);
  t.equal(large.byteLength, 64 * 1024 * 1024);
  t.equal(memory.take(1).buffer, first.buffer, "a group that is larger than usual keeps no memory");
});

await t.test("a line is spelt as FORMAT.md has it, whatever its number", async (t) => {
  const numbers = [0, 1, 9, 10, 99, 100, 12_345, 999_999_999, 2 ** 31, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER];
  for (const number of numbers) {
    for (const [kind, member] of [
      ["data", "d"],
      ["header", "header"],
      ["seal", "seal"],
    ] as const) {
      const checked = `"n":${number},"${member}":"x"}`;
      const checksum = crc32(checked, number >>> 0)
        .toString(16)
        .padStart(8, "0");
      const line = encodeSingleLine(number >>> 0, kind, number, Buffer.from('"x"')).toString();
      t.equal(line, `{"crc":"${checksum}",${checked}\n`);
    }
  }
});
