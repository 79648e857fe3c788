import { nodeDisk } from "@event-collector/spool";
import type { Disk } from "@event-collector/spool";
import { connect as connectHttp2 } from "node:http2";
import { request } from "node:http";
import type { ClientRequest } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import * as zlib from "node:zlib";
import t from "tap";
import type { Test } from "tap";
import { liveIngress } from "../testing/live-ingress.js";
import { createStillClock } from "../testing/still-clock.js";
import { sampleEvent } from "../testing/sample-event.js";

const NDJSON = { "content-type": "application/x-ndjson" };

function line(id: number): string {
  return `${JSON.stringify(sampleEvent({ event_id: `e${id}` }))}\n`;
}

function lines(count: number): string {
  return Array.from({ length: count }, (_, id) => line(id)).join("");
}

interface Answer {
  status: number;
  body: Record<string, unknown>;
}

async function send(url: string, body: string | Uint8Array, headers = {}): Promise<Answer> {
  const response = await fetch(`${url}/collect`, {
    method: "POST",
    body,
    headers: { ...NDJSON, ...headers },
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** A request whose body is written piece by piece. */
function open(t: Test, port: number): { outgoing: ClientRequest; answer: Promise<Answer> } {
  const outgoing = request({ port, host: "127.0.0.1", path: "/collect", method: "POST", headers: NDJSON });
  t.teardown(() => outgoing.destroy());
  const answer = new Promise<Answer>((resolve, reject) => {
    outgoing.on("response", (response) => {
      let text = "";
      response.on("data", (chunk: Buffer) => (text += chunk.toString()));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) as Answer["body"] }),
      );
    });
    outgoing.on("error", reject);
  });
  return { outgoing, answer };
}

/** A disk whose writes fail while `fails` is true. */
function failingDisk(): { disk: Disk; fail: () => void } {
  let fails = false;
  const disk: Disk = {
    ...nodeDisk,
    create: async (path) => {
      const file = await nodeDisk.create(path);
      return {
        ...file,
        write: (bytes) =>
          fails ? Promise.reject(Object.assign(new Error("EIO"), { code: "EIO" })) : file.write(bytes),
      };
    },
  };
  return { disk, fail: () => void (fails = true) };
}

await t.test("a body of more events than a batch may have is stored whole and in order", async (t) => {
  const { url, records } = await liveIngress(t, { MAX_BATCH_SIZE: "10" });
  t.match(await send(url, lines(1_234)), {
    status: 200,
    body: { success: true, accepted: 1_234, rejected: 0, batch_id: /^batch_/ },
  });
  t.same(
    (await records()).map((record) => record.eventId),
    Array.from({ length: 1_234 }, (_, id) => `e${id}`),
  );
});

await t.test("events are stored while the body is still arriving", async (t) => {
  const { port, records } = await liveIngress(t, { MAX_BATCH_SIZE: "10" });
  const { outgoing, answer } = open(t, port);
  outgoing.write(lines(25));
  while ((await records()).length < 20) await wait(5);
  t.equal((await records()).length, 20, "the last five wait for their group");
  outgoing.end();
  t.match(await answer, { status: 200, body: { accepted: 25 } });
});

await t.test("a bad line is rejected alone, by its position in the whole body", async (t) => {
  const { url, records } = await liveIngress(t, { MAX_BATCH_SIZE: "10" });
  const body = `${lines(15)}{oops\n\n${lines(15)}${JSON.stringify(sampleEvent({ learner_id: "" }))}`;
  t.match(await send(url, body), {
    status: 200,
    body: {
      success: false,
      accepted: 30,
      rejected: 2,
      errors: [
        { index: 15, code: "malformed_json", pointer: "/events/15" },
        { index: 31, code: "missing_field", pointer: "/events/31/learner_id" },
      ],
    },
  });
  t.equal((await records()).filter(({ kind }) => kind === "rejected").length, 2, "for the dead-letter topic");
});

await t.test(
  "of very many bad lines the first thousand reasons are told, and how many are left out",
  async (t) => {
    const { url } = await liveIngress(t);
    const { status, body } = await send(url, "x\n".repeat(1_500));
    t.equal(status, 422);
    t.match(body, { accepted: 0, rejected: 1_500, errors_omitted: 500 });
    t.equal((body["errors"] as unknown[]).length, 1_000);
  },
);

await t.test("a body of too many bad lines is ended: it is no file of events", async (t) => {
  const { url, records } = await liveIngress(t, { MAX_BATCH_SIZE: "10", MAX_NDJSON_REJECTED: "50" });
  t.match(await send(url, `${lines(20)}${"a,b,c\n".repeat(1_000)}`), {
    status: 422,
    body: { code: "invalid_batch", limit: 50, unit: "events", accepted: 20, rejected: 50, lines: 70 },
  });
  t.equal((await records()).length, 70);
});

await t.test(
  "a spool that fails in the middle is told with the lines that are settled, and nothing after is stored",
  async (t) => {
    const { disk, fail } = failingDisk();
    const { port, records } = await liveIngress(t, { MAX_BATCH_SIZE: "10" }, disk);
    const { outgoing, answer } = open(t, port);
    outgoing.write(lines(20));
    while ((await records()).length < 20) await wait(5);
    fail();
    outgoing.end(lines(30));
    t.match(await answer, {
      status: 503,
      body: { code: "spool_unavailable", retryable: true, accepted: 20, rejected: 0, lines: 20 },
    });
    t.equal((await records()).length, 20);
  },
);

await t.test("a line that is too long ends the body, after what came before it", async (t) => {
  const { url, records } = await liveIngress(t, { MAX_BATCH_SIZE: "10", MAX_BATCH_SIZE_BYTES: "4096" });
  const answer = await send(url, `${lines(13)}\n${"x".repeat(5_000)}\n${lines(5)}`);
  t.match(answer, {
    status: 413,
    body: { code: "body_too_large", limit: 4096, unit: "bytes", accepted: 13, lines: 14 },
  });
  t.equal((await records()).length, 13);
  t.match(await send(url, "x".repeat(5_000)), { status: 413, body: { code: "body_too_large" } });
});

await t.test(
  "a body that is longer than allowed is refused before it is sent, or where it gets too long",
  async (t) => {
    const limit = 8_192;
    const { url, port } = await liveIngress(t, {
      MAX_BATCH_SIZE_BYTES: "4096",
      MAX_NDJSON_BYTES: String(limit),
    });
    const body = lines(60);
    const announced = await send(url, body);
    t.match(announced, { status: 413, body: { code: "body_too_large", limit, unit: "bytes" } });
    t.notOk("accepted" in announced.body, "nothing was read");
    const { outgoing, answer } = open(t, port);
    outgoing.on("error", () => undefined);
    outgoing.end(body);
    const grown = await answer;
    t.match(grown, { status: 413, body: { code: "body_too_large", limit } });
  },
);

/** Node has it from 22.15 on. */
const zstd: [string, typeof zlib.gzipSync][] =
  "zstdCompressSync" in zlib ? [["zstd", zlib.zstdCompressSync as typeof zlib.gzipSync]] : [];

for (const [encoding, encode] of [
  ["gzip", zlib.gzipSync],
  ["deflate", zlib.deflateSync],
  ["deflate", zlib.deflateRawSync],
  ["br", zlib.brotliCompressSync],
  ...zstd,
] as const) {
  await t.test(`a body in ${encoding} is undone while it arrives`, async (t) => {
    const { url, records } = await liveIngress(t);
    const answer = await send(url, encode(lines(3_000)), { "content-encoding": encoding });
    t.match(answer, { status: 200, body: { accepted: 3_000 } });
    t.equal((await records()).length, 3_000);
  });
}

await t.test(
  "compressed bytes that go wrong in the middle end the body, after what came before",
  async (t) => {
    const { url, records } = await liveIngress(t, { MAX_BATCH_SIZE: "10", MAX_NDJSON_EXPANSION: "10000" });
    const whole = zlib.gzipSync(lines(5_000));
    const cut = await send(url, whole.subarray(0, whole.byteLength - 2_000), { "content-encoding": "gzip" });
    t.match(cut, { status: 400, body: { code: "malformed_compression" } });
    t.ok(Number(cut.body["accepted"]) > 0);
    t.equal((await records()).length, cut.body["accepted"], "what it says is stored is stored");
    t.match(await send(url, "no gzip", { "content-encoding": "gzip" }), { status: 400 });
    t.match(await send(url, "any", { "content-encoding": "rot13" }), {
      status: 415,
      body: { code: "unsupported_encoding" },
    });
  },
);

await t.test("a bomb ends at its first burst, whatever it is made of", async (t) => {
  const { url, records } = await liveIngress(t, {
    MAX_BATCH_SIZE_BYTES: "65536",
    MAX_NDJSON_REJECTED: "1000",
  });
  for (const [name, filling] of [
    ["zeros", Buffer.alloc(64 * 1024 * 1024)],
    ["line feeds", Buffer.alloc(64 * 1024 * 1024, "\n")],
    ["events", Buffer.alloc(64 * 1024 * 1024, "{}\n")],
  ] as const) {
    for (const [encoding, bomb] of [
      ["gzip", zlib.gzipSync(filling, { level: 1 })],
      ["br", zlib.brotliCompressSync(filling, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 1 } })],
    ] as const) {
      const answer = await send(url, bomb, { "content-encoding": encoding });
      const isOfEvents = name === "events";
      const status = isOfEvents ? 422 : 413;
      const code = isOfEvents ? "invalid_batch" : "body_too_large";
      t.match(answer, { status, body: { code } }, `${name} in ${encoding}`);
    }
  }
  t.ok((await records()).length < 3_000, "of 44 million events but a few were looked at");
});

await t.test("a sender that goes away in the middle leaves what was stored, and no half line", async (t) => {
  const { port, records, url } = await liveIngress(t, { MAX_BATCH_SIZE: "10" });
  const { outgoing, answer } = open(t, port);
  answer.catch(() => undefined);
  outgoing.write(lines(20) + line(20).slice(0, 30));
  while ((await records()).length < 20) await wait(5);
  outgoing.destroy();
  const client = connectHttp2(url);
  t.teardown(() => client.destroy());
  const stream = client.request({ ":method": "POST", ":path": "/collect", ...NDJSON });
  stream.on("error", () => undefined);
  stream.write(lines(20) + line(20).slice(0, 30));
  while ((await records()).length < 40) await wait(5);
  // Node's own close() would end the body in an orderly way first.
  stream.destroy(new Error("gone"));
  await new Promise((resolve) => void stream.on("close", resolve));
  t.equal((await fetch(`${url}/health`)).status, 200);
  t.same(new Set((await records()).map(({ kind }) => kind)), new Set(["event"]));
});

await t.test("while the service leaves, a body is ended between two groups and told where", async (t) => {
  const { port, ingress, records } = await liveIngress(t, { MAX_BATCH_SIZE: "10" });
  const { outgoing, answer } = open(t, port);
  outgoing.write(lines(20));
  while ((await records()).length < 20) await wait(5);
  const drained = ingress.drain();
  outgoing.write(lines(10));
  t.match(await answer, { status: 503, body: { code: "draining", accepted: 20, lines: 20 } });
  await drained;
  t.equal((await records()).length, 20);
});

await t.test("a body of nothing is no batch", async (t) => {
  const { url } = await liveIngress(t);
  for (const body of ["", "\n\n", " \r\n"]) {
    t.match(await send(url, body), { status: 422, body: { code: "empty_batch" } }, JSON.stringify(body));
  }
});

await t.test(
  "a body that takes longer than a request may goes on as long as its groups arrive in time",
  async (t) => {
    const clock = createStillClock();
    const environment = { MAX_BATCH_SIZE: "1", STREAM_BATCH_SIZE: "1", REQUEST_TIMEOUT_SECONDS: "2" };
    const { port, records } = await liveIngress(t, environment, nodeDisk, {}, clock);
    const idle = open(t, port);
    idle.outgoing.write("{");
    let isIdleEnded = false;
    void idle.answer.then(() => (isIdleEnded = true));
    const { outgoing, answer } = open(t, port);
    let sent = 0;
    // Whoever ended the idle one has looked at the other one too.
    while (!isIdleEnded || sent < 4) {
      outgoing.write(line(sent));
      sent += 1;
      while ((await records()).length < sent) await wait(5);
      clock.advance(1_500);
      await wait(200);
    }
    outgoing.end();
    t.match(await idle.answer, { status: 408 });
    t.match(await answer, { status: 200, body: { accepted: sent } });
  },
);

await t.test("and is ended when a group does not", async (t) => {
  const clock = createStillClock();
  const environment = { MAX_BATCH_SIZE: "10", REQUEST_TIMEOUT_SECONDS: "2" };
  const { port, records } = await liveIngress(t, environment, nodeDisk, {}, clock);
  const { outgoing, answer } = open(t, port);
  outgoing.write(lines(10));
  outgoing.write("{");
  while ((await records()).length < 10) await wait(5);
  clock.advance(2_500);
  t.match(await answer, { status: 408, body: { code: "request_timeout", retryable: true } });
  t.equal((await records()).length, 10);
});
