/** Calls of gRPC in every shape that matters to how they are read and answered, as bytes on the wire. */
import { create, toBinary } from "@bufbuild/protobuf";
import { CollectEventsRequestSchema, EventSchema, eventToMessage } from "@event-collector/contract";
import type { JsonObject, LearnerEvent } from "@event-collector/contract";
import { gzipSync } from "node:zlib";
import { sampleEvent } from "./sample-event.js";

export interface GrpcCall {
  readonly method?: "CollectEvent" | "CollectEvents" | "StreamEvents";
  readonly headers?: Readonly<Record<string, string>>;
  /** What is sent, piece by piece. */
  readonly chunks: readonly Uint8Array[];
  /** The caller does not end its body before it is answered. */
  readonly staysOpen?: boolean;
  /** Of the outcome, so that a case means what it says. */
  readonly status?: string;
}

/** The message of the sample with these changes. */
export function eventMessage(changes: JsonObject = {}): Uint8Array {
  return toBinary(EventSchema, eventToMessage(sampleEvent(changes) as unknown as LearnerEvent));
}

export function batchMessage(...changes: readonly JsonObject[]): Uint8Array {
  const events = changes.map((one) => eventToMessage(sampleEvent(one) as unknown as LearnerEvent));
  return toBinary(CollectEventsRequestSchema, create(CollectEventsRequestSchema, { events }));
}

export function grpcFrame(message: Uint8Array, flags = 0, length: number = message.byteLength): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(length, 1);
  return Buffer.concat([head, message]);
}

export function oneFrame(message: Uint8Array): readonly Uint8Array[] {
  return [grpcFrame(message)];
}

const bad = { learner_id: "", timestamp: "x" };
const named = Array.from({ length: 10 }, (_, n) => ({ event_id: `mine-${n}`, lesson_id: n % 2 ? "" : "l" }));

export const GRPC_CALLS: Readonly<Record<string, GrpcCall>> = {
  "a good event": { chunks: oneFrame(eventMessage({ event_id: "mine" })), status: "0" },
  "an event without an id": { chunks: oneFrame(eventMessage()), status: "0" },
  "an event with everything": {
    chunks: oneFrame(
      eventMessage({ session_id: "s", metadata: { a: [1, null, "é", { b: true }] }, event_id: "mine" }),
    ),
    status: "0",
  },
  "an id that is not ASCII": { chunks: oneFrame(eventMessage({ event_id: "Lektion-é-😀" })), status: "0" },
  "an id of 256 characters": { chunks: oneFrame(eventMessage({ event_id: "x".repeat(256) })), status: "0" },
  "a content type with the codec": {
    headers: { "content-type": "application/grpc+proto" },
    chunks: oneFrame(eventMessage({ event_id: "mine" })),
    status: "0",
  },
  "JSON, which the library also speaks": {
    headers: { "content-type": "application/grpc+json" },
    chunks: [grpcFrame(Buffer.from(JSON.stringify({ learnerId: "l" })))],
    status: "3",
  },
  "a content type that is not known": { headers: { "content-type": "application/grpc+xml" }, chunks: [] },
  "a body in pieces": {
    chunks: [...grpcFrame(eventMessage({ event_id: "mine" }))].map((byte) => Buffer.of(byte)),
    status: "0",
  },
  "an event that is rejected": { chunks: oneFrame(eventMessage(bad)), status: "3" },
  "an event that is rejected, with an id": {
    chunks: oneFrame(eventMessage({ ...bad, event_id: "mine" })),
    status: "3",
  },
  "an event of nothing": { chunks: oneFrame(new Uint8Array()), status: "3" },
  "data with a number that is none": {
    chunks: [
      grpcFrame(Buffer.concat([eventMessage(), Buffer.from("42100a0e0a0161120911000000000000f87f", "hex")])),
    ],
    status: "3",
  },
  "a field that is not known": {
    chunks: [grpcFrame(Buffer.concat([eventMessage(), Buffer.of(0x52, 1, 0x61)]))],
    status: "0",
  },
  "bytes that are no message": { chunks: [grpcFrame(Buffer.of(0xff, 0xff, 0xff))] },
  "a text that is no UTF-8": { chunks: [grpcFrame(Buffer.of(0x0a, 2, 0xff, 0xfe))] },
  "no body": { chunks: [] },
  "half a head": { chunks: [Buffer.of(0, 0)] },
  "half a message": { chunks: [grpcFrame(eventMessage()).subarray(0, 20)] },
  "two messages": { chunks: [grpcFrame(eventMessage()), grpcFrame(eventMessage())] },
  "more than the message": { chunks: [grpcFrame(eventMessage()), Buffer.of(1)] },
  "a flag that is not known": { chunks: [grpcFrame(eventMessage(), 2)] },
  "a compressed message": {
    headers: { "grpc-encoding": "gzip" },
    chunks: [grpcFrame(gzipSync(eventMessage({ event_id: "mine" })), 1)],
    status: "0",
  },
  "a compressed message that is not announced": { chunks: [grpcFrame(gzipSync(eventMessage()), 1)] },
  "an encoding that is not known": {
    headers: { "grpc-encoding": "snappy" },
    chunks: oneFrame(eventMessage()),
    status: "12",
  },
  "a call that asks before it sends": {
    headers: { expect: "100-continue" },
    chunks: oneFrame(eventMessage({ event_id: "mine" })),
    status: "0",
  },
  identity: {
    headers: { "grpc-encoding": "identity" },
    chunks: oneFrame(eventMessage({ event_id: "mine" })),
    status: "0",
  },
  "an answer that may be compressed, and is short": {
    headers: { "grpc-accept-encoding": "identity,deflate,gzip" },
    chunks: oneFrame(eventMessage({ event_id: "mine" })),
    status: "0",
  },
  "encodings that are not known": {
    headers: { "grpc-accept-encoding": "snappy, identity" },
    chunks: oneFrame(eventMessage({ event_id: "mine" })),
    status: "0",
  },
  "a message over the limit": {
    chunks: oneFrame(eventMessage({ event_data: { text: "x".repeat(9000) } })),
    status: "8",
  },
  "a length over the limit": { chunks: [grpcFrame(new Uint8Array(), 0, 0xffffffff)], status: "8" },
  "a length over the limit, and more to come": {
    chunks: [grpcFrame(new Uint8Array(100), 0, 0xffffffff)],
    staysOpen: true,
    status: "8",
  },
  "a second message, and more to come": {
    chunks: [Buffer.concat([grpcFrame(eventMessage()), grpcFrame(eventMessage())])],
    staysOpen: true,
  },
  "a stream with a message over the limit, and more to come": {
    method: "StreamEvents",
    chunks: [grpcFrame(eventMessage()), grpcFrame(new Uint8Array(100), 0, 0xffffffff)],
    staysOpen: true,
    status: "8",
  },
  "the trace of the caller": {
    headers: {
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      tracestate: "a=b",
    },
    chunks: oneFrame(eventMessage({ event_id: "mine" })),
    status: "0",
  },
  "a batch": {
    method: "CollectEvents",
    chunks: oneFrame(batchMessage({ event_id: "a" }, { event_id: "b" })),
    status: "0",
  },
  "a batch of good and bad": {
    method: "CollectEvents",
    chunks: oneFrame(batchMessage({}, bad)),
    status: "0",
  },
  "a batch with an answer that is compressed": {
    method: "CollectEvents",
    headers: { "grpc-accept-encoding": "br;q=1, br, gzip" },
    chunks: oneFrame(batchMessage(...named)),
    status: "0",
  },
  "a batch with a long answer": {
    method: "CollectEvents",
    chunks: oneFrame(batchMessage(...named)),
    status: "0",
  },
  "a batch of nothing": { method: "CollectEvents", chunks: oneFrame(new Uint8Array()), status: "3" },
  "a batch of too many": {
    method: "CollectEvents",
    chunks: oneFrame(batchMessage(...Array.from({ length: 11 }, () => ({})))),
    status: "3",
  },
  "a stream of groups": {
    method: "StreamEvents",
    chunks: Array.from({ length: 8 }, (_, n) => grpcFrame(eventMessage({ event_id: `mine-${n}` }))),
    status: "0",
  },
  "a stream in one piece, with what is rejected": {
    method: "StreamEvents",
    chunks: [Buffer.concat(named.map((one) => grpcFrame(eventMessage(one))))],
    status: "0",
  },
  "a stream of many events": {
    method: "StreamEvents",
    chunks: Array.from({ length: 300 }, (_, n) => grpcFrame(eventMessage({ event_id: `mine-${n}` }))),
    status: "0",
  },
  "a stream in small pieces": {
    method: "StreamEvents",
    chunks: Array.from(Buffer.concat([grpcFrame(eventMessage()), grpcFrame(eventMessage(bad))]), (byte) =>
      Buffer.of(byte),
    ),
    status: "0",
  },
  "a stream of nothing": { method: "StreamEvents", chunks: [], status: "0" },
  "a stream of empty events": { method: "StreamEvents", chunks: [grpcFrame(new Uint8Array())], status: "0" },
  "a stream with a field that is not known": {
    method: "StreamEvents",
    chunks: [
      grpcFrame(eventMessage()),
      grpcFrame(Buffer.concat([eventMessage(), Buffer.of(0x52, 1, 0x61)])),
      grpcFrame(eventMessage()),
    ],
    status: "0",
  },
  "a stream with bytes that are no message": {
    method: "StreamEvents",
    chunks: [grpcFrame(eventMessage()), grpcFrame(Buffer.of(0xff, 0xff, 0xff)), grpcFrame(eventMessage())],
  },
  "a stream with a compressed message that is not announced": {
    method: "StreamEvents",
    chunks: [grpcFrame(eventMessage()), grpcFrame(gzipSync(eventMessage()), 1)],
  },
  "a stream with a flag that is not known": {
    method: "StreamEvents",
    chunks: [grpcFrame(eventMessage(), 2)],
  },
  "a stream that ends in a head": {
    method: "StreamEvents",
    chunks: [grpcFrame(eventMessage()), Buffer.of(0, 0)],
  },
  "a stream that ends in a message": {
    method: "StreamEvents",
    chunks: [grpcFrame(eventMessage()), grpcFrame(eventMessage()).subarray(0, 20)],
  },
  "a stream with a message over the limit": {
    method: "StreamEvents",
    chunks: [grpcFrame(eventMessage()), grpcFrame(eventMessage({ event_data: { text: "x".repeat(9000) } }))],
    status: "8",
  },
  "a stream with answers that are compressed": {
    method: "StreamEvents",
    headers: { "grpc-accept-encoding": "gzip" },
    chunks: [
      Buffer.concat(named.map(() => grpcFrame(eventMessage({ ...bad, event_data: {}, event_type: "x" })))),
    ],
    status: "0",
  },
  "a stream of compressed messages": {
    method: "StreamEvents",
    headers: { "grpc-encoding": "gzip" },
    chunks: [grpcFrame(gzipSync(eventMessage()), 1)],
    status: "0",
  },
  "no key": { headers: { authorization: "" }, chunks: oneFrame(eventMessage()), status: "16" },
};
