/** One sender that wants all there is, on raw sockets, against an ingress in a process of its own. */
import t from "tap";
import { assertUnharmed, ended, memoryOf, MIB, serveMeanwhile } from "../testing/target.js";
import { startTarget, until } from "../testing/target.js";

const POST = "POST /collect HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n";

await t.test(
  "one address cannot have all connections, and gets them back when they are closed",
  async (t) => {
    const target = await startTarget(t, { MAX_CONNECTIONS_PER_ADDRESS: "20" });
    const sockets = Array.from({ length: 50 }, () => target.attack());
    let closed = 0;
    for (const socket of sockets) void ended(socket).then(() => (closed += 1));
    await serveMeanwhile(t, target, () => until(() => closed === 30));
    t.equal(await target.post(), 200, "another address gets a new one");
    t.equal(await target.metric("collector_connections_refused_total", 'reason="address"'), 30);
    await t.rejects(target.post("127.0.0.1"), "this address gets no more");
    for (const socket of sockets) socket.destroy();
    await until(async () => (await target.metric("collector_connections")) === 0);
    t.equal(await target.post("127.0.0.1"), 200);
  },
);

await t.test(
  "more requests than may be under way are refused with 503, but probes are answered",
  async (t) => {
    const target = await startTarget(t, { MAX_REQUESTS: "10" });
    const sockets = Array.from({ length: 10 }, () => target.attack());
    for (const socket of sockets) socket.write(`${POST}\r\n`);
    // The question itself is a request.
    await until(async () => (await target.metric("collector_requests_in_flight")) === 11);
    const late = target.attack();
    let text = "";
    late.on("data", (chunk: Buffer) => (text += chunk.toString()));
    late.write(`${POST}Connection: close\r\n\r\n{"a":"b"}`);
    await ended(late);
    t.match(text, /^HTTP\/1\.1 503 [^]*retry-after[^]*"code":"overloaded"[^]*"limit":10,"unit":"requests"/i);
    t.equal((await fetch(`http://127.0.0.1:${target.port}/health`)).status, 200);
    for (const socket of sockets) socket.destroy();
    await until(async () => (await target.metric("collector_requests_in_flight")) === 1);
    t.equal(await target.post(), 200, "there is room again");
  },
);

await t.test("requests without end, whose sender reads no answers, hold little", async (t) => {
  const target = await startTarget(t);
  const before = await memoryOf(target);
  const many = Buffer.from("GET /docs HTTP/1.1\r\nHost: x\r\n\r\n".repeat(200));
  const sockets = Array.from({ length: 10 }, () => target.attack());
  await serveMeanwhile(t, target, async () => {
    for (const socket of sockets) {
      socket.pause();
      // More than one connection may hold: what is not taken waits with the sender.
      for (let count = 0; count < 100; count += 1) socket.write(many);
    }
    const answered = (): Promise<number> =>
      target.metric("collector_request_duration_seconds_count", 'route="/docs"');
    let last = -1;
    // Until it goes no further: they are all either stuck or ended.
    await until(async () => {
      const now = await answered();
      const isStuck = now > 0 && now === last;
      last = now;
      return isStuck;
    });
  });
  await assertUnharmed(t, target, before, 160 * MIB);
});
