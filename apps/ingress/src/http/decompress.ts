/**
 * Undoes a `Content-Encoding` with a hard cap on what comes out, so that a bomb costs no more than an honest body.
 *
 * zlib stops at the cap by itself: at most one chunk beyond it is ever in memory.
 */
import type { Refusal } from "@event-collector/contract";
import * as zlib from "node:zlib";
import { promisify } from "node:util";

type Decoder = (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>;

const gunzip: Decoder = promisify(zlib.gunzip);
const inflate: Decoder = promisify(zlib.inflate);
const inflateRaw: Decoder = promisify(zlib.inflateRaw);
const brotliDecompress: Decoder = promisify(zlib.brotliDecompress);

/** "deflate" is zlib's format (RFC 9110, section 8.4.1.2), but some senders leave its two bytes of header out. */
const deflate: Decoder = (bytes, options) => (hasZlibHeader(bytes) ? inflate : inflateRaw)(bytes, options);

const DECODERS: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ["gzip", gunzip],
  ["x-gzip", gunzip],
  ["deflate", deflate],
  ["br", brotliDecompress],
  ...zstd(),
]);

/** The encodings that are understood, for `Accept-Encoding`. */
export const ENCODINGS: string = [...DECODERS.keys()].filter((name) => name !== "x-gzip").join(", ");

export type Decompression =
  { readonly ok: true; readonly bytes: Buffer } | { readonly ok: false; readonly refusal: Refusal };

/** `encoding` is the value of the header, if there is one. One encoding is undone, not several. */
export async function decompress(
  bytes: Buffer,
  encoding: string | undefined,
  bytesMax: number,
): Promise<Decompression> {
  const name = encoding?.trim().toLowerCase() ?? "";
  if (name === "" || name === "identity") return { ok: true, bytes };
  const decoder = DECODERS.get(name);
  if (decoder === undefined)
    return refuse("unsupported_encoding", `the encodings understood are ${ENCODINGS}`);
  try {
    return { ok: true, bytes: await decoder(bytes, { maxOutputLength: bytesMax }) };
  } catch (error) {
    if (codeOf(error) === "ERR_BUFFER_TOO_LARGE") {
      return refuse("body_too_large", `the body must have at most ${bytesMax} bytes after decompression`);
    }
    return refuse("malformed_compression", `the body is not ${name}`);
  }
}

function refuse(code: Refusal["code"], message: string): Decompression {
  return { ok: false, refusal: { code, message } };
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

/** RFC 1950, section 2.2: method 8, and a header that is a multiple of 31. */
function hasZlibHeader(bytes: Uint8Array): boolean {
  const [first = 0, second = 0] = bytes;
  return (first & 0x0f) === 8 && (first * 256 + second) % 31 === 0;
}

/** From Node 22.15 on. */
function zstd(): [string, Decoder][] {
  if (!("zstdDecompress" in zlib)) return [];
  return [["zstd", promisify(zlib.zstdDecompress as typeof zlib.gunzip)]];
}
