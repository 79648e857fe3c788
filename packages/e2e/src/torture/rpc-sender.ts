/** Sends events by gRPC, over one HTTP/2 connection that its senders share: single calls, batches, one stream. */
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, type Client } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { EventCollectorService, EventSchema, type Event } from "@event-collector/contract";
import type { IssuedEvent } from "./issued-event.js";
import type { Answer, Sender } from "./sender.js";

export interface RpcSenders {
  readonly single: Sender;
  readonly batch: Sender;
  readonly stream: Sender;
  close(): void;
}

export function createRpcSenders(port: number, timeoutMs: number): RpcSenders {
  const baseUrl = `http://127.0.0.1:${port}`;
  const sessionManager = new Http2SessionManager(baseUrl);
  const transport = createGrpcTransport({ baseUrl, sessionManager });
  const client = createClient(EventCollectorService, transport);
  const none = (): void => undefined;
  return {
    single: {
      protocol: "grpc",
      eventsMax: 1,
      send: (events) => answer(() => sendSingle(client, events, timeoutMs)),
      close: none,
    },
    batch: {
      protocol: "grpc batch",
      eventsMax: 20,
      send: (events) => answer(() => sendBatch(client, events, timeoutMs)),
      close: none,
    },
    stream: createStreamSender(client, timeoutMs),
    close: () => sessionManager.abort(),
  };
}

async function sendSingle(
  client: Client<typeof EventCollectorService>,
  [event]: readonly IssuedEvent[],
  timeoutMs: number,
): Promise<Answer> {
  if (event === undefined) return { type: "stored", rejected: new Set() };
  try {
    await client.collectEvent(messageOf(event), { timeoutMs });
    return { type: "stored", rejected: new Set() };
  } catch (error) {
    // This is how a single event is told that it breaks a rule; it is stored with its reasons all the same.
    if (ConnectError.from(error).code === Code.InvalidArgument) {
      return { type: "stored", rejected: new Set([0]) };
    }
    throw error;
  }
}

async function sendBatch(
  client: Client<typeof EventCollectorService>,
  events: readonly IssuedEvent[],
  timeoutMs: number,
): Promise<Answer> {
  const { errors } = await client.collectEvents({ events: events.map(messageOf) }, { timeoutMs });
  return { type: "stored", rejected: new Set(errors.map(({ index }) => index)) };
}

/** Events go out on one stream as long as it works; a new one is opened after a failure. */
function createStreamSender(client: Client<typeof EventCollectorService>, timeoutMs: number): Sender {
  let stream: OpenStream | undefined;
  return {
    protocol: "grpc stream",
    eventsMax: 25,
    send: (events) =>
      answer(async () => {
        stream ??= openStream(client);
        const deadline = setTimeout(() => stream?.abort(), timeoutMs);
        try {
          return await stream.send(events);
        } catch (error) {
          stream.abort();
          stream = undefined;
          throw error;
        } finally {
          clearTimeout(deadline);
        }
      }),
    close: () => stream?.abort(),
  };
}

interface OpenStream {
  send(events: readonly IssuedEvent[]): Promise<Answer>;
  abort(): void;
}

function openStream(client: Client<typeof EventCollectorService>): OpenStream {
  const abort = new AbortController();
  const waiting: Event[] = [];
  let wake: () => void = () => undefined;
  async function* outgoing(): AsyncGenerator<Event> {
    while (!abort.signal.aborted) {
      const event = waiting.shift();
      if (event !== undefined) yield event;
      else await new Promise<void>((resolve) => void (wake = resolve));
    }
  }
  const answers = client.streamEvents(outgoing(), { signal: abort.signal })[Symbol.asyncIterator]();
  return {
    send: async (events) => {
      waiting.push(...events.map(messageOf));
      wake();
      const rejected = new Set<number>();
      for (let answered = 0; answered < events.length;) {
        const { done, value } = await answers.next();
        if (done === true) throw new Error("the stream ended");
        for (const { index } of value.errors) rejected.add(answered + index);
        answered += value.accepted + value.rejected;
      }
      return { type: "stored", rejected };
    },
    abort: () => {
      abort.abort();
      wake();
    },
  };
}

/** What the outcome of a call says. Only an answer of the service names a pause; a broken connection does not. */
async function answer(call: () => Promise<Answer>): Promise<Answer> {
  try {
    return await call();
  } catch (error) {
    const failure = ConnectError.from(error);
    const pause = failure.metadata.get("retry-after");
    if (pause === null) return { type: "unknown", reason: failure.message };
    return { type: "refused", status: Code[failure.code], retryAfterSeconds: Number(pause) };
  }
}

function messageOf({ json }: IssuedEvent): Event {
  return create(EventSchema, {
    learnerId: json.learner_id,
    courseId: json.course_id,
    lessonId: json.lesson_id,
    eventType: json.event_type,
    eventData: json.event_data,
    timestamp: json.timestamp,
    eventId: json.event_id,
  });
}
