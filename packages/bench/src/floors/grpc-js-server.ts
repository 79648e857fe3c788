/**
 * What one would write for gRPC instead: a server of grpc-js that decodes with protobuf-es, makes the same line of each
 * event, and answers once the same writer has it on stable storage. It judges no event, knows no limits and no keys.
 * Run as `node grpc-js-server.js <spool directory>`.
 */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import {
  CollectEventResponseSchema,
  CollectEventsRequestSchema,
  CollectEventsResponseSchema,
  encodeRecord,
  eventFromMessage,
  EventSchema,
  StreamEventsResponseSchema,
} from "@event-collector/contract";
import type { Event, StreamEventsResponse } from "@event-collector/contract";
import { nodeDisk, openWriter, systemClock } from "@event-collector/spool";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import type { MethodDefinition, sendUnaryData, ServerDuplexStream, ServerUnaryCall } from "@grpc/grpc-js";
import type {
  CollectEventResponse,
  CollectEventsRequest,
  CollectEventsResponse,
} from "@event-collector/contract";
import { randomUUID } from "node:crypto";
import { writerOptions } from "../spool-options.js";

/** As many events as the collector answers together. */
const GROUP_EVENTS = 10;

const SERVICE = "/event_collector.v1.EventCollectorService";
const writer = await openWriter(nodeDisk, systemClock, writerOptions(process.argv[2] ?? ""));

function lineOf(message: Event, receivedAt: string): Uint8Array {
  const event = eventFromMessage(message);
  const eventId = message.eventId ?? randomUUID();
  const value = Buffer.from(JSON.stringify({ ...event, event_id: eventId, received_at: receivedAt }));
  const { learnerId: key, eventType } = message;
  return encodeRecord({ kind: "event", eventId, receivedAt, key, eventType, value });
}

async function store(events: readonly Event[]): Promise<{ batchId: string; timestamp: string }> {
  const timestamp = new Date().toISOString();
  await writer.append(events.map((event) => lineOf(event, timestamp)));
  return { batchId: `batch_${randomUUID()}`, timestamp };
}

async function answer<Reply>(done: sendUnaryData<Reply>, make: () => Promise<Reply>): Promise<void> {
  let reply: Reply;
  try {
    reply = await make();
  } catch (error) {
    done(error as Error);
    return;
  }
  done(null, reply);
}

function collectEvent(
  { request }: ServerUnaryCall<Event, CollectEventResponse>,
  done: sendUnaryData<CollectEventResponse>,
): void {
  const eventId = request.eventId ?? randomUUID();
  void answer(done, async () =>
    create(CollectEventResponseSchema, { success: true, eventId, ...(await store([request])) }),
  );
}

function collectEvents(
  { request: { events } }: ServerUnaryCall<CollectEventsRequest, CollectEventsResponse>,
  done: sendUnaryData<CollectEventsResponse>,
): void {
  void answer(done, async () =>
    create(CollectEventsResponseSchema, {
      success: true,
      accepted: events.length,
      ...(await store(events)),
    }),
  );
}

function streamEvents(stream: ServerDuplexStream<Event, StreamEventsResponse>): void {
  let group: Event[] = [];
  let firstIndex = 0n;
  const flush = (): void => {
    const events = group;
    group = [];
    const index = firstIndex;
    firstIndex += BigInt(events.length);
    void store(events).then((receipt) => {
      const accepted = events.length;
      stream.write(
        create(StreamEventsResponseSchema, { success: true, accepted, firstIndex: index, ...receipt }),
      );
    });
  };
  stream.on("data", (event: Event) => {
    group.push(event);
    if (group.length === GROUP_EVENTS) flush();
  });
  stream.on("end", () => stream.end());
  stream.on("error", () => undefined);
}

function method<Request extends DescMessage, Response extends DescMessage>(
  name: string,
  request: Request,
  response: Response,
  isStream = false,
): MethodDefinition<MessageShape<Request>, MessageShape<Response>> {
  return {
    path: `${SERVICE}/${name}`,
    requestStream: isStream,
    responseStream: isStream,
    requestSerialize: (message) => Buffer.from(toBinary(request, message)),
    requestDeserialize: (bytes) => fromBinary(request, bytes),
    responseSerialize: (message) => Buffer.from(toBinary(response, message)),
    responseDeserialize: (bytes) => fromBinary(response, bytes),
  };
}

const server = new Server();
server.addService(
  {
    collectEvent: method("CollectEvent", EventSchema, CollectEventResponseSchema),
    collectEvents: method("CollectEvents", CollectEventsRequestSchema, CollectEventsResponseSchema),
    streamEvents: method("StreamEvents", EventSchema, StreamEventsResponseSchema, true),
  },
  { collectEvent, collectEvents, streamEvents },
);
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error !== null) throw error;
  process.stdout.write(`${JSON.stringify({ msg: "listening", port })}\n`);
});
