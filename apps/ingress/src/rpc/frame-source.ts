/**
 * The events of a gRPC stream, read from the frames of its HTTP/2 stream one by one.
 *
 * A frame of the common kind is read at once. Any other is put to the library, which decodes it, or says what is wrong
 * with it as it would have said by itself.
 *
 * **Invariant:** what waits to be asked for is bounded: the stream pauses, and HTTP/2 makes the sender wait.
 */
import { Code, ConnectError } from "@connectrpc/connect";
import {
  createAsyncIterable,
  createMethodSerializationLookup,
  pipe,
  transformDecompressEnvelope,
  transformParseEnvelope,
  transformSplitEnvelope,
} from "@connectrpc/connect/protocol";
import { EventCollectorService, readWireEvent, sourceFromMessage } from "@event-collector/contract";
import type { Event, SourceEvent } from "@event-collector/contract";
import type { ServerHttp2Stream } from "node:http2";
import type { BodyHold } from "../server/body-budget.js";

export interface FrameSourceOptions {
  readonly messageBytesMax: number;
  /** What decoders may recurse. */
  readonly recursionLimit: number;
}

const HEAD_BYTES = 5;

/** Bytes that wait; one frame may exceed it. */
const WAITING_BYTES_MAX = 64 * 1024;

const WRITE_BYTES_MAX = 0xffffffff;

export function readFrames(
  stream: ServerHttp2Stream,
  hold: BodyHold,
  options: FrameSourceOptions,
): AsyncIterable<SourceEvent> {
  return { [Symbol.asyncIterator]: () => new FrameSource(stream, hold, options) };
}

class FrameSource implements AsyncIterator<SourceEvent, undefined> {
  readonly #stream: ServerHttp2Stream;
  readonly #hold: BodyHold;
  readonly #options: FrameSourceOptions;
  #bytes: Buffer = Buffer.alloc(0);
  #hasEnded = false;
  #isGone = false;
  #wake: () => void = () => undefined;

  constructor(stream: ServerHttp2Stream, hold: BodyHold, options: FrameSourceOptions) {
    this.#stream = stream;
    this.#hold = hold;
    this.#options = options;
    stream.on("data", this.#take);
    stream.on("end", this.#finish);
    stream.on("close", this.#leave);
  }

  readonly #take = (chunk: Buffer): void => {
    this.#hold.add(chunk.byteLength);
    this.#bytes = this.#bytes.byteLength === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    if (this.#bytes.byteLength > WAITING_BYTES_MAX && this.#frameEnd() !== undefined) this.#stream.pause();
    this.#wake();
  };

  readonly #finish = (): void => {
    this.#hasEnded = true;
    // A stream that was reset ends as if it were complete.
    this.#isGone ||= this.#stream.closed;
    if (!this.#isGone) this.#hold.arrived();
    this.#wake();
  };

  readonly #leave = (): void => {
    this.#isGone ||= !this.#hasEnded;
    this.#wake();
  };

  async next(): Promise<IteratorResult<SourceEvent, undefined>> {
    for (;;) {
      if (this.#isGone) throw new ConnectError("the stream was reset", Code.Canceled);
      const end = this.#frameEnd();
      if (end !== undefined) return this.#readFrame(end);
      if (this.#hasEnded) {
        if (this.#bytes.byteLength > 0) await this.#askLibrary(this.#bytes);
        return { done: true, value: undefined };
      }
      this.#stream.resume();
      await new Promise<void>((resolve) => void (this.#wake = resolve));
    }
  }

  return(): Promise<IteratorResult<SourceEvent, undefined>> {
    this.#stream.off("data", this.#take);
    // What still comes is of no interest, and must not keep the connection busy.
    this.#stream.resume();
    return Promise.resolve({ done: true, value: undefined });
  }

  /** Where the first frame ends; undefined if it is not there as a whole. One that is too large ends with its head. */
  #frameEnd(): number | undefined {
    if (this.#bytes.byteLength < HEAD_BYTES) return undefined;
    const messageBytes = this.#bytes.readUInt32BE(1);
    if (messageBytes > this.#options.messageBytesMax) return HEAD_BYTES;
    const end = HEAD_BYTES + messageBytes;
    return end <= this.#bytes.byteLength ? end : undefined;
  }

  async #readFrame(end: number): Promise<IteratorResult<SourceEvent, undefined>> {
    const frame = this.#bytes.subarray(0, end);
    this.#bytes = this.#bytes.subarray(end);
    const isCommon = frame[0] === 0 && frame.readUInt32BE(1) === end - HEAD_BYTES;
    const event = isCommon ? readWireEvent(frame.subarray(HEAD_BYTES)) : undefined;
    return { done: false, value: event ?? sourceFromMessage(await this.#askLibrary(frame)) };
  }

  /** The message of these bytes. Rejects with the library's own error where they are none. */
  async #askLibrary(bytes: Uint8Array): Promise<Event> {
    const { messageBytesMax, recursionLimit } = this.#options;
    const { input } = serialization(messageBytesMax, recursionLimit);
    const messages = pipe(
      createAsyncIterable([bytes]),
      transformSplitEnvelope(messageBytesMax),
      transformDecompressEnvelope(null, messageBytesMax),
      transformParseEnvelope(input),
    );
    for await (const message of messages) return message;
    throw new Error("the library found neither a message nor a mistake");
  }
}

function serialization(
  readMaxBytes: number,
  recursionLimit: number,
): { input: Parameters<typeof transformParseEnvelope<Event>>[0] } {
  const limits = { readMaxBytes, writeMaxBytes: WRITE_BYTES_MAX };
  const method = EventCollectorService.method.streamEvents;
  const lookup = createMethodSerializationLookup(method, { recursionLimit }, undefined, limits);
  return { input: lookup.getI(true) };
}
