/**
 * The frames of the answers that nearly all calls get, written without the machinery that writes any message: fields of
 * the wire contract in the order of their numbers, as the library writes them.
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { CollectEventResponseSchema, CollectEventsResponseSchema } from "@event-collector/contract";
import type { Receipt } from "../ingest.js";
import { answerOf, collectEvent } from "./collector-answer.js";

const HEAD_BYTES = 5;

/** Longer texts, and larger numbers, take more than the one byte of length that is written here. */
const ONE_BYTE_MAX = 0x7f;

/** The message of `CollectEventResponse`. Throws a ConnectError for an event that was rejected. */
export function encodeEventAnswer(receipt: Receipt): Uint8Array {
  const answer = collectEvent(receipt);
  const { eventId, batchId, timestamp, message } = answer;
  const texts = [undefined, eventId, batchId, timestamp, message];
  return (
    encodeTexts(texts, []) ?? toBinary(CollectEventResponseSchema, create(CollectEventResponseSchema, answer))
  );
}

/** The message of `CollectEventsResponse`. */
export function encodeBatchAnswer(receipt: Receipt): Uint8Array {
  const { batchId, receivedAt, accepted, rejected } = receipt;
  const common =
    rejected === 0
      ? encodeTexts([undefined, batchId, undefined, undefined, receivedAt], [[3, accepted]])
      : undefined;
  return (
    common ?? toBinary(CollectEventsResponseSchema, create(CollectEventsResponseSchema, answerOf(receipt)))
  );
}

/** A message not compressed, in its frame. */
export function frameOf(message: Uint8Array): Buffer {
  return framed(message, 0);
}

/** A compressed message in its frame. */
export function compressedFrameOf(message: Uint8Array): Buffer {
  return framed(message, 1);
}

function framed(message: Uint8Array, flags: number): Buffer {
  const frame = Buffer.allocUnsafe(HEAD_BYTES + message.byteLength);
  frame[0] = flags;
  frame.writeUInt32BE(message.byteLength, 1);
  frame.set(message, HEAD_BYTES);
  return frame;
}

/**
 * `success: true`, texts by their place (the field's number less one), numbers by their field. Undefined where a text
 * is not plain ASCII, or something is too large for one byte.
 */
function encodeTexts(
  texts: readonly (string | undefined)[],
  numbers: readonly (readonly [field: number, value: number])[],
): Uint8Array | undefined {
  let message = "\u0008\u0001";
  for (const [index, text] of texts.entries()) {
    const field = index + 1;
    for (const [numbered, value] of numbers) {
      if (numbered !== field) continue;
      if (value > ONE_BYTE_MAX) return undefined;
      message += String.fromCharCode(field << 3, value);
    }
    if (text === undefined) continue;
    if (text.length > ONE_BYTE_MAX || !PLAIN.test(text)) return undefined;
    message += String.fromCharCode((field << 3) | 2, text.length) + text;
  }
  return Buffer.from(message, "latin1");
}

const PLAIN = /^[\x20-\x7e]+$/;
