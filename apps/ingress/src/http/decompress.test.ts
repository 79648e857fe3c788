import t from "tap";
import * as zlib from "node:zlib";
import { decompress } from "./decompress.js";

const TEXT = Buffer.from('{"events":[]}');

/** Node has it from 22.15 on. */
const zstd: [string, Buffer][] =
  "zstdCompressSync" in zlib ? [["zstd", (zlib.zstdCompressSync as typeof zlib.gzipSync)(TEXT)]] : [];

const ENCODED: [string | undefined, Buffer][] = [
  [undefined, TEXT],
  ["identity", TEXT],
  ["gzip", zlib.gzipSync(TEXT)],
  ["GZIP ", zlib.gzipSync(TEXT)],
  ["x-gzip", zlib.gzipSync(TEXT)],
  ["gzip", Buffer.concat([zlib.gzipSync(TEXT.subarray(0, 5)), zlib.gzipSync(TEXT.subarray(5))])],
  ["deflate", zlib.deflateSync(TEXT)],
  ["deflate", zlib.deflateRawSync(TEXT)],
  ["br", zlib.brotliCompressSync(TEXT)],
  ...zstd,
];

for (const [encoding, bytes] of ENCODED) {
  await t.test(`${encoding ?? "no encoding"}: what was encoded comes back`, async (t) => {
    t.same(await decompress(bytes, encoding, 1024), { ok: true, bytes: TEXT });
  });
}

await t.test("exactly the cap still passes, one byte more does not", async (t) => {
  const bytes = zlib.gzipSync(Buffer.alloc(1000));
  t.match(await decompress(bytes, "gzip", 1000), { ok: true });
  t.match(await decompress(bytes, "gzip", 999), { ok: false, refusal: { code: "body_too_large" } });
});

await t.test("a bomb is refused and costs no more memory than the cap", async (t) => {
  const zeros = Buffer.alloc(256 * 1024 * 1024);
  const bombs: [string, Buffer][] = [
    ["gzip", zlib.gzipSync(zeros)],
    ["deflate", zlib.deflateSync(zeros)],
    ["br", zlib.brotliCompressSync(zeros, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 3 } })],
  ];
  const before = process.memoryUsage.rss();
  for (const [encoding, bytes] of bombs) {
    t.match(
      await decompress(bytes, encoding, 1024 * 1024),
      { ok: false, refusal: { code: "body_too_large" } },
      encoding,
    );
  }
  t.ok(process.memoryUsage.rss() - before < 64 * 1024 * 1024);
});

await t.test("damaged, cut or foreign bytes are malformed", async (t) => {
  const damaged = zlib.gzipSync(TEXT);
  damaged.writeUInt32LE(0, damaged.length - 8);
  for (const [encoding, bytes] of [
    ["gzip", damaged],
    ["gzip", zlib.gzipSync(TEXT).subarray(0, 15)],
    ["gzip", TEXT],
    ["gzip", Buffer.alloc(0)],
    ["deflate", TEXT],
    ["br", TEXT],
  ] as const) {
    t.match(
      await decompress(bytes, encoding, 1024),
      { ok: false, refusal: { code: "malformed_compression" } },
      encoding,
    );
  }
});

await t.test("an encoding that is not known, and a pile of them, is not supported", async (t) => {
  for (const encoding of ["compress", "gzip, gzip", "aes128gcm"]) {
    t.match(
      await decompress(TEXT, encoding, 1024),
      { ok: false, refusal: { code: "unsupported_encoding" } },
      encoding,
    );
  }
});
