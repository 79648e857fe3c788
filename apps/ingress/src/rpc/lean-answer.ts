/**
 * The messages and frames of the answers that nearly all calls get, written without the machinery that writes any
 * message: fields of the wire contract in the order of their numbers, as the library writes them.
 */
import { create, toBinary, toJsonString } from "@bufbuild/protobuf";
import type { Compression } from "@connectrpc/connect/protocol";
import {
  CollectEventResponseSchema,
  CollectEventsResponseSchema,
  StreamEventsResponseSchema,
} from "@event-collector/contract";
import type { Receipt } from "../ingest.js";
import { answerOf, collectEvent } from "./collector-answer.js";
import type { StreamAnswer } from "./stream-answers.js";

const HEAD_BYTES = 5;

/** The message of `CollectEventResponse`. Throws a ConnectError for an event that was rejected. */
export function encodeEventAnswer(receipt: Receipt): Uint8Array {
  const answer = collectEvent(receipt);
  const { eventId, batchId, timestamp, message } = answer;
  const texts = [undefined, eventId, batchId, timestamp, message];
  return (
    encodeFields(texts, []) ??
    toBinary(CollectEventResponseSchema, create(CollectEventResponseSchema, answer))
  );
}

/** The same in the JSON form of protobuf, in which what is empty or nothing is left out. */
export function printEventAnswer(receipt: Receipt): Uint8Array {
  return Buffer.from(JSON.stringify(collectEvent(receipt)));
}

/** The message of `CollectEventsResponse`. */
export function encodeBatchAnswer(receipt: Receipt): Uint8Array {
  const { batchId, receivedAt, accepted, rejected } = receipt;
  const common =
    rejected === 0
      ? encodeFields([undefined, batchId, undefined, undefined, receivedAt], [[3, accepted]])
      : undefined;
  return (
    common ?? toBinary(CollectEventsResponseSchema, create(CollectEventsResponseSchema, answerOf(receipt)))
  );
}

/** The same in the JSON form of protobuf. */
export function printBatchAnswer(receipt: Receipt): Uint8Array {
  const { batchId, receivedAt: timestamp, accepted, rejected } = receipt;
  const text =
    rejected === 0
      ? JSON.stringify({ success: true, batchId, accepted, timestamp })
      : toJsonString(CollectEventsResponseSchema, create(CollectEventsResponseSchema, answerOf(receipt)));
  return Buffer.from(text);
}

/** The message of `StreamEventsResponse`. */
export function encodeStreamAnswer({ receipt, firstIndex }: StreamAnswer): Uint8Array {
  const { batchId, receivedAt, accepted, rejected } = receipt;
  if (rejected === 0 && firstIndex <= Number.MAX_SAFE_INTEGER) {
    const texts = [undefined, batchId, undefined, undefined, receivedAt];
    const numbers: Numbers =
      firstIndex === 0n
        ? [[3, accepted]]
        : [
            [3, accepted],
            [7, Number(firstIndex)],
          ];
    const common = encodeFields(texts, numbers);
    if (common !== undefined) return common;
  }
  const answer = { ...answerOf(receipt), firstIndex };
  return toBinary(StreamEventsResponseSchema, create(StreamEventsResponseSchema, answer));
}

/** Shorter messages are not compressed: the library's own bound. */
const COMPRESS_BYTES_MIN = 1024;

/** True for messages that go out compressed to a caller that takes this compression. */
export function isCompressible(
  message: Uint8Array,
  compression: Compression | undefined,
): compression is Compression {
  return compression !== undefined && message.byteLength >= COMPRESS_BYTES_MIN;
}

/** The frame of a message to a caller that takes this compression. */
export async function frameFor(
  message: Uint8Array,
  compression: Compression | undefined,
  flags = 0,
): Promise<Buffer> {
  if (!isCompressible(message, compression)) return frameOf(message, flags);
  return frameOf(await compression.compress(message), flags | COMPRESSED);
}

const COMPRESSED = 1;

function frameOf(message: Uint8Array, flags: number): Buffer {
  const frame = Buffer.allocUnsafe(HEAD_BYTES + message.byteLength);
  frame[0] = flags;
  frame.writeUInt32BE(message.byteLength, 1);
  frame.set(message, HEAD_BYTES);
  return frame;
}

type Numbers = readonly (readonly [field: number, value: number])[];

/**
 * `success: true`, then fields in the order of their numbers: texts by their place, numbers by name, a field that is
 * neither left out. Undefined where a text is not plain ASCII, or is too long for a length of one byte.
 */
function encodeFields(texts: readonly (string | undefined)[], numbers: Numbers): Uint8Array | undefined {
  let message = "\u0008\u0001";
  for (let field = 2; field <= FIELDS_MAX; field += 1) {
    const text = texts[field - 1];
    if (text !== undefined) {
      if (text.length > ONE_BYTE_MAX || !PLAIN.test(text)) return undefined;
      message += String.fromCharCode((field << 3) | 2, text.length) + text;
    }
    for (const [numbered, value] of numbers) {
      if (numbered === field) message += String.fromCharCode(field << 3) + varint(value);
    }
  }
  return Buffer.from(message, "latin1");
}

const FIELDS_MAX = 7;

/** Longer texts take more than the one byte of length that is written here. */
const ONE_BYTE_MAX = 0x7f;

const PLAIN = /^[\x20-\x7e]+$/;

/** The wire form of a whole number, in characters of one byte each. */
function varint(value: number): string {
  let rest = value;
  let text = "";
  while (rest > ONE_BYTE_MAX) {
    text += String.fromCharCode((rest % 0x80) | 0x80);
    rest = Math.floor(rest / 0x80);
  }
  return text + String.fromCharCode(rest);
}
