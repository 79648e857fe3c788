/** A caller that takes no answers is held back: the service takes no more events than it can answer. */
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { EventSchema, StreamEventsResponseSchema } from "@event-collector/contract/browser";
import { once } from "node:events";
import http2, { type ClientHttp2Session, type ClientHttp2Stream } from "node:http2";
import { setTimeout as delay } from "node:timers/promises";
import t from "tap";
import { startLoneIngress } from "./lone-ingress.js";

t.setTimeout(240_000);

/**
 * Bad events, since their answers are long: they fill every buffer on the way back long before all are sent. All of
 * them fit into the 10 MB that Node lets a session of the caller hold.
 */
const EVENTS = 1_500;
const HEAD_BYTES = 5;
const WINDOW_BYTES = 64 * 1024;
/** Nothing more is stored for so long once the caller is held back. Where a machine is slower, less is stored. */
const STANDSTILL_MS = 3_000;

const ingress = await startLoneIngress(t);
const text = "x".repeat(4 * 1024);

function message(index: number): Buffer {
  const bytes = toBinary(EventSchema, create(EventSchema, { eventId: `bad-${index}`, eventData: { text } }));
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** A call of StreamEvents whose answers have no room yet. */
function openStream(session: ClientHttp2Session): ClientHttp2Stream {
  const stream = session.request({
    ":method": "POST",
    ":path": "/event_collector.v1.EventCollectorService/StreamEvents",
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => undefined);
  return stream;
}

/** How many are stored once no more are. */
async function standstill(): Promise<number> {
  for (let before = -1; ;) {
    const now = (await ingress.stored()).length;
    if (now === before) return now;
    before = now;
    await delay(STANDSTILL_MS);
  }
}

/** How many events the answers in these bytes speak of. */
function countRejected(bytes: Buffer): number {
  let rejected = 0;
  for (let start = 0; start + HEAD_BYTES <= bytes.length;) {
    const end = start + HEAD_BYTES + bytes.readUInt32BE(start + 1);
    rejected += fromBinary(StreamEventsResponseSchema, bytes.subarray(start + HEAD_BYTES, end)).rejected;
    start = end;
  }
  return rejected;
}

await t.test("a caller that takes no answers is held back until it does, and nothing is lost", async (t) => {
  const session = http2.connect(ingress.url, { settings: { initialWindowSize: 0 } });
  t.teardown(() => session.destroy());
  await once(session, "remoteSettings");
  const stream = openStream(session);
  for (let index = 0; index < EVENTS; index += 1) stream.write(message(index));
  stream.end();
  const taken = await standstill();
  t.ok(taken < EVENTS / 2, `${taken} of ${EVENTS} events were taken`);
  t.ok(stream.writableLength > 0, "the others wait with the caller");

  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  session.settings({ initialWindowSize: WINDOW_BYTES });
  const [trailers] = (await once(stream, "trailers")) as [http2.IncomingHttpHeaders];
  t.equal(trailers["grpc-status"], "0");
  t.equal(countRejected(Buffer.concat(chunks)), EVENTS, "every event is answered");
  const stored = (await ingress.stored()).map(({ value }) => value["event_id"]);
  t.strictSame(
    stored,
    Array.from({ length: EVENTS }, (_, index) => `bad-${index}`),
    "and stored once, in order",
  );
  t.match(await ingress.program.stop(), { code: 0 });
});
