import { PassThrough } from "node:stream";
import type { ServerHttp2Stream } from "node:http2";
import t from "tap";
import { eventMessage, grpcFrame } from "../testing/grpc-calls.js";
import { readFrames } from "./frame-source.js";

const OPTIONS = { messageBytesMax: 1024 * 1024, recursionLimit: 100 };

/** A stream that is fed by hand; to whoever only reads it is one of HTTP/2. */
function createFeed(): { feed: PassThrough; stream: ServerHttp2Stream } {
  const feed = new PassThrough({ highWaterMark: 1024 });
  return { feed, stream: feed as unknown as ServerHttp2Stream };
}

function countingHold(): {
  added: number;
  hasArrived: boolean;
  add(bytes: number): void;
  arrived(): void;
  release(): void;
} {
  return {
    added: 0,
    hasArrived: false,
    add(bytes) {
      this.added += bytes;
    },
    arrived() {
      this.hasArrived = true;
    },
    release: () => undefined,
  };
}

await t.test("gives the events one by one, however they were cut, and counts their bytes", async (t) => {
  const { feed, stream } = createFeed();
  const hold = countingHold();
  const bytes = Buffer.concat(["a", "b", "c"].map((id) => grpcFrame(eventMessage({ event_id: id }))));
  for (let at = 0; at < bytes.length; at += 7) feed.write(bytes.subarray(at, at + 7));
  feed.end();
  const ids: unknown[] = [];
  for await (const { value } of readFrames(stream, hold, OPTIONS)) {
    ids.push((value as { event_id: string }).event_id);
  }
  t.same(ids, ["a", "b", "c"]);
  t.same([hold.added, hold.hasArrived], [bytes.length, true]);
});

await t.test("lets the sender wait while nobody asks", async (t) => {
  const { feed, stream } = createFeed();
  const hold = countingHold();
  const events = readFrames(stream, hold, OPTIONS)[Symbol.asyncIterator]();
  const frame = grpcFrame(eventMessage({ event_data: { text: "x".repeat(20_000) } }));
  const all = 50;
  for (let count = 0; count < all; count += 1) feed.write(frame);
  feed.end();
  await events.next();
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => void setImmediate(resolve));
  t.ok(hold.added < 10 * frame.length, `${hold.added} bytes were taken`);
  let read = 1;
  while ((await events.next()).done !== true) read += 1;
  t.equal(read, all, "and takes the rest when it is asked for");
});

await t.test("ends with the library's own words for a frame that is none", async (t) => {
  for (const [name, bytes, message] of [
    ["half a frame", grpcFrame(eventMessage()).subarray(0, 20), /incomplete envelope/],
    ["a frame over the limit", grpcFrame(new Uint8Array(), 0, 0xffffffff), /larger than configured/],
  ] as const) {
    const { feed, stream } = createFeed();
    feed.end(bytes);
    const events = readFrames(stream, countingHold(), OPTIONS)[Symbol.asyncIterator]();
    await t.rejects(events.next(), { message }, name);
  }
});
