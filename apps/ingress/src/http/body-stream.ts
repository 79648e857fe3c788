/**
 * The body of a request as a stream of decoded chunks, for bodies that are larger than memory.
 *
 * **Invariant:** what is read ahead is bounded, whatever the size of the body: the decoder has a window, and the
 * sender waits while nobody asks for more.
 * **Invariant:** bytes are counted before and after decoding, and so is their ratio: a bomb ends at its first burst.
 */
import { pipeline, Readable } from "node:stream";
import type { ServiceRefusal } from "../refusal.js";
import type { BodyHold } from "../server/body-budget.js";
import { CUT_SHORT, tooLarge, wasAborted } from "./body.js";
import type { StreamDecoders } from "./decompress.js";

export interface BodyStreamLimits {
  /** Bytes, before and after decoding. */
  readonly bytesMax: number;
  /** Decoded bytes for each encoded one, beyond the first `expansionFreeBytes`. */
  readonly expansionMax: number;
  readonly expansionFreeBytes: number;
}

/** The body is refused; what was read of it before was handed out. */
export class BodyRefused extends Error {
  override readonly name = "BodyRefused";
  readonly refusal: ServiceRefusal;

  constructor(refusal: ServiceRefusal) {
    super(refusal.message);
    this.refusal = refusal;
  }
}

/** Throws BodyRefused. Leaves the source open when it is not read to its end, so that an answer can be given. */
export async function* streamBody(
  source: Readable,
  encoding: string | undefined,
  limits: BodyStreamLimits,
  decoders: StreamDecoders,
  hold: BodyHold,
): AsyncGenerator<Buffer> {
  const sent = { bytes: 0 };
  const chunks = readChunks(source, limits.bytesMax, sent);
  const name = encoding?.trim().toLowerCase() ?? "";
  if (name === "" || name === "identity") {
    for await (const chunk of chunks) {
      hold.add(chunk.byteLength);
      yield chunk;
    }
    return;
  }
  let decoded = 0;
  for await (const chunk of decode(chunks, name, decoders)) {
    decoded += chunk.byteLength;
    if (decoded > limits.bytesMax) throw new BodyRefused(tooLarge(limits.bytesMax));
    if (decoded > limits.expansionFreeBytes + sent.bytes * limits.expansionMax) {
      throw new BodyRefused(tooDense(limits.expansionMax));
    }
    hold.add(chunk.byteLength);
    yield chunk;
  }
}

async function* readChunks(
  source: Readable,
  bytesMax: number,
  sent: { bytes: number },
): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of source.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      sent.bytes += chunk.byteLength;
      if (sent.bytes > bytesMax) throw new BodyRefused(tooLarge(bytesMax));
      yield chunk;
    }
  } catch (error) {
    throw error instanceof BodyRefused ? error : new BodyRefused(CUT_SHORT);
  }
  if (wasAborted(source)) throw new BodyRefused(CUT_SHORT);
}

async function* decode(
  chunks: AsyncGenerator<Buffer>,
  name: string,
  decoders: StreamDecoders,
): AsyncGenerator<Buffer> {
  const first = await chunks.next();
  const head = first.done === true ? Buffer.alloc(0) : first.value;
  const decoder = decoders(name, head);
  if ("refusal" in decoder) {
    // Whoever still waits for chunks would keep the rest of the body from being read and forgotten.
    await chunks.return(undefined);
    throw new BodyRefused(decoder.refusal);
  }
  // What goes wrong on either side comes out of the decoder.
  pipeline(Readable.from(startWith(head, chunks)), decoder.stream, () => undefined);
  try {
    for await (const chunk of decoder.stream) yield chunk as Buffer;
  } catch (error) {
    if (error instanceof BodyRefused) throw error;
    throw new BodyRefused({ code: "malformed_compression", message: `the body is not ${name}` });
  }
}

async function* startWith(head: Buffer, rest: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  yield head;
  yield* rest;
}

function tooDense(expansionMax: number): ServiceRefusal {
  return {
    code: "body_too_large",
    message: `the body must not decompress to more than ${expansionMax} times its size`,
  };
}
