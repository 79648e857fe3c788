/** Whatever is sent to the paths of the description, the answer is one that it describes, and never a failure. */
import fc from "fast-check";
import t from "tap";
import { startLoneIngress } from "../clients/lone-ingress.js";
import { abuserEvent } from "../abuse/victim.js";
import { findFuzzer } from "./schemathesis.js";

// The first run installs schemathesis.
t.setTimeout(900_000);

interface Description {
  paths: Record<string, Record<string, { responses: Record<string, { content: Record<string, unknown> }> }>>;
}

/**
 * Requests at random are cheap and end by their number. Those at the limits of the schema take long to be made, a few
 * seconds on idle cores, and end by the time, so that a busy machine sends fewer.
 */
const RUNS: readonly (readonly string[])[] = [
  ["--phases=examples,fuzzing", "--max-examples=300"],
  ["--phases=coverage", "--max-time=15"],
];
const FUZZ_TIMEOUT_MS = 280_000;
const CHECKS = [
  "not_a_server_error",
  "status_code_conformance",
  "content_type_conformance",
  "response_headers_conformance",
  "response_schema_conformance",
  "unsupported_method",
];

// With small batches the fuzzer spends its time on events rather than on their number.
const ingress = await startLoneIngress(t, { MAX_BATCH_SIZE: "4", STREAM_BATCH_SIZE: "4" });
const url = `${ingress.url}/openapi.json`;
const description = (await (await fetch(url)).json()) as Description;
const fuzzer = await findFuzzer();

await t.test(
  "schemathesis finds no failure and no answer that is not described",
  { skip: !fuzzer.ok && fuzzer.reason },
  async (t) => {
    if (!fuzzer.ok) return;
    const seed = Math.floor(Math.random() * 1e9);
    const options = ["--no-color", "--generation-database=none", "--warnings=off", `--seed=${seed}`];
    for (const run of RUNS) {
      const parameters = ["run", url, ...options, `--checks=${CHECKS.join()}`, ...run];
      const { code, stdout, stderr } = await fuzzer.run(parameters, FUZZ_TIMEOUT_MS);
      t.equal(code, 0, `seed ${seed}\n${stdout.slice(-6000)}${stderr.slice(-2000)}`);
    }
  },
);

/** An event of which something may be anything. */
const event = fc
  .record({
    name: fc.constantFrom(...Object.keys(abuserEvent())),
    value: fc.jsonValue({ maxDepth: 4 }),
    bent: fc.boolean(),
  })
  .map(({ name, value, bent }) => ({ ...abuserEvent(), ...(bent && { [name]: value }) }));

const request = fc.record({
  body: fc.oneof(
    fc.array(event, { maxLength: 5 }).map((events) => JSON.stringify({ events })),
    fc.array(event, { maxLength: 5 }).map((events) => events.map((one) => JSON.stringify(one)).join("\n")),
    fc.json(),
    fc.string(),
    fc.uint8Array({ maxLength: 200 }),
  ),
  type: fc.constantFrom(
    "application/json",
    "application/x-ndjson",
    "text/plain",
    "application/xml",
    "a/b;c=d",
  ),
  encoding: fc.option(fc.constantFrom("gzip", "br", "deflate", "identity", "compress"), {
    freq: 3,
    nil: undefined,
  }),
  path: fc.constantFrom(...Object.keys(description.paths)),
  isPost: fc.boolean(),
});

await t.test("requests at random are answered as described", async (t) => {
  const seed = Math.floor(Math.random() * 1e9);
  t.comment(`seed ${seed}`);
  await fc.assert(
    fc.asyncProperty(request, async ({ body, type, encoding, path, isPost }) => {
      const headers = {
        "content-type": type,
        ...(encoding !== undefined && { "content-encoding": encoding }),
      };
      const response = await fetch(
        ingress.url + path,
        isPost ? { method: "POST", headers, body: typeof body === "string" ? body : Buffer.from(body) } : {},
      );
      await response.arrayBuffer();
      const operation = Object.values(description.paths[path] ?? {})[0];
      const described = operation?.responses[response.status];
      const mediaType = (response.headers.get("content-type") ?? "").replace(/;.*/, "");
      return response.status < 500 && described !== undefined && mediaType in described.content;
    }),
    { seed, numRuns: 1_000 },
  );
  t.match(await ingress.program.stop(), { code: 0 });
  t.ok((await ingress.stored()).length > 0, "and what was accepted is on the disk, whole");
});
