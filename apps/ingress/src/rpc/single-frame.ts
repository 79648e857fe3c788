/**
 * Reads the body of a unary gRPC call from its HTTP/2 stream: one frame with one message, not compressed.
 *
 * A body that is anything else, or may become too large, is handed back as far as it has come, and with the rest to
 * follow, for handlers that know what to say of it.
 */
import type { ServerHttp2Stream } from "node:http2";
import type { BodyHold } from "../server/body-budget.js";

export interface FrameReaders {
  /** The message of the only frame. What has come is counted, and the body is there as a whole. */
  readonly message: (message: Buffer, body: AsyncIterable<Uint8Array>) => void;
  /** The body is of another kind. Nothing of it is counted. */
  readonly other: (body: AsyncIterable<Uint8Array>) => void;
}

/** The flags, and the length of the message. */
const HEAD_BYTES = 5;

/** Calls one of the readers, once; or none if the caller resets the stream before its body has ended. */
export function readSingleFrame(
  stream: ServerHttp2Stream,
  hold: BodyHold,
  bytesMax: number,
  readers: FrameReaders,
): void {
  const chunks: Buffer[] = [];
  let length = 0;

  function take(chunk: Buffer): void {
    chunks.push(chunk);
    length += chunk.byteLength;
    hold.add(chunk.byteLength);
    if (isSingle(chunks, length, bytesMax)) return;
    stream.off("data", take);
    stream.off("end", finish);
    stream.pause();
    hold.release();
    readers.other(chain(chunks, stream));
  }

  function finish(): void {
    // A stream that was reset ends as if it were complete.
    if (stream.closed) return;
    const body = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks, length);
    if (body === undefined || length < HEAD_BYTES || length !== HEAD_BYTES + body.readUInt32BE(1)) {
      hold.release();
      return readers.other(chain(chunks, undefined));
    }
    hold.arrived();
    readers.message(body.subarray(HEAD_BYTES), chain(chunks, undefined));
  }

  stream.on("data", take);
  stream.on("end", finish);
}

/** False once it is known that this is not a single frame, not compressed and not too large. */
function isSingle(chunks: readonly Buffer[], length: number, bytesMax: number): boolean {
  if (length < HEAD_BYTES) return true;
  const [first] = chunks;
  const head = first !== undefined && first.byteLength >= HEAD_BYTES ? first : Buffer.concat(chunks, length);
  const messageBytes = head.readUInt32BE(1);
  return head[0] === 0 && messageBytes <= bytesMax && length <= HEAD_BYTES + messageBytes;
}

async function* chain(
  chunks: readonly Buffer[],
  rest: ServerHttp2Stream | undefined,
): AsyncGenerator<Uint8Array> {
  yield* chunks;
  if (rest === undefined) return;
  // Whoever stops reading still wants to answer.
  for await (const chunk of rest.iterator({ destroyOnReturn: false })) yield chunk as Buffer;
}
