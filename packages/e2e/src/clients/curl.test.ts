/** curl, over HTTP/1.1 and over HTTP/2 with prior knowledge, with every body that the service takes. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliCompressSync, deflateSync, gzipSync } from "node:zlib";
import t from "tap";
import { sampleEvent } from "../sample-event.js";
import { missing, runCommand } from "../sh.js";
import { startLoneIngress } from "./lone-ingress.js";

const skip = await missing("curl");
const ingress = await startLoneIngress(t);
const folder = await mkdtemp(join(tmpdir(), "curl-"));
t.teardown(() => rm(folder, { recursive: true }));

interface Answer {
  status: number;
  version: string;
  body: unknown;
}

async function curl(...parameters: string[]): Promise<Answer> {
  const format = "\n%{http_code} %{http_version}";
  const { stdout, stderr } = await runCommand([
    "curl",
    "--silent",
    "--show-error",
    "-w",
    format,
    ...parameters,
  ]);
  const end = stdout.lastIndexOf("\n");
  const [status = "", version = ""] = stdout.slice(end + 1).split(" ");
  if (status === "000") throw new Error(stderr);
  return { status: Number(status), version, body: JSON.parse(stdout.slice(0, end)) as unknown };
}

const VERSIONS = [
  ["HTTP/1.1", "--http1.1", "1.1"],
  ["HTTP/2 with prior knowledge", "--http2-prior-knowledge", "2"],
] as const;

const ENCODINGS: readonly [string | undefined, (text: string) => Buffer][] = [
  [undefined, (text) => Buffer.from(text)],
  ["gzip", gzipSync],
  ["deflate", deflateSync],
  ["br", brotliCompressSync],
];

for (const [name, flag, version] of VERSIONS) {
  await t.test(`curl sends every kind of body over ${name}`, { skip }, async (t) => {
    const file = join(folder, "body");
    for (const [encoding, encode] of ENCODINGS) {
      for (const type of ["application/json", "application/x-ndjson", "text/plain"]) {
        const events = [sampleEvent(), sampleEvent()];
        const lines = events.map((event) => JSON.stringify(event));
        await writeFile(
          file,
          encode(type.endsWith("ndjson") ? lines.join("\n") : `{"events":[${lines.join()}]}`),
        );
        const headers = ["-H", `content-type: ${type}`];
        if (encoding !== undefined) headers.push("-H", `content-encoding: ${encoding}`);
        const answer = await curl(flag, ...headers, "--data-binary", `@${file}`, `${ingress.url}/collect`);
        t.match(answer, { status: 200, version, body: { success: true, accepted: 2, rejected: 0 } }, type);
        const accepted = await ingress.accepted();
        t.strictSame(
          accepted.slice(-2),
          events.map(({ event_id: id }) => id),
          "and they are on the disk",
        );
      }
    }
  });

  await t.test(`curl is told over ${name} what is wrong`, { skip }, async (t) => {
    const url = `${ingress.url}/collect`;
    const json = ["-H", "content-type: application/json"];
    t.match(await curl(flag, ...json, "-d", "{", url), { status: 400, body: { code: "malformed_json" } });
    t.match(await curl(flag, ...json, "-d", '{"events":[{}]}', url), {
      status: 422,
      body: { accepted: 0, rejected: 1 },
    });
    t.match(await curl(flag, `${ingress.url}/nothing`), { status: 404, body: { code: "not_found" } });
  });
}

await t.test("a call of Connect is a plain POST of JSON for curl", { skip }, async (t) => {
  const event = sampleEvent();
  const answer = await curl(
    "-H",
    "content-type: application/json",
    "-d",
    JSON.stringify(event),
    `${ingress.url}/event_collector.v1.EventCollectorService/CollectEvent`,
  );
  t.match(answer, { status: 200, body: { success: true, eventId: event.event_id } });
});

for (const [name, flag, version] of VERSIONS) {
  await t.test(
    `curl is told over ${name} that its body is refused, while it sends it`,
    { skip },
    async (t) => {
      const file = join(folder, "large");
      await writeFile(file, Buffer.alloc(2 * 1024 * 1024, " "));
      const large = ["-H", "expect:", "--data-binary", `@${file}`, `${ingress.url}/collect`];
      const tooLarge = await curl(flag, "-H", "content-type: application/json", ...large);
      t.match(tooLarge, { status: 413, version, body: { code: "body_too_large" } });
      const small = ["-d", "{}", `${ingress.url}/collect`];
      t.match(await curl(flag, "-H", "content-type: a/b", ...small), { status: 415, version });
    },
  );
}

await t.test("curl asks before it sends a large body, and is told no", { skip }, async (t) => {
  const file = join(folder, "large");
  const headers = ["-H", "content-type: application/json", "-H", "expect: 100-continue"];
  const answer = await curl("--http1.1", ...headers, "--data-binary", `@${file}`, `${ingress.url}/collect`);
  t.match(answer, { status: 413, body: { code: "body_too_large" } });
});
