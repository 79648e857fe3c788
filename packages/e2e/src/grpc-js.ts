/**
 * A gRPC client that shares nothing with the service: grpc-js, which reads the .proto file itself.
 *
 * Invariant: no generated code of packages/contract has a part in it.
 */
import {
  credentials,
  loadPackageDefinition,
  Metadata,
  type ClientDuplexStream,
  type ServiceError,
} from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { fileURLToPath } from "node:url";
import type { SampleEvent } from "./sample-event.js";

/** An answer as grpc-js gives it: the members of the message under their names in the .proto file. */
export type Reply = Readonly<Record<string, unknown>>;

export interface GrpcJsClient {
  collectEvent(event: SampleEvent, headers?: Readonly<Record<string, string>>): Promise<Reply>;
  collectEvents(events: readonly SampleEvent[]): Promise<Reply>;
  /** Sends all on one stream, ends it, and resolves with every answer. */
  streamEvents(events: readonly SampleEvent[]): Promise<Reply[]>;
  /** A stream in the caller's own hands. `deadline` is in milliseconds of the epoch. */
  openStream(deadline?: number): EventStream;
  close(): void;
}

/** A call of StreamEvents: emits "data" for each answer and at last "status". */
export type EventStream = ClientDuplexStream<object, Reply> & {
  /** False if the caller should wait for "drain" before it sends more. */
  send(event: SampleEvent): boolean;
};

type Callback = (error: ServiceError | null, reply: Reply) => void;

interface Stub {
  CollectEvent(event: object, metadata: Metadata, callback: Callback): void;
  CollectEvents(request: object, callback: Callback): void;
  StreamEvents(options?: { deadline?: number }): ClientDuplexStream<object, Reply>;
  close(): void;
}

const PROTO_DIRECTORY = fileURLToPath(new URL("../../../proto", import.meta.url));
const PROTO_FILE = "event_collector/v1/event_collector.proto";
const DEADLINE_MS = 20_000;

/** A client of the port on the loopback. */
export function createGrpcJsClient(port: number): GrpcJsClient {
  const options = { keepCase: true, defaults: true, longs: Number, includeDirs: [PROTO_DIRECTORY] };
  const definition = loadSync(PROTO_FILE, options);
  const loaded = loadPackageDefinition(definition) as unknown as {
    event_collector: { v1: { EventCollectorService: new (address: string, credentials: unknown) => Stub } };
  };
  const { EventCollectorService } = loaded.event_collector.v1;
  const stub = new EventCollectorService(`127.0.0.1:${port}`, credentials.createInsecure());
  return {
    collectEvent: (event, headers = {}) => {
      const metadata = new Metadata();
      for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
      return call((callback) => stub.CollectEvent(toMessage(event), metadata, callback));
    },
    collectEvents: (events) =>
      call((callback) => stub.CollectEvents({ events: events.map(toMessage) }, callback)),
    streamEvents: (events) =>
      new Promise((resolve, reject) => {
        const stream = stub.StreamEvents();
        const replies: Reply[] = [];
        const timer = setTimeout(() => stream.cancel(), DEADLINE_MS);
        stream.on("data", (reply: Reply) => replies.push(reply));
        stream.on("error", reject);
        stream.on("end", () => resolve(replies));
        stream.on("close", () => clearTimeout(timer));
        for (const event of events) stream.write(toMessage(event));
        stream.end();
      }),
    openStream: (deadline) => {
      const stream = stub.StreamEvents(deadline === undefined ? {} : { deadline });
      return Object.assign(stream, { send: (event: SampleEvent) => stream.write(toMessage(event)) });
    },
    close: () => stub.close(),
  };
}

function call(start: (callback: Callback) => void): Promise<Reply> {
  return new Promise((resolve, reject) => {
    start((error, reply) => {
      if (error === null) resolve(reply);
      else reject(error);
    });
  });
}

function toMessage(event: SampleEvent): object {
  const { event_data: data, metadata, ...plain } = event;
  return {
    ...plain,
    event_data: toStruct(data),
    ...(metadata !== undefined && { metadata: toStruct(metadata) }),
  };
}

/** google.protobuf.Struct, which grpc-js leaves to its callers. */
function toStruct(object: Readonly<Record<string, unknown>>): object {
  return {
    fields: Object.fromEntries(Object.entries(object).map(([name, value]) => [name, toValue(value)])),
  };
}

function toValue(value: unknown): object {
  if (value === null) return { nullValue: 0 };
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "number") return { numberValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (Array.isArray(value)) return { listValue: { values: value.map(toValue) } };
  return { structValue: toStruct(value as Record<string, unknown>) };
}
