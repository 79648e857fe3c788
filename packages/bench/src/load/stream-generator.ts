/**
 * One bidirectional stream of gRPC: sends the same event again and again, with a bounded number of events unanswered,
 * and counts what the answers accept. Run as `node stream-generator.js '<order>'`; prints `{events, seconds}`.
 */
import { fromBinary } from "@bufbuild/protobuf";
import { StreamEventsResponseSchema } from "@event-collector/contract";
import { connect } from "node:http2";

interface Order {
  readonly port: number;
  /** The frame of one event, in base64. */
  readonly frame: string;
  readonly seconds: number;
}

/** Events that are written at once, and that may be unanswered: enough to keep any server busy. */
const CHUNK_EVENTS = 50;
const UNANSWERED_MAX = 2_000;
const FRAME_HEAD_BYTES = 5;

const order = JSON.parse(process.argv[2] ?? "{}") as Order;
process.stdout.write(JSON.stringify(await run(order)));
process.exit(0);

async function run({ port, frame, seconds }: Order): Promise<{ events: number; seconds: number }> {
  const chunk = Buffer.concat(Array.from({ length: CHUNK_EVENTS }, () => Buffer.from(frame, "base64")));
  const session = connect(`http://127.0.0.1:${port}`);
  const stream = session.request({
    ":method": "POST",
    ":path": "/event_collector.v1.EventCollectorService/StreamEvents",
    "content-type": "application/grpc",
    te: "trailers",
  });
  let answered = 0;
  let sent = 0;
  let received: Buffer = Buffer.alloc(0);
  const send = (): void => {
    while (sent - answered <= UNANSWERED_MAX - CHUNK_EVENTS) {
      stream.write(chunk);
      sent += CHUNK_EVENTS;
    }
  };
  stream.on("data", (bytes: Buffer) => {
    received = received.byteLength === 0 ? bytes : Buffer.concat([received, bytes]);
    while (received.byteLength >= FRAME_HEAD_BYTES) {
      const end = FRAME_HEAD_BYTES + received.readUInt32BE(1);
      if (received.byteLength < end) break;
      const { accepted, rejected } = fromBinary(
        StreamEventsResponseSchema,
        received.subarray(FRAME_HEAD_BYTES, end),
      );
      if (rejected > 0) throw new Error("an event of the stream was rejected");
      answered += accepted;
      received = received.subarray(end);
    }
    send();
  });
  const startedAt = performance.now();
  send();
  await new Promise((resolve) => void setTimeout(resolve, seconds * 1000));
  return { events: answered, seconds: (performance.now() - startedAt) / 1000 };
}
