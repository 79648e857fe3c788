/** Bodies that are made to hurt whoever reads them: bombs, depths, names, numbers. They cost no more than honest ones. */
import { brotliCompressSync, constants, deflateSync, gzipSync } from "node:zlib";
import http2 from "node:http2";
import { once } from "node:events";
import t from "tap";
import { abuserEvent, startVictim } from "./victim.js";

t.setTimeout(600_000);

const MIB = 1024 * 1024;
const victim = await startVictim(t);
const { url } = victim.ingress;

interface Answer {
  status: number;
  body: { code?: string; accepted?: number; rejected?: number; errors?: { code: string; pointer: string }[] };
}

async function post(
  body: string | Uint8Array,
  encoding?: string,
  type = "application/json",
): Promise<Answer> {
  const headers = { "content-type": type, ...(encoding !== undefined && { "content-encoding": encoding }) };
  const response = await fetch(`${url}/collect`, { method: "POST", headers, body });
  const answer = (await response.json()) as Answer["body"];
  victim.abuserWasTold(answer.accepted ?? 0, answer.rejected ?? 0);
  return { status: response.status, body: answer };
}

const zeros = Buffer.alloc(256 * MIB);
const bombs: readonly [string, Buffer][] = [
  ["br", brotliCompressSync(zeros, { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } })],
  ["gzip", gzipSync(zeros)],
  ["deflate", deflateSync(zeros)],
];

for (const [encoding, bomb] of bombs) {
  await t.test(
    `bombs of ${encoding}, ${bomb.length} bytes for 256 MiB, are refused beside honest senders`,
    async (t) => {
      const answers = Promise.all(Array.from({ length: 40 }, () => post(bomb, encoding)));
      t.ok((await victim.sendHonestlyDuring(answers)) > 0);
      for (const answer of await answers) t.match(answer, { status: 413, body: { code: "body_too_large" } });
      await victim.assertUnharmed(t);
    },
  );
}

await t.test("a bomb of lines is refused, or read no further than is allowed", async (t) => {
  const { status } = await post(gzipSync(zeros), "gzip", "application/x-ndjson");
  t.ok(status === 413 || status === 422, String(status));
  await victim.assertUnharmed(t);
});

await t.test("a bomb in a message of gRPC is refused", async (t) => {
  const session = http2.connect(url);
  t.teardown(() => session.destroy());
  const bomb = gzipSync(zeros);
  const head = Buffer.from([1, 0, 0, 0, 0]);
  head.writeUInt32BE(bomb.length, 1);
  for (const [name, message] of [
    ["a bomb", Buffer.concat([head, bomb])],
    ["a length of 4 GiB", Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 0x0a])],
  ] as const) {
    const stream = session.request({
      ":method": "POST",
      ":path": "/event_collector.v1.EventCollectorService/CollectEvent",
      "content-type": "application/grpc",
      "grpc-encoding": "gzip",
      te: "trailers",
    });
    let code: unknown;
    stream.on("response", (headers) => (code = headers["grpc-status"] ?? code));
    stream.on("trailers", (trailers: http2.IncomingHttpHeaders) => (code = trailers["grpc-status"] ?? code));
    stream.on("error", () => undefined);
    stream.resume();
    stream.end(message);
    await once(stream, "close");
    t.match(String(code), /^(3|8|13)$/, `${name} is refused with a code of the caller's fault`);
  }
  await victim.assertUnharmed(t);
});

const event = (data: string): string =>
  JSON.stringify(abuserEvent({ event_data: {} })).replace('"event_data":{}', `"event_data":${data}`);
const batch = (...events: string[]): string => `{"events":[${events.join()}]}`;
const DEEP = 100_000;

/** A body, and the status and the code it leads to. */
const BODIES: readonly [string, string | Uint8Array, number, string | undefined][] = [
  ["brackets, 100,000 deep", "[".repeat(DEEP), 400, "body_too_deep"],
  ["objects, 100,000 deep", `${'{"a":'.repeat(DEEP)}1${"}".repeat(DEEP)}`, 400, "body_too_deep"],
  [
    "an event that is 100,000 deep",
    batch(event(`{"a":${"[".repeat(DEEP)}${"]".repeat(DEEP)}}`)),
    400,
    "body_too_deep",
  ],
  ["__proto__ in the data", batch(event('{"__proto__":{"polluted":true}}')), 422, "forbidden_key"],
  [
    "__proto__ deep in the data",
    batch(event('{"a":[{"__proto__":{"polluted":true}}]}')),
    422,
    "forbidden_key",
  ],
  ["__proto__ for the batch", '{"__proto__":{"events":[]},"x":1}', 422, "invalid_batch"],
  [
    "constructor and prototype, which are names like others",
    batch(event('{"constructor":{"prototype":{"polluted":true}}}')),
    200,
    undefined,
  ],
  [
    "a hundred thousand events of nothing",
    batch(...Array.from({ length: 100_000 }, () => "{}")),
    413,
    "batch_too_large",
  ],
  [
    "a hundred thousand members",
    batch(event(`{${Array.from({ length: 20_000 }, (_, n) => `"k${n}":0`).join()}}`)),
    422,
    "too_many_keys",
  ],
  ["half of a surrogate pair", batch(event('{"a":"\\ud800"}')), 422, "invalid_text"],
  [
    "bytes that are not UTF-8",
    Buffer.concat([Buffer.from('{"events":["'), Buffer.from([0xff, 0xfe, 0xc0]), Buffer.from('"]}')]),
    400,
    "malformed_json",
  ],
  ["a byte order mark", `\ufeff${batch(event("{}"))}`, 400, "malformed_json"],
  ["a NUL", "\0", 400, "malformed_json"],
  ["a NUL in a string, written out", batch(event('{"a":"\\u0000"}')), 200, undefined],
  ["a NUL in a string, as it is", batch(event('{"a":"\0"}')), 400, "malformed_json"],
  ["a number of a hundred thousand digits", batch(event(`{"a":${"9".repeat(100_000)}}`)), 200, undefined],
  ["an exponent beyond all numbers", batch(event('{"a":1e400}')), 200, undefined],
  ["nothing", "", 400, "malformed_json"],
  ["null", "null", 422, "invalid_batch"],
  ["events that are none", '{"events":[null,1,"x",[],true]}', 422, "invalid_type"],
  ["events twice, of which the last counts", `{"events":[{}],"events":[${event("{}")}]}`, 200, undefined],
];

for (const [name, body, status, code] of BODIES) {
  await t.test(`a body with ${name} is answered ${status}`, async (t) => {
    const answer = await post(body);
    t.equal(answer.status, status, JSON.stringify(answer.body).slice(0, 200));
    if (code !== undefined)
      t.ok(answer.body.code === code || answer.body.errors?.some((error) => error.code === code), code);
  });
}

await t.test("no object of the service has what __proto__ brought", async (t) => {
  const response = await fetch(`${url}/health`);
  t.notMatch(await response.text(), "polluted");
});

await t.test("after all of it the service is unharmed, and the books balance", async (t) => {
  await victim.assertUnharmed(t);
  await victim.assertBalanced(t);
});
