import { connect } from "node:net";
import t from "tap";
import { END_HEADERS, END_STREAM, field, FRAME, frame } from "../testing/http2-frames.js";
import { GREETING, readFrames, requestFields } from "../testing/http2-frames.js";
import type { Frame } from "../testing/http2-frames.js";
import { liveIngress } from "../testing/live-ingress.js";

const RPC = "/event_collector.v1.EventCollectorService/CollectEvent";

/** What is sent as the fields of a request whose body is still to come. */
const REFUSED: [string, number[]][] = [
  ["by a handler", [...requestFields("POST", "/collect"), ...field("content-type", "a/b")]],
  ["at the gate", [...requestFields("POST", "/collect"), ...field("content-length", "99999999")]],
  ["of Connect", [...requestFields("POST", RPC), ...field("content-length", "99999999")]],
  [
    "of gRPC",
    [
      ...requestFields("POST", RPC),
      ...field("content-type", "application/grpc"),
      ...field("content-length", "99999999"),
    ],
  ],
];

await t.test(
  "the end of a refusal is not kept back: it is on its last frame with anything in it",
  async (t) => {
    const { port } = await liveIngress(t);
    for (const [what, fields] of REFUSED) {
      const socket = connect(port, "127.0.0.1");
      t.teardown(() => socket.destroy());
      let bytes = Buffer.alloc(0);
      const answer = new Promise<Frame[]>((resolve) => {
        socket.on("data", (chunk: Buffer) => {
          bytes = Buffer.concat([bytes, chunk]);
          const frames = readFrames(bytes).filter(({ stream }) => stream === 1);
          if (frames.some(({ flags, type }) => type < FRAME.priority && (flags & END_STREAM) !== 0)) {
            resolve(frames);
          }
        });
      });
      socket.write(Buffer.concat([GREETING, frame(FRAME.headers, END_HEADERS, 1, fields)]));
      const last = (await answer).at(-1);
      t.ok((last?.length ?? 0) > 0, what);
      socket.destroy();
    }
  },
);
