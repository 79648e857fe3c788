/**
 * Reads the body of a call of one message, as far as it is plain: one frame that is not compressed, or just a message.
 *
 * A body that is anything else, or may become too large, is handed back as far as it has come, and with the rest to
 * follow, for handlers that know what to say of it.
 */
import type { Readable } from "node:stream";
import type { BodyHold } from "../server/body-budget.js";
import type { Incoming } from "../server/incoming.js";
import { PlainRequest } from "../server/plain-request.js";
import { isForgotten } from "../server/unread-body.js";

export interface MessageReaders {
  /** The only message. What has come is counted, and the body is there as a whole. */
  readonly message: (message: Buffer, body: () => AsyncIterable<Uint8Array>) => void;
  /** The body is of another kind. Nothing of it is counted. */
  readonly other: (body: AsyncIterable<Uint8Array>) => void;
}

export interface MessageShape {
  /** True if the message comes in a frame. */
  readonly isFramed: boolean;
  /** Bytes of the message. */
  readonly bytesMax: number;
}

/** The flags, and the length of the message. */
const HEAD_BYTES = 5;

/** Calls one of the readers, once; or none if the caller is gone before its body has ended. */
export function readWholeMessage(
  incoming: Incoming,
  hold: BodyHold,
  shape: MessageShape,
  readers: MessageReaders,
): void {
  if (incoming instanceof PlainRequest) return readPlainMessage(incoming, hold, shape, readers);
  const source: Readable = "stream" in incoming ? incoming.stream : incoming;
  const chunks: Buffer[] = [];
  let length = 0;

  function take(chunk: Buffer): void {
    chunks.push(chunk);
    length += chunk.byteLength;
    hold.add(chunk.byteLength);
    if (isPlain(chunks, length, shape)) return;
    source.off("data", take);
    source.off("end", finish);
    source.pause();
    hold.release();
    readers.other(chain(chunks, source));
  }

  function finish(): void {
    // A stream that was reset ends as if it were complete, and so does a body that nobody wants any more.
    if (("stream" in incoming && incoming.stream.closed) || isForgotten(incoming)) return;
    const [first = NOTHING] = chunks;
    const body = chunks.length < 2 ? first : Buffer.concat(chunks, length);
    const start = shape.isFramed ? HEAD_BYTES : 0;
    if (shape.isFramed && (length < HEAD_BYTES || length !== HEAD_BYTES + body.readUInt32BE(1))) {
      hold.release();
      return readers.other(chain(chunks, undefined));
    }
    hold.arrived();
    readers.message(body.subarray(start), () => chain(chunks, undefined));
  }

  source.on("data", take);
  source.on("end", finish);
}

/** The length of this body was announced, and let pass: there is no harm in having all of it. */
function readPlainMessage(
  incoming: PlainRequest,
  hold: BodyHold,
  shape: MessageShape,
  readers: MessageReaders,
): void {
  incoming.readWhole(hold, (body) => {
    if (body === undefined) return;
    if (isWhole(body, shape)) {
      return readers.message(shape.isFramed ? body.subarray(HEAD_BYTES) : body, () =>
        chain([body], undefined),
      );
    }
    hold.release();
    readers.other(chain([body], undefined));
  });
}

function isWhole(body: Buffer, shape: MessageShape): boolean {
  if (!isPlain([body], body.byteLength, shape)) return false;
  return (
    !shape.isFramed ||
    (body.byteLength >= HEAD_BYTES && body.byteLength === HEAD_BYTES + body.readUInt32BE(1))
  );
}

const NOTHING = Buffer.alloc(0);

/** False once it is known that this is not a single message, not compressed and not too large. */
function isPlain(chunks: readonly Buffer[], length: number, { isFramed, bytesMax }: MessageShape): boolean {
  if (!isFramed) return length <= bytesMax;
  if (length < HEAD_BYTES) return true;
  const [first] = chunks;
  const head = first !== undefined && first.byteLength >= HEAD_BYTES ? first : Buffer.concat(chunks, length);
  const messageBytes = head.readUInt32BE(1);
  return head[0] === 0 && messageBytes <= bytesMax && length <= HEAD_BYTES + messageBytes;
}

async function* chain(chunks: readonly Buffer[], rest: Readable | undefined): AsyncGenerator<Uint8Array> {
  yield* chunks;
  if (rest === undefined) return;
  // Whoever stops reading still wants to answer.
  for await (const chunk of rest.iterator({ destroyOnReturn: false })) yield chunk as Buffer;
}
