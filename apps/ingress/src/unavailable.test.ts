/** A service that cannot take events says so alike over every protocol: the same reason, the same words, when to come back. */
import { Code, ConnectError } from "@connectrpc/connect";
import { ErrorInfoSchema, RetryInfoSchema } from "@event-collector/contract";
import { nodeDisk } from "@event-collector/spool";
import type { Disk } from "@event-collector/spool";
import { connect as connectHttp2 } from "node:http2";
import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as wait } from "node:timers/promises";
import t from "tap";
import type { Test } from "tap";
import { liveIngress } from "./testing/live-ingress.js";
import type { LiveIngress } from "./testing/live-ingress.js";
import { allTransports, collectorClient } from "./testing/rpc-clients.js";
import { sampleBatch, sampleEvent } from "./testing/sample-event.js";

const MESSAGE = {
  learnerId: "l",
  courseId: "c",
  lessonId: "x",
  eventType: "lesson_started",
  eventData: {},
  timestamp: "2024-01-15T10:30:00Z",
};

const CALL = "/event_collector.v1.EventCollectorService/CollectEvent";

interface Problem {
  readonly code: string;
  readonly detail: string;
  readonly title: string;
}

/** What REST says, over both HTTP versions alike. */
async function askRest(t: Test, url: string): Promise<{ problem: Problem; retryAfter: string | null }> {
  const response = await fetch(`${url}/collect`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: sampleBatch(sampleEvent()),
  });
  t.equal(response.status, 503);
  t.equal(response.headers.get("content-type"), "application/problem+json");
  const problem = (await response.json()) as Problem;
  t.match(problem, { status: 503, retryable: true });
  const client = connectHttp2(url);
  t.teardown(() => client.destroy());
  const stream = client.request({
    ":method": "POST",
    ":path": "/collect",
    "content-type": "application/json",
  });
  let text = "";
  stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
  stream.end(sampleBatch(sampleEvent()));
  await once(stream, "end");
  t.match(JSON.parse(text), { code: problem.code, detail: problem.detail, status: 503 });
  return { problem, retryAfter: response.headers.get("retry-after") };
}

/** Asserts that every RPC protocol says what REST says. */
async function assertAlike(t: Test, { url, records }: LiveIngress, code: string): Promise<void> {
  const before = (await records()).length;
  const { problem, retryAfter } = await askRest(t, url);
  t.equal(problem.code, code);
  t.match(retryAfter, /^\d+$/);
  const unary = await fetch(url + CALL, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(sampleEvent()),
  });
  t.equal(unary.status, 503, "the status of Connect");
  t.equal(unary.headers.get("retry-after"), retryAfter);
  for (const { name, transport } of allTransports(t, url)) {
    const client = collectorClient(transport);
    for (const call of [client.collectEvent(MESSAGE), client.collectEvents({ events: [MESSAGE] })]) {
      const error = ConnectError.from(await call.catch((reason: unknown) => reason));
      t.equal(error.code, Code.Unavailable, name);
      t.match(error.findDetails(ErrorInfoSchema), [{ reason: code, domain: "event-collector" }], name);
      t.match(
        error.findDetails(RetryInfoSchema),
        [{ retryDelay: { seconds: BigInt(retryAfter ?? 0) } }],
        name,
      );
      t.equal(error.rawMessage, `${problem.title}: ${problem.detail}`, name);
      t.equal(error.metadata.get("retry-after"), retryAfter, name);
    }
  }
  t.equal((await records()).length, before, "and nothing is stored");
}

await t.test("where the disk is full", async (t) => {
  let isFull = false;
  const space = async (directory: string): ReturnType<typeof nodeDisk.space> => {
    const measured = await nodeDisk.space(directory);
    return isFull ? { ...measured, freeBytes: 0 } : measured;
  };
  const live = await liveIngress(t, { BUFFER_MIN_FREE_BYTES: "4096" }, { ...nodeDisk, space });
  isFull = true;
  while ((await fetch(`${live.url}/ready`)).status === 200) await wait(5);
  await assertAlike(t, live, "spool_full");
});

await t.test("where the disk cannot be written", async (t) => {
  let fails = false;
  const disk: Disk = {
    ...nodeDisk,
    create: async (path) => {
      const file = await nodeDisk.create(path);
      const failure = Object.assign(new Error("EIO: i/o error, write"), { code: "EIO" });
      return { ...file, write: (bytes) => (fails ? Promise.reject(failure) : file.write(bytes)) };
    },
  };
  const live = await liveIngress(t, {}, disk);
  fails = true;
  await assertAlike(t, live, "spool_unavailable");
});

await t.test("where more is under way than may be", async (t) => {
  const live = await liveIngress(t, { MAX_REQUESTS: "1" });
  const socket = connect(live.port, "127.0.0.1");
  t.teardown(() => socket.destroy());
  socket.write("POST /collect HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\n");
  while ((await fetch(`${live.url}/docs`)).status !== 503) await wait(5);
  await assertAlike(t, live, "overloaded");
});
