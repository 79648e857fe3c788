/**
 * Undoes a `Content-Encoding` with a hard cap on what comes out, so that a bomb costs no more than an honest body.
 *
 * zlib stops at the cap by itself: at most one chunk beyond it is ever in memory.
 */
import type { Refusal } from "@event-collector/contract";
import type { Transform } from "node:stream";
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
  if (decoder === undefined) return { ok: false, refusal: unsupported() };
  try {
    return { ok: true, bytes: await decoder(bytes, { maxOutputLength: bytesMax }) };
  } catch (error) {
    if (codeOf(error) === "ERR_BUFFER_TOO_LARGE") {
      return refuse("body_too_large", `the body must have at most ${bytesMax} bytes after decompression`);
    }
    return refuse("malformed_compression", `the body is not ${name}`);
  }
}

/** Fewer, larger chunks: each costs a turn of the thread pool. */
const CHUNK_BYTES = 64 * 1024;

/** A window of 8 MiB, what zstd itself recommends that decoders take (RFC 8878, section 3.1.1.1.2). */
const ZSTD_WINDOW_LOG_MAX = 23;

/** Decoders with windows of up to 16 MiB that may be open at once; those of gzip and deflate have 32 KiB. */
const LARGE_WINDOWS_MAX = 64;

/** Makes a decoder that is a stream; `head` are the first bytes of what it will be fed. */
export type StreamDecoders = (
  name: string,
  head: Uint8Array,
) => { readonly stream: Transform } | { readonly refusal: Refusal };

export function createStreamDecoders(): StreamDecoders {
  let largeWindows = 0;

  function large(create: () => Transform): ReturnType<StreamDecoders> {
    if (largeWindows === LARGE_WINDOWS_MAX) {
      const message = `${LARGE_WINDOWS_MAX} streams of this encoding are open, which is the limit`;
      return { refusal: { code: "overloaded", message } };
    }
    largeWindows += 1;
    const stream = create();
    stream.once("close", () => (largeWindows -= 1));
    return { stream };
  }

  return (name, head) => {
    const options = { chunkSize: CHUNK_BYTES };
    switch (DECODERS.has(name) ? name : "") {
      case "gzip":
      case "x-gzip":
        return { stream: zlib.createGunzip(options) };
      case "deflate":
        return { stream: hasZlibHeader(head) ? zlib.createInflate(options) : zlib.createInflateRaw(options) };
      case "br":
        return large(() => zlib.createBrotliDecompress(options));
      case "zstd":
        return large(() => createZstdDecompress(options));
      default:
        return { refusal: unsupported() };
    }
  };
}

function refuse(code: Refusal["code"], message: string): Decompression {
  return { ok: false, refusal: { code, message } };
}

function unsupported(): Refusal {
  return { code: "unsupported_encoding", message: `the encodings understood are ${ENCODINGS}` };
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

/** Only called where Node has it, which the types of Node 20 do not know. */
function createZstdDecompress(options: { chunkSize: number }): Transform {
  const { createZstdDecompress: create } = zlib as unknown as {
    createZstdDecompress: (options: object) => Transform;
  };
  const windowLogMax = (zlib.constants as Record<string, number>)["ZSTD_d_windowLogMax"] ?? 100;
  return create({ ...options, params: { [windowLogMax]: ZSTD_WINDOW_LOG_MAX } });
}
