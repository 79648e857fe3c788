import t from "tap";
import { checksumSeed, decodeLine, encodeSingleLine, payloadOf } from "./frame.js";

const SEED = checksumSeed("segment");

await t.test("a line is one JSON object that holds its payload", async (t) => {
  const line = encodeSingleLine(SEED, "data", 41, Buffer.from('{"a":12345678901234567890}'));
  t.match(line.toString(), /^\{"crc":"[0-9a-f]{8}","n":41,"d":\{"a":12345678901234567890\}\}\n$/);
  t.match(JSON.parse(line.toString()), { n: 41 });
});

await t.test("a line of another segment does not verify", async (t) => {
  const line = encodeSingleLine(checksumSeed("other"), "data", 1, Buffer.from("1"));
  t.equal(decodeLine(line, 0, line.byteLength - 1, SEED), undefined);
});

await t.test("every kind of line comes back as it was written", async (t) => {
  for (const kind of ["data", "header", "seal"] as const) {
    const line = encodeSingleLine(SEED, kind, 9_007_199_254_740_991, Buffer.from('"x"'));
    const decoded = decodeLine(line, 0, line.byteLength - 1, SEED);
    t.match(decoded, { kind, sequence: 9_007_199_254_740_991 });
    t.equal(decoded && payloadOf(decoded).toString(), '"x"');
  }
});

await t.test("a payload that would break the line is refused", async (t) => {
  for (const payload of ["", "a\nb", "a\rb"]) {
    t.throws(() => encodeSingleLine(SEED, "data", 1, Buffer.from(payload)), { code: "invalid_payload" });
  }
});

await t.test("every single-bit flip of a line is noticed", async (t) => {
  const line = encodeSingleLine(SEED, "data", 7, Buffer.from('{"learner":"a","score":1.10}'));
  for (let bit = 0; bit < (line.byteLength - 1) * 8; bit++) {
    const flipped = Buffer.from(line);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    if (decodeLine(flipped, 0, flipped.byteLength - 1, SEED) !== undefined)
      t.fail(`bit ${bit} went unnoticed`);
  }
});
