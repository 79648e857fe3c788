/** Floods of HTTP/2 frames on raw sockets, against an ingress in a process of its own. */
import t from "tap";
import { END_HEADERS, field, FRAME, frame, GREETING, requestFields } from "../testing/http2-frames.js";
import { assertUnharmed, memoryOf, MIB, pour, serveMeanwhile } from "../testing/target.js";
import { startTarget, until } from "../testing/target.js";

/** A request whose body is still to come. */
const HEAD = requestFields("POST", "/");

const CALL = [
  ...requestFields("POST", "/event_collector.v1.EventCollectorService/CollectEvent"),
  ...field("content-type", "application/grpc"),
];

const CANCEL = [0, 0, 0, 8];

/** As many pieces of fifty frames each. */
const PIECES = 2_000;

function* repeat(make: (piece: number) => Buffer): Generator<Buffer> {
  for (let piece = 0; piece < PIECES; piece += 1) yield Buffer.concat(Array<Buffer>(50).fill(make(piece)));
}

function* openAndReset(head: readonly number[]): Generator<Buffer> {
  for (let stream = 1; stream < 40_000; stream += 2) {
    const open = frame(FRAME.headers, END_HEADERS, stream, head);
    yield Buffer.concat([open, frame(FRAME.resetStream, 0, stream, CANCEL)]);
  }
}

const FLOODS: [string, () => Iterable<Buffer>][] = [
  ["streams that are reset as soon as they are opened", () => openAndReset(HEAD)],
  ["calls that are reset as soon as they are opened", () => openAndReset(CALL)],
  ["PINGs", () => repeat(() => frame(FRAME.ping, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]))],
  ["SETTINGS", () => repeat(() => frame(FRAME.settings, 0, 0, [0, 3, 0, 0, 0, 1]))],
  [
    "CONTINUATIONs without end",
    function* () {
      yield frame(FRAME.headers, 0, 1, HEAD);
      const filling = [0x40, 1, 0x61, 120, ...Array<number>(120).fill(0x62)];
      for (let count = 0; count < 20_000; count += 1) yield frame(FRAME.continuation, 0, 1, filling);
    },
  ],
  [
    "empty DATA frames",
    function* () {
      yield frame(FRAME.headers, END_HEADERS, 1, HEAD);
      yield* repeat(() => frame(FRAME.data, 0, 1));
    },
  ],
  ["WINDOW_UPDATEs", () => repeat(() => frame(FRAME.windowUpdate, 0, 0, [0, 0, 0, 1]))],
  ["PRIORITY frames", () => repeat((piece) => frame(FRAME.priority, 0, 2 * piece + 1, [0, 0, 0, 0, 16]))],
  ["frames of unknown types", () => repeat(() => frame(200, 0, 0, [1]))],
];

await t.test("a flood of one kind of HTTP/2 frames", { timeout: 280_000 }, async (t) => {
  const target = await startTarget(t);
  const before = await memoryOf(target);
  for (const [what, pieces] of FLOODS) {
    await t.test(`${what}: others are served, and nothing stays behind`, { timeout: 280_000 }, async (t) => {
      await serveMeanwhile(t, target, async () => {
        const sockets = [target.attack(), target.attack()];
        await Promise.all(
          sockets.map(async (socket) => {
            socket.write(GREETING);
            await pour(socket, pieces());
            socket.destroy();
          }),
        );
      });
      await until(async () => (await target.metric("collector_http2_sessions")) === 0);
      // The question itself is a request.
      await until(async () => (await target.metric("collector_requests_in_flight")) === 1);
      await assertUnharmed(t, target, before, 128 * MIB);
    });
  }
});
