/**
 * Servers that do nothing but answer, to see what a generator can do at most. Run as `node trivial.js http1|http2`;
 * prints `{"msg":"listening","port":…}`.
 */
import { createServer as createHttp2Server } from "node:http2";
import { createServer } from "node:net";
import { announce } from "./announce.js";

const ANSWER = Buffer.from("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");

if (process.argv[2] === "http2") {
  const server = createHttp2Server();
  server.on("stream", (stream) => {
    stream.resume();
    stream.on("end", () => {
      stream.respond({ ":status": 200 });
      stream.end("ok");
    });
    stream.on("error", () => undefined);
  });
  announce(server);
} else {
  // Every request is small enough to come in one piece.
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on("data", () => socket.write(ANSWER));
    socket.on("error", () => undefined);
  });
  announce(server);
}
