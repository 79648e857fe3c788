import { createServer } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { once } from "node:events";
import t from "tap";
import type { Test } from "tap";
import { createPipeline, type Http1Listener } from "./pipeline.js";

async function serve(t: Test, listener: Http1Listener, waitingMax: number): Promise<Socket> {
  const server = createServer(createPipeline(listener, waitingMax).listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  t.teardown(() => {
    socket.destroy();
    server.close();
  });
  return socket;
}

const requests = (count: number): string =>
  Array.from({ length: count }, (_, index) => `GET /${index} HTTP/1.1\r\nHost: a\r\n\r\n`).join("");

await t.test("requests of one packet are begun one after the other, in their order", async (t) => {
  const begun: string[] = [];
  let open = 0;
  let most = 0;
  const socket = await serve(
    t,
    (request, response) => {
      begun.push(request.url ?? "");
      open += 1;
      most = Math.max(most, open);
      setImmediate(() => {
        open -= 1;
        response.end(request.url);
      });
    },
    100,
  );
  let text = "";
  const last = new Promise<void>((resolve) => {
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (text.endsWith("/49")) resolve();
    });
  });
  socket.write(requests(50));
  await last;
  t.strictSame(
    begun,
    Array.from({ length: 50 }, (_, index) => `/${index}`),
  );
  t.equal(most, 1);
  t.equal(text.match(/HTTP\/1\.1 200 OK/g)?.length, 50);
});

await t.test("a connection on which too many requests wait is ended", async (t) => {
  let begun = 0;
  const socket = await serve(t, () => void (begun += 1), 10);
  socket.resume();
  socket.on("error", () => undefined);
  socket.write(requests(20));
  await new Promise((resolve) => socket.once("close", resolve));
  t.equal(begun, 1);
});

await t.test("a connection that has ended leaves its waiting requests unbegun", async (t) => {
  const begun: string[] = [];
  const socket = await serve(
    t,
    (request, response) => {
      begun.push(request.url ?? "");
      response.socket?.destroy();
    },
    10,
  );
  socket.resume();
  socket.on("error", () => undefined);
  socket.write(requests(3));
  await new Promise((resolve) => socket.once("close", resolve));
  t.strictSame(begun, ["/0"]);
});
