/**
 * What is still to come of a body whose answer is out. It is read and forgotten for a while, since a sender that is
 * cut off while it writes may never see the answer: TCP drops what was not read yet when a reset arrives, and some
 * HTTP/2 clients (curl 7.88) drop an answer that a RST_STREAM follows, though RFC 9113, section 8.1, allows that.
 *
 * **Invariant:** neither many bytes nor much time is spent on a body that nobody wants.
 */
import { constants } from "node:http2";
import type { Readable } from "node:stream";
import type { Incoming } from "./incoming.js";
import type { PlainRequest } from "./plain-request.js";

export interface DiscardLimits {
  readonly bytesMax: number;
  /** Milliseconds. */
  readonly timeMax: number;
}

/** Four times the largest default body, and time enough to notice the answer on a slow line. */
export const DISCARDED: DiscardLimits = { bytesMax: 4 * 1024 * 1024, timeMax: 5_000 };

/** The event by which whoever still reads a body hears that it is forgotten. */
export const FORGOTTEN = "forgotten";

const forgotten = new WeakSet<object>();

/** True of a body that is read only to be forgotten: that it ends does not make it whole. */
export function isForgotten(body: object): boolean {
  return forgotten.has(body);
}

/** Beyond the limits the stream, or over HTTP/1.1 the connection, is cut. Call it before Node forgets the body itself. */
export function forgetRest(
  incoming: Exclude<Incoming, PlainRequest>,
  { bytesMax, timeMax }: DiscardLimits = DISCARDED,
): void {
  if (hasArrived(incoming) || forgotten.has(incoming)) return;
  forgotten.add(incoming);
  const source: Readable = "stream" in incoming ? incoming.stream : incoming;
  const cut = (): void => {
    if ("stream" in incoming) incoming.stream.close(constants.NGHTTP2_NO_ERROR);
    else incoming.socket.destroy();
  };
  const deadline = setTimeout(cut, timeMax);
  deadline.unref();
  for (const event of ["end", "close"]) source.once(event, () => clearTimeout(deadline));
  // Whoever has read so far lets go of it, and slows the sender down no more.
  incoming.emit(FORGOTTEN);
  source.removeAllListeners("data");
  let bytes = 0;
  source.on("data", (chunk: Buffer) => {
    bytes += chunk.byteLength;
    if (bytes > bytesMax) cut();
  });
  source.resume();
}

function hasArrived(incoming: Exclude<Incoming, PlainRequest>): boolean {
  if ("stream" in incoming) {
    const { stream } = incoming;
    return stream.endAfterHeaders || stream.readableEnded || stream.closed || stream.destroyed;
  }
  return incoming.destroyed || (incoming.complete && incoming.readableLength === 0);
}
